"""With the negative multiplier that is usual: fewer servers being built, moved or imaged are better (spec 7.9)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class IoOpsWeigher:
    name = "IoOpsWeigher"
    option = "io_ops_weight_multiplier"
    minval = 0.0
    maxval = None
    needs_residents = True

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.filter_scheduler.io_ops_weight_multiplier

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        return hosts.residents.num_io_ops.take(rows)
