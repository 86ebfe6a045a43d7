"""Only hosts whose compute service is enabled and alive (spec 7.5, 8.11)."""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.config import down_after
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class ComputeFilter:
    name = "ComputeFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        self._down_after = np.timedelta64(int(down_after(conf) * 1e6), "us")

    def passes(self, hosts: HostColumns, spec: Request) -> Array:
        return hosts.alive(self._down_after) & ~hosts.disabled

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        if hosts.disabled[row]:
            return "its service is disabled"
        if hosts.forced_down[row]:
            return "its service is forced down"
        if np.isnat(hosts.last_seen_up[row]):
            return "its service was never heard of"
        silent = (hosts.now - hosts.last_seen_up[row]) / np.timedelta64(1, "s")
        return f"no heartbeat for {silent:.0f} s"
