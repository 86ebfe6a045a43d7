"""Only hosts with memory enough, counted with the ratio to which it may be given away (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array, ratio_at
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class RamFilter:
    name = "RamFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        self._ratio: float = conf.filter_scheduler.ram_allocation_ratio

    def ratio(self, hosts: HostColumns) -> Array | float:
        """How much of each host may be given away."""
        return self._ratio

    def passes(self, hosts: HostColumns, spec: Request) -> Array:
        return self._free(hosts) >= spec.flavor.memory_mb

    def _free(self, hosts: HostColumns) -> Array:
        ratio = self.ratio(hosts)
        return hosts.derived((self.name, self._ratio), lambda at: (
            hosts.memory_mb[at] * ratio_at(ratio, at) - (hosts.memory_mb[at] - hosts.free_ram_mb[at])))

    def limits(self, hosts: HostColumns, spec: Request, row: int) -> dict[str, float]:
        return {"memory_mb": float(hosts.memory_mb[row] * ratio_at(self.ratio(hosts), row))}

    def reasons(self, hosts: HostColumns, spec: Request, rows: Array) -> tuple[str, list[Array]]:
        return (f"{spec.flavor.memory_mb} MB of memory asked, %.0f of %.0f MB free",
                [self._free(hosts)[rows], hosts.memory_mb[rows] * ratio_at(self.ratio(hosts), rows)])
