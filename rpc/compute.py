"""What a compute agent is asked to do; every message is directed to one host (spec 4.2, 4.3)."""

from __future__ import annotations

from typing import Any

from novasim import exceptions
from novasim.objects import Instance, Migration
from novasim.rpc.contract import Contract, call, cast

# The hosts to be tried next: what an agent hands back when it cannot have the server.
ALTERNATES = {"host_list": "3.25"}
_NO_GUEST = exceptions.GuestNotFound
_NOT_RUN = AssertionError("a declaration, not to be run")


class Power:
    """The part of the agent's contract that changes a guest's power and leaves its server where and what it is."""

    @cast("3.0", directed=True, older=("2.29",))
    def start_instance(self, instance: Instance) -> None:
        """Power a stopped server on."""

    @cast("3.0", directed=True, older=("2.29",))
    def stop_instance(self, instance: Instance) -> None:
        """Power a server off."""

    @cast("3.0", directed=True, older=("2.32",))
    def reboot_instance(self, instance: Instance, block_device_info: Any, reboot_type: str) -> None:
        """Reboot a server, SOFT or HARD."""

    @cast("3.0", directed=True)
    def pause_instance(self, instance: Instance) -> None:
        """Freeze a server where it stands; its memory stays on the host."""

    @cast("3.0", directed=True)
    def unpause_instance(self, instance: Instance) -> None:
        """Let a paused server go on."""

    @cast("3.0", directed=True)
    def suspend_instance(self, instance: Instance) -> None:
        """Write a server's memory to disk and power it off."""

    @cast("3.0", directed=True)
    def resume_instance(self, instance: Instance) -> None:
        """Let a suspended server go on."""

    @cast("3.0", directed=True)
    def rescue_instance(self, instance: Instance, rescue_password: str | None, rescue_image_ref: str | None) -> None:
        """Start a server from another image, with its own disk beside it."""

    @cast("3.0", directed=True)
    def unrescue_instance(self, instance: Instance) -> None:
        """Start a rescued server from its own disk again."""

    @cast("3.0", directed=True)
    def set_admin_password(self, instance: Instance, new_pass: str) -> None:
        """Set the password of a server's administrator. Recorded nowhere."""

    @cast("3.0", directed=True)
    def soft_delete_instance(self, instance: Instance, reservations: list[str] | None) -> None:
        """Power a deleted server off and keep it, until it is restored or its time is over."""

    @cast("3.0", directed=True)
    def restore_instance(self, instance: Instance) -> None:
        """Power a soft-deleted server on again."""


class Insight:
    """The part of the agent's contract in which somebody waits to be told of a guest, and little is changed."""

    @call("3.26", directed=True, raises=(_NO_GUEST,))
    def get_console_output(self, instance: Instance, tail_length: int | None) -> str:
        """The last lines of a guest's console, or all."""
        raise _NOT_RUN

    @call("3.26", directed=True, raises=(_NO_GUEST,))
    def get_vnc_console(self, console_type: str, instance: Instance) -> dict[str, str]:
        """Open a VNC console of a guest: its token and URL."""
        raise _NOT_RUN

    @call("3.26", directed=True, raises=(_NO_GUEST,))
    def get_spice_console(self, console_type: str, instance: Instance) -> dict[str, str]:
        """Open a SPICE console of a guest."""
        raise _NOT_RUN

    @call("3.26", directed=True, raises=(_NO_GUEST,))
    def get_rdp_console(self, console_type: str, instance: Instance) -> dict[str, str]:
        """Open an RDP console of a guest."""
        raise _NOT_RUN

    @call("3.26", directed=True, raises=(_NO_GUEST,))
    def get_serial_console(self, console_type: str, instance: Instance) -> dict[str, str]:
        """Open a serial console of a guest."""
        raise _NOT_RUN

    @call("3.26", directed=True, raises=(_NO_GUEST,))
    def get_mks_console(self, console_type: str, instance: Instance) -> dict[str, str]:
        """Open an MKS console of a guest."""
        raise _NOT_RUN

    @call("3.26", directed=True, raises=(_NO_GUEST, exceptions.InstanceInvalidState))
    def get_diagnostics(self, instance: Instance) -> dict[str, int]:
        """How a running guest is doing, as the API had it before 2.48."""
        raise _NOT_RUN

    @call("3.26", directed=True, raises=(_NO_GUEST, exceptions.InstanceInvalidState))
    def get_instance_diagnostics(self, instance: Instance) -> dict[str, Any]:
        """How a running guest is doing."""
        raise _NOT_RUN

    @cast("3.26", directed=True)
    def trigger_crash_dump(self, instance: Instance) -> None:
        """Have the kernel of a guest write its dump."""


