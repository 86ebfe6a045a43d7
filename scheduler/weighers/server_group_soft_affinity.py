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
    policy, sign_of_others = SOFT_AFFINITY, 1

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.filter_scheduler[self.option]

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        if spec.group_policy != self.policy:
            return None
        return self.sign_of_others * hosts.counts(spec.group_hosts)[rows]
