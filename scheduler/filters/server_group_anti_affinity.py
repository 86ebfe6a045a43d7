"""The servers of an anti-affinity group do not share a host, or only so many of them do (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.objects import ANTI_AFFINITY
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class ServerGroupAntiAffinityFilter:
    name = "ServerGroupAntiAffinityFilter"
    policy = ANTI_AFFINITY

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        """The server that is placed is not among those that are counted (12.1 #6). Its own host passes anyway."""
        if spec.group_policy != self.policy:
            return None
        fits: Array = hosts.counts(spec.group_hosts) < spec.max_server_per_host
        if spec.own_host is not None:
            fits[hosts.rows_of({spec.own_host})] = True
        return fits

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return (f"has {spec.group_hosts.get(hosts.hosts[row], 0)} others of the server group, "
                f"{spec.max_server_per_host} may be together")
