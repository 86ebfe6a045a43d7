"""Not a host that was tried for this request before (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class RetryFilter:
    name = "RetryFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        if not spec.tried_hosts:
            return None
        return ~hosts.mask([hosts.by_node[key] for key in spec.tried_hosts if key in hosts.by_node])

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return "already tried for this request"
