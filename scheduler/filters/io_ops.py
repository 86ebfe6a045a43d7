"""Not where too many servers are being built, moved or imaged already (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class IoOpsFilter:
    name = "IoOpsFilter"
    needs_residents = True

    def __init__(self, conf: cfg.ConfigOpts):
        self._most: int = conf.filter_scheduler.max_io_ops_per_host

    def most(self, hosts: HostColumns) -> Array | int:
        """How many of them each host may have."""
        return self._most

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        fits: Array = hosts.residents.num_io_ops < self.most(hosts)
        return fits

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"{hosts.residents.num_io_ops[row]} servers keep its disk busy"
