"""With a negative multiplier fewer servers are better, with a positive one more (spec 7.9)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class NumInstancesWeigher:
    name = "NumInstancesWeigher"
    option = "num_instances_weight_multiplier"
    minval = None
    maxval = None
    needs_residents = True

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.filter_scheduler.num_instances_weight_multiplier

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        return hosts.residents.num_instances.take(rows)
