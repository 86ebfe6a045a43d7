"""More free disk is better; with a negative multiplier, worse (spec 7.9)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class DiskWeigher:
    name = "DiskWeigher"
    option = "disk_weight_multiplier"
    minval = 0.0
    maxval = None

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.filter_scheduler.disk_weight_multiplier

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        return hosts.free_disk_mb.take(rows)
