"""Newer hypervisors are better (spec 7.9)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class HypervisorVersionWeigher:
    name = "HypervisorVersionWeigher"
    option = "hypervisor_version_weight_multiplier"
    minval = None
    maxval = None

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.filter_scheduler.hypervisor_version_weight_multiplier

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        return hosts.hypervisor_version.take(rows)
