"""For a server of a soft-affinity group a host is the better, the more of its others it has (spec 7.9)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.objects import SOFT_AFFINITY
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class ServerGroupSoftAffinityWeigher:
    name = "ServerGroupSoftAffinityWeigher"
    option = "soft_affinity_weight_multiplier"
    minval = maxval = None

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier = conf.filter_scheduler.soft_affinity_weight_multiplier

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        if spec.group_policy != SOFT_AFFINITY:
            return None
        return hosts.counts(spec.group_hosts)[rows]
