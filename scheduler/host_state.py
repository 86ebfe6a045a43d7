"""One host as an object, under the names that filters and weighers of OpenStack clouds are written for (spec 7.3)."""

from __future__ import annotations

import functools
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from novasim.objects import Aggregate, Resident

if TYPE_CHECKING:
    from novasim.scheduler.columns import HostColumns

# Attribute of a host -> the column of numbers that it is.
NUMBERS = {
    "total_usable_ram_mb": "memory_mb", "free_ram_mb": "free_ram_mb", "total_usable_disk_gb": "local_gb",
    "free_disk_mb": "free_disk_mb", "vcpus_total": "vcpus", "vcpus_used": "vcpus_used",
    "hypervisor_version": "hypervisor_version", "failed_builds": "failed_builds",
}
# The same for columns of texts.
TEXTS = ("hypervisor_type", "cpu_info", "host_ip")


@functools.lru_cache(maxsize=65536)
def measurements(text: str) -> dict[str, float]:
    """The measurements of a host by name: read from a list of ``{"name", "value"}``."""
    return {one["name"]: float(one["value"]) for one in json.loads(text or "[]")}


class HostState:
    """A row of the fleet. ``limits`` are the ceilings that filters set for the claim (spec 7.5).

    It is good until the row changes: numbers are copied, since filters read them many times; what few filters
    read is worked out when they ask.
    """

    total_usable_ram_mb: int
    free_ram_mb: int
    total_usable_disk_gb: int
    free_disk_mb: int
    vcpus_total: int
    vcpus_used: int
    hypervisor_version: int
    failed_builds: int

    def __init__(self, hosts: HostColumns, row: int):
        self._hosts = hosts
        self._row = row
        self.host = hosts.hosts[row]
        self.nodename = self.hypervisor_hostname = hosts.nodes[row]
        self.limits: dict[str, float] = {}
        vars(self).update({name: getattr(hosts, column).item(row) for name, column in NUMBERS.items()})
        self.num_instances: int = hosts.residents.num_instances.item(row)
        self.num_io_ops: int = hosts.residents.num_io_ops.item(row)

    def __repr__(self) -> str:
        return (f"({self.host}, {self.nodename}) ram: {self.free_ram_mb}MB disk: {self.free_disk_mb}MB "
                f"io_ops: {self.num_io_ops} instances: {self.num_instances}")

    @property
    def disk_mb_used(self) -> int:
        return 1024 * self._hosts.local_gb_used.item(self._row)

    @property
    def updated(self) -> Any:
        """When the row was written or room on it given away."""
        return self._hosts.updated_at[self._row].item()

    @property
    def hypervisor_type(self) -> str:
        return self._hosts.hypervisor_type[self._row]

    @property
    def cpu_info(self) -> str:
        return self._hosts.cpu_info[self._row]

    @property
    def host_ip(self) -> str:
        return self._hosts.host_ip[self._row]

    @property
    def supported_instances(self) -> list[list[str]]:
        """(architecture, hypervisor type, mode) of each kind of guest that it can run."""
        return list(json.loads(self._hosts.supported_instances[self._row] or "[]"))

    @property
    def metrics(self) -> dict[str, float]:
        """What its monitors measured."""
        return measurements(self._hosts.metrics[self._row])

    @property
    def service(self) -> dict[str, Any]:
        """Its compute service."""
        hosts, row = self._hosts, self._row
        seen = hosts.last_seen_up[row].item()
        return {"host": self.host, "disabled": bool(hosts.disabled[row]), "forced_down": bool(hosts.forced_down[row]),
                "last_seen_up": seen, "updated_at": seen}

    @property
    def aggregates(self) -> list[Aggregate]:
        """The aggregates that it is in."""
        return self._hosts.aggregates.of(self.host)

    @property
    def instances(self) -> dict[str, Resident]:
        """The servers that are here, or will be, by uuid."""
        return self._hosts.residents.on(self._row)

    @property
    def num_instances_by_project(self) -> dict[str | None, int]:
        return dict(Counter(server.project_id for server in self.instances.values()))

    @property
    def vm_states(self) -> dict[str | None, int]:
        return dict(Counter(server.vm_state for server in self.instances.values()))

    @property
    def task_states(self) -> dict[str | None, int]:
        return dict(Counter(server.task_state for server in self.instances.values()))

    @property
    def num_os_type(self) -> dict[str | None, int]:
        return dict(Counter(server.os_type for server in self.instances.values()))

    @property
    def stats(self) -> dict[str, Any]:
        """What the agent counts, and the same of the servers under the names of the agents of 2014."""
        counted = {"num_instances": self.num_instances, "io_workload": self.num_io_ops}
        for prefix, counts in (("num_proj_", self.num_instances_by_project), ("num_vm_", self.vm_states),
                               ("num_task_", self.task_states), ("num_os_type_", self.num_os_type)):
            counted |= {f"{prefix}{key}": count for key, count in counts.items()}
        return dict(json.loads(self._hosts.stats[self._row] or "{}")) | counted