class Images:
    """The part of the agent's contract in which images are made of servers, and servers anew from images."""

    @cast("3.23", directed=True)
    def rebuild_instance(self, instance: Instance, orig_image_ref: str | None, image_ref: str | None,
                         injected_files: list[Any] | None, new_pass: str | None,
                         orig_sys_metadata: dict[str, str] | None, bdms: list[Any] | None, recreate: bool = False,
                         on_shared_storage: bool = False, preserve_ephemeral: bool = False,
                         migration: Migration | None = None, scheduled_node: str | None = None,
                         limits: dict[str, float] | None = None) -> None:
        """Make a server anew from an image: where it is, or, with ``recreate``, here instead of on a host that is
        gone, under a migration and with the limits of its claim."""

    @cast("3.0", directed=True)
    def snapshot_instance(self, instance: Instance, image_id: str) -> None:
        """Make an image of a server."""

    @cast("3.0", directed=True)
    def backup_instance(self, instance: Instance, image_id: str, backup_type: str, rotation: int) -> None:
        """Make an image of a server and keep the newest ``rotation`` of its type."""

    @cast("3.0", directed=True)
    def shelve_instance(self, instance: Instance, image_id: str | None) -> None:
        """Power a server off and make an image of it, from which it can be made again anywhere."""

    @cast("3.0", directed=True)
    def shelve_offload_instance(self, instance: Instance) -> None:
        """Take a shelved server off this host."""

    @cast("3.0", directed=True, added=ALTERNATES)
    def unshelve_instance(self, instance: Instance, image: dict[str, Any] | None,
                          filter_properties: dict[str, Any] | None, node: str | None,
                          host_list: list[dict[str, Any]] | None = None) -> None:
        """Start a shelved server; one that was offloaded is made here, of its image."""


class LiveMigration:
    """The part of the agent's contract in which a server moves while it runs, in the order of its hops."""

    @cast("3.24", directed=True)
    def live_migration(self, instance: Instance, dest: str, block_migration: bool, migration: Migration) -> None:
        """On the source: take the server's turn, and begin with whoever is next."""

    @cast("3.24", directed=True)
    def pre_live_migration(self, instance: Instance, migration: Migration) -> None:
        """On the destination: prepare for the guest and ask the source for it."""

    @cast("3.24", directed=True)
    def do_live_migration(self, instance: Instance, migration: Migration) -> None:
        """On the source: copy the guest while it runs, and hand over."""

    @cast("3.24", directed=True)
    def post_live_migration_at_destination(self, instance: Instance, migration: Migration) -> None:
        """On the destination: let the guest go on here."""

    @cast("3.24", directed=True)
    def rollback_live_migration_at_destination(self, instance: Instance, migration: Migration) -> None:
        """On the destination: remove what was prepared, if the server does not live here."""

    @cast("3.24", directed=True)
    def live_migration_force_complete(self, instance: Instance, migration: Migration) -> None:
        """On the source: bring a copy that is under way to its end."""

    @cast("3.24", directed=True)
    def live_migration_abort(self, instance: Instance, migration: Migration) -> None:
        """On the source: end a live migration; the server stays there."""


class Compute(Power, Insight, Images, LiveMigration, Contract):
    """The agent of one host."""

    topic = "compute"
    version = "3.26"
    older_versions = ("2.47",)
    aliases = {"grizzly": "2.27", "havana": "2.47", "icehouse-compat": "3.0", "icehouse": "3.22"}
    generations = ("2.47", "3.22")

    @cast("3.0", directed=True, older=("2.37",), added=ALTERNATES)
    def run_instance(self, instance: Instance, request_spec: dict[str, Any], filter_properties: dict[str, Any],
                     requested_networks: Any, injected_files: list[Any] | None, admin_password: str | None,
                     is_first_time: bool, node: str | None, legacy_bdm_in_spec: bool,
                     host_list: list[dict[str, Any]] | None = None) -> None:
        """Build a new server here."""

    @cast("3.22", directed=True, older=("3.0", "2.35"))
    def terminate_instance(self, instance: Instance, bdms: list[Any] | None, reservations: list[str] | None) -> None:
        """Delete a server, and what a move of it left on the other host."""

    @cast("3.0", directed=True, older=("2.43",), added=ALTERNATES)
    def prep_resize(self, image: dict[str, Any], instance: Instance, instance_type: dict[str, Any],
                    reservations: list[str] | None, request_spec: dict[str, Any], filter_properties: dict[str, Any],
                    node: str | None, host_list: list[dict[str, Any]] | None = None) -> None:
        """On the destination: hold room for the server with its new flavor and ask the source for it."""

    @cast("3.0", directed=True, older=("2.45",))
    def resize_instance(self, instance: Instance, image: dict[str, Any], reservations: list[str] | None,
                        migration: Migration, instance_type: dict[str, Any]) -> None:
        """On the source: power the guest off, move its disks and hand over."""

    @cast("3.0", directed=True, older=("2.46",))
    def finish_resize(self, disk_info: str, image: dict[str, Any], instance: Instance,
                      reservations: list[str] | None, migration: Migration) -> None:
        """On the destination: make the guest from the disks, in its new size."""

    @cast("3.0", directed=True, older=("2.39",))
    def confirm_resize(self, instance: Instance, reservations: list[str] | None, migration: Migration) -> None:
        """On the source: remove what was kept for a revert."""

    @cast("3.0", directed=True, older=("2.39",))
    def revert_resize(self, instance: Instance, migration: Migration, reservations: list[str] | None) -> None:
        """On the destination: remove the guest and ask the source to take it back."""

    @cast("3.0", directed=True, older=("2.47",))
    def finish_revert_resize(self, instance: Instance, reservations: list[str] | None, migration: Migration) -> None:
        """On the source: bring the guest back as it was."""
