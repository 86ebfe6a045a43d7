"""What a compute agent is asked to do; every message is directed to one host (spec 4.2, 4.3)."""

from __future__ import annotations

from typing import Any

from novasim.objects import Instance, Migration
from novasim.rpc.contract import Contract, cast


class Compute(Contract):
    """The agent of one host."""

    topic = "compute"
    version = "3.22"
    older_versions = ("2.47",)
    aliases = {"grizzly": "2.27", "havana": "2.47", "icehouse-compat": "3.0", "icehouse": "3.22"}

    @cast("3.0", directed=True, older=("2.37",))
    def run_instance(self, instance: Instance, request_spec: dict[str, Any], filter_properties: dict[str, Any],
                     requested_networks: Any, injected_files: list[Any] | None, admin_password: str | None,
                     is_first_time: bool, node: str | None, legacy_bdm_in_spec: bool) -> None:
        """Build a new server here."""

    @cast("3.22", directed=True, older=("3.0", "2.35"))
    def terminate_instance(self, instance: Instance, bdms: list[Any] | None, reservations: list[str] | None) -> None:
        """Delete a server, and what a move of it left on the other host."""

    @cast("3.0", directed=True, older=("2.29",))
    def start_instance(self, instance: Instance) -> None:
        """Power a stopped server on."""

    @cast("3.0", directed=True, older=("2.29",))
    def stop_instance(self, instance: Instance) -> None:
        """Power a server off."""

    @cast("3.0", directed=True, older=("2.32",))
    def reboot_instance(self, instance: Instance, block_device_info: Any, reboot_type: str) -> None:
        """Reboot a server, SOFT or HARD."""

    @cast("3.0", directed=True, older=("2.43",))
    def prep_resize(self, image: dict[str, Any], instance: Instance, instance_type: dict[str, Any],
                    reservations: list[str] | None, request_spec: dict[str, Any], filter_properties: dict[str, Any],
                    node: str | None) -> None:
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
