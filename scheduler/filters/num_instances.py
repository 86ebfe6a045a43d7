"""Not where too many servers are already (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class NumInstancesFilter:
    name = "NumInstancesFilter"
    needs_residents = True

    def __init__(self, conf: cfg.ConfigOpts):
        self._most: int = conf.filter_scheduler.max_instances_per_host

    def most(self, hosts: HostColumns) -> Array | int:
        """How many servers each host may have."""
        return self._most

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        fits: Array = hosts.residents.num_instances < self.most(hosts)
        return fits

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"has {hosts.residents.num_instances[row]} servers"
