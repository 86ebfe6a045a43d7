"""Every host passes (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class AllHostsFilter:
    name = "AllHostsFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        return None
