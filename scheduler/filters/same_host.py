"""Only where one of the servers of the hint ``same_host`` lives (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class SameHostFilter:
    name = "SameHostFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        if not spec.hinted("same_host"):
            return None
        return hosts.mask(hosts.rows_of(spec.hinted_hosts("same_host")))

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return "runs none of the servers of the hint same_host"
