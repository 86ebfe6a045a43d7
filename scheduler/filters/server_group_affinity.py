"""The servers of an affinity group share a host (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.objects import AFFINITY
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class ServerGroupAffinityFilter:
    name = "ServerGroupAffinityFilter"
    policy = AFFINITY

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        if spec.group_policy != self.policy or not spec.group_hosts:
            return None
        fits: Array = hosts.counts(spec.group_hosts) > 0
        return fits

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"the server group's others are on {', '.join(sorted(spec.group_hosts))}"
