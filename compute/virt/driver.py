"""What an agent asks of a hypervisor (spec 8.9). One driver speaks for all hosts of a process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from novasim.objects import ComputeNode, Flavor
from novasim.sim.profiles import Profile

GUEST, BACKUP = "guest", "backup"


class Guest(NamedTuple):
    """What a hypervisor holds of a server: the guest itself, or the copy kept for a revert."""
    host: str
    instance_uuid: str
    role: str
    power_state: int
    vcpus: int
    memory_mb: int
    disk_bytes: int


class Power(Protocol):
    """The verbs that change a guest's power and nothing else: from whatever it is, it is as they say afterwards."""

    def power_on(self, host: str, instance_uuid: str) -> None: ...

    def power_off(self, host: str, instance_uuid: str) -> None: ...

    def reboot(self, host: str, instance_uuid: str) -> None: ...

    def pause(self, host: str, instance_uuid: str) -> None: ...

    def unpause(self, host: str, instance_uuid: str) -> None: ...

    def suspend(self, host: str, instance_uuid: str) -> None: ...

    def resume(self, host: str, instance_uuid: str) -> None: ...

    def rescue(self, host: str, instance_uuid: str) -> None:
        """Start it from a rescue image."""
        ...

    def unrescue(self, host: str, instance_uuid: str) -> None: ...

    def set_admin_password(self, host: str, instance_uuid: str) -> None:
        """The password goes nowhere: nothing runs in a simulated guest."""
        ...

    def inject_nmi(self, host: str, instance_uuid: str) -> None:
        """Have the guest's kernel write its dump; it is at work again afterwards."""
        ...


class Nic(NamedTuple):
    """What a guest sees of a port."""
    mac_address: str
    ip_addresses: tuple[str, ...]


class Insight(Protocol):
    """What can be asked of a guest, without touching it."""

    def require_guest(self, host: str, instance_uuid: str) -> None:
        """
        :raises GuestNotFound: when there is no guest
        """
        ...

    def get_console_output(self, host: str, instance_uuid: str, hostname: str, nics: Sequence[Nic]) -> str:
        """All that the guest has written to its serial console.

        :raises GuestNotFound: when there is no guest
        """
        ...

    def get_instance_diagnostics(self, host: str, instance_uuid: str, nics: Sequence[Nic],
                                 uptime_s: int) -> dict[str, Any]:
        """How the guest is doing, in the words of the Compute API since 2.48: nanoseconds of CPU time, bytes, MiB.

        :param uptime_s: seconds since it was made
        :raises GuestNotFound: when there is no guest
        """
        ...


class Transferred(NamedTuple):
    """How far a live migration is, in bytes; memory that was dirtied is processed more than once."""
    memory_total: int
    memory_processed: int
    memory_remaining: int
    disk_total: int
    disk_processed: int
    disk_remaining: int


class Patience(NamedTuple):
    """How long a guest may stand still at the end of a live migration, and when it must have ended, in seconds
    (0: never); then it is completed by force, or aborted."""
    downtime_s: float
    timeout_s: float
    force: bool


class LiveMigration(Protocol):
    """The verbs of a live migration, in their order."""

    def check_can_live_migrate_source(self, host: str, instance_uuid: str, block_migration: bool) -> Transferred:
        """What there is to copy, with the disks or without.

        :raises GuestNotFound: when there is no guest
        """
        ...

    def pre_live_migration(self, host: str, instance_uuid: str, flavor: Flavor) -> None:
        """On the destination: make a guest that stands still, for what will arrive."""
        ...

    def live_migration(self, host: str, instance_uuid: str, dest_host: str, total: Transferred, patience: Patience,
                       report: Callable[[Transferred], None]) -> None:
        """Copy a guest that goes on meanwhile; when this returns, the destination has all of it.

        :param total: what check_can_live_migrate_source said
        :param report: told now and then how far it is; what it raises ends the copy
        :raises LiveMigrationAborted: when it was told to give up, or took too long
        """
        ...

    def live_migration_abort(self, host: str, instance_uuid: str) -> None:
        """Give up a copy that is under way; without one, nothing."""
        ...

    def live_migration_force_complete(self, host: str, instance_uuid: str) -> None:
        """Bring a copy that is under way to its end, at the guest's cost; without one, nothing."""
        ...

    def post_live_migration(self, host: str, instance_uuid: str) -> None:
        """On the source: remove the guest, which is another host's now."""
        ...

    def post_live_migration_at_destination(self, host: str, instance_uuid: str, power_state: int) -> None:
        """On the destination: the guest goes on where it stopped."""
        ...

    def rollback_live_migration_at_destination(self, host: str, instance_uuid: str) -> None:
        """Remove what pre_live_migration made."""
        ...


class Driver(Power, Insight, LiveMigration, Protocol):
    """Every method may take its time and may fail with HypervisorError; running one twice does no harm."""

    def equip(self, hosts: Iterable[str], profile: Profile) -> None:
        """Some hosts have this shape from now on."""
        ...

    def get_available_resource(self, host: str) -> ComputeNode:
        """The capacity of a host's one node."""
        ...

    def get_host_cpu_stats(self, hosts: Iterable[str]) -> dict[str, dict[str, float]]:
        """Of each host, ``frequency`` in MHz, and as parts of 1 what its CPUs do: ``percent`` is all but
        ``idle.percent``, namely ``user.percent``, ``kernel.percent`` and ``iowait.percent``."""
        ...

    def list_guests(self, hosts: Iterable[str] | None = None) -> list[Guest]:
        """All guests and backup copies on some hosts, or on all that this machine simulates."""
        ...

    def power_state(self, host: str, instance_uuid: str) -> int:
        """How the guest is; NOSTATE where there is none."""
        ...

    def spawn(self, host: str, instance_uuid: str, flavor: Flavor) -> None:
        """Make a guest and power it on."""
        ...

    def destroy(self, host: str, instance_uuid: str, keep_backup: bool = False) -> None:
        """Remove the guest with its disks, and unless told otherwise the copy kept for a revert."""
        ...

    def remove(self, guest: Guest) -> None:
        """Remove exactly this guest or copy."""
        ...

    def snapshot(self, host: str, instance_uuid: str, before_upload: Callable[[], None]) -> int:
        """Make an image of the guest's disk and send it away.

        :param before_upload: called when the image is written and is going to be sent; it may raise to stop that
        :returns: its size in bytes
        """
        ...

    def migrate_disk_and_power_off(self, host: str, instance_uuid: str, dest_host: str, flavor: Flavor) -> str:
        """Power off, copy the disks to the destination, keep a copy for a revert.

        :returns: disk_info, for finish_migration
        :raises InstanceFaultRollback: when it failed before anything was touched
        """
        ...

    def finish_migration(self, host: str, instance_uuid: str, disk_info: str, flavor: Flavor,
                         power_on: bool) -> None:
        """Make the guest from the disks that arrived."""
        ...

    def confirm_migration(self, host: str, instance_uuid: str) -> None:
        """Remove the copy kept for a revert."""
        ...

    def finish_revert_migration(self, host: str, instance_uuid: str, power_on: bool) -> None:
        """Make the kept copy the guest again."""
        ...
