"""Hosts on which builds failed lately are worse: the more failed, the worse (spec 7.9)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class BuildFailureWeigher:
    name = "BuildFailureWeigher"
    option = "build_failure_weight_multiplier"
    minval = None
    maxval = None
    # What the option and the aggregates set is taken as negative.
    sign = -1

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = -conf.filter_scheduler.build_failure_weight_multiplier

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        return hosts.failed_builds.take(rows)
