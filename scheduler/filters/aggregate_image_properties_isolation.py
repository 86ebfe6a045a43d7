"""Aggregates may say which values of an image's properties their hosts are for (spec 7.5).

An image without the property, or with an empty one, goes anywhere. With a namespace only keys of aggregates that
begin with it count.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class AggregateImagePropertiesIsolation:
    name = "AggregateImagePropertiesIsolation"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        options = conf.filter_scheduler
        namespace: str | None = options.aggregate_image_properties_isolation_namespace
        self._prefix = namespace + options.aggregate_image_properties_isolation_separator if namespace else ""

    def _refusals(self, hosts: HostColumns, spec: Request) -> Iterator[tuple[str, Array]]:
        """Each property of the image that aggregates speak of, and the hosts that do not want its value."""
        for key, value in spec.image_properties.items():
            if value and key.startswith(self._prefix) and hosts.aggregates.said(key):
                speaks, wants = np.zeros(len(hosts), dtype=bool), np.zeros(len(hosts), dtype=bool)
                for values, rows in hosts.aggregates.said(key):
                    speaks[rows] = True
                    if value in [one.strip() for one in values.split(",")]:
                        wants[rows] = True
                yield key, speaks & ~wants

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        passes = np.ones(len(hosts), dtype=bool)
        for _, refused in self._refusals(hosts, spec):
            passes &= ~refused
        return passes

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        key = next(key for key, refused in self._refusals(hosts, spec) if refused[row])
        return f"its aggregates want another {key} than {spec.image_properties[key]}"
