"""The servers of an anti-affinity group do not share a host, or only so many of them do (spec 7.5)."""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.objects import ANTI_AFFINITY
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class ServerGroupAntiAffinityFilter:
    name = "ServerGroupAntiAffinityFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array:
        """The server that is placed is not among those that are counted, so its own host passes (12.1 #6)."""
        if spec.group_policy != ANTI_AFFINITY:
            return np.ones(len(hosts), dtype=bool)
        return hosts.counts(spec.group_hosts) < spec.max_server_per_host

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return (f"has {spec.group_hosts.get(hosts.hosts[row], 0)} others of the server group, "
                f"{spec.max_server_per_host} may be together")
