"""The servers of an affinity group share a host (spec 7.5)."""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.objects import AFFINITY
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class ServerGroupAffinityFilter:
    name = "ServerGroupAffinityFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array:
        if spec.group_policy != AFFINITY or not spec.group_hosts:
            return np.ones(len(hosts), dtype=bool)
        return hosts.counts(spec.group_hosts) > 0

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"the server group's others are on {', '.join(sorted(spec.group_hosts))}"
