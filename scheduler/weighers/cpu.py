"""More free virtual CPUs are better, counted with the ratio to which they may be given away (spec 7.9)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class CPUWeigher:
    name = "CPUWeigher"
    option = "cpu_weight_multiplier"
    minval = 0.0
    maxval = None

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.filter_scheduler.cpu_weight_multiplier
        self._ratio: float = conf.filter_scheduler.cpu_allocation_ratio

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        free = hosts.derived((self.name, self._ratio), lambda at: hosts.vcpus[at] * self._ratio - hosts.vcpus_used[at])
        return free.take(rows)
