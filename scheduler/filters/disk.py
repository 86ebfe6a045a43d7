"""Only hosts with disk enough for root, ephemeral and swap (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array, ratio_at
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class DiskFilter:
    name = "DiskFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        self._ratio: float = conf.filter_scheduler.disk_allocation_ratio

    @staticmethod
    def _asked_mb(spec: Request) -> int:
        return 1024 * spec.flavor.disk_gb + spec.flavor.swap

    def ratio(self, hosts: HostColumns) -> Array | float:
        """How much of each host may be given away."""
        return self._ratio

    def passes(self, hosts: HostColumns, spec: Request) -> Array:
        return self._free_mb(hosts) >= self._asked_mb(spec)

    def _free_mb(self, hosts: HostColumns) -> Array:
        ratio = self.ratio(hosts)
        return hosts.derived((self.name, self._ratio), lambda at: (
            1024 * hosts.local_gb[at] * ratio_at(ratio, at) - (1024 * hosts.local_gb[at] - hosts.free_disk_mb[at])))

    def limits(self, hosts: HostColumns, spec: Request, row: int) -> dict[str, float]:
        return {"disk_gb": float(hosts.local_gb[row] * ratio_at(self.ratio(hosts), row))}

    def reasons(self, hosts: HostColumns, spec: Request, rows: Array) -> tuple[str, list[Array]]:
        return (f"{self._asked_mb(spec)} MB of disk asked, %.0f of %.0f MB free",
                [self._free_mb(hosts)[rows], 1024 * hosts.local_gb[rows] * ratio_at(self.ratio(hosts), rows)])
