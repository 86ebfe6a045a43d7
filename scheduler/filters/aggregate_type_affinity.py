"""Aggregates may say which flavors their hosts are for, with commas between the names (spec 7.5)."""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

KEY = "instance_type"


class AggregateTypeAffinityFilter:
    name = "AggregateTypeAffinityFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        kept, invited = np.zeros(len(hosts), dtype=bool), np.zeros(len(hosts), dtype=bool)
        for names, rows in hosts.aggregates.said(KEY):
            kept[rows] = True
            if spec.flavor.name in [name.strip() for name in names.split(",")]:
                invited[rows] = True
        return ~kept | invited

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"its aggregates are for other flavors than {spec.flavor.name}"
