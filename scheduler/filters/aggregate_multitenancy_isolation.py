"""Hosts of aggregates that are for some projects only take servers of these projects only (spec 7.5).

The project is that of the server, whoever asks for its move (spec 12.1 #15).
"""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

# A list that is too long for one value goes on under keys that begin so.
PREFIX = "filter_tenant_id"


class AggregateMultiTenancyIsolation:
    name = "AggregateMultiTenancyIsolation"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array:
        isolated, invited = np.zeros(len(hosts), dtype=bool), np.zeros(len(hosts), dtype=bool)
        for projects, rows in hosts.aggregates.said_under(PREFIX):
            isolated[rows] = True
            if spec.project_id in [project.strip() for project in projects.split(",")]:
                invited[rows] = True
        return ~isolated | invited

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"an aggregate keeps it for other projects than {spec.project_id}"
