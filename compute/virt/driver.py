"""What an agent asks of a hypervisor (spec 8.9). One driver speaks for all hosts of a process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from novasim.objects import ComputeNode, Flavor

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


class Driver(Protocol):
    """Every method may take its time and may fail with HypervisorError; running one twice does no harm."""

    def get_available_resource(self, host: str) -> ComputeNode:
        """The capacity of a host's one node."""
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

    def power_on(self, host: str, instance_uuid: str) -> None: ...

    def power_off(self, host: str, instance_uuid: str) -> None: ...

    def reboot(self, host: str, instance_uuid: str) -> None: ...

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
