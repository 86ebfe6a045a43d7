"""Not where the servers of the hint ``different_host`` live (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class DifferentHostFilter:
    name = "DifferentHostFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        if not spec.scheduler_hints:
            return None
        return ~hosts.mask(hosts.rows_of(spec.hinted_hosts("different_host")))

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        host = hosts.hosts[row]
        here = [uuid for uuid in spec.hinted("different_host") if spec.instance_hosts.get(uuid) == host]
        return f"runs {here[0]} of the hint different_host"
