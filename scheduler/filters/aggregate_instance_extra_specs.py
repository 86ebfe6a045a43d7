"""Only hosts whose aggregates have what the flavor's extra specs want (spec 7.5, 7.6)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from oslo_config import cfg

from novasim.scheduler import extra_specs
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

SCOPE = "aggregate_instance_extra_specs"


class AggregateInstanceExtraSpecsFilter:
    name = "AggregateInstanceExtraSpecsFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array:
        passes = np.ones(len(hosts), dtype=bool)
        for key, wanted in _wanted(spec):
            passes &= self._fits(hosts, key, wanted)
        return passes

    @staticmethod
    def _fits(hosts: HostColumns, key: str, wanted: str) -> Array:
        """Where any aggregate has a value that fits; it may list several, with commas."""
        fits = np.zeros(len(hosts), dtype=bool)
        for values, rows in hosts.aggregates.said(key):
            if any(extra_specs.match(value.strip(), wanted) for value in values.split(",")):
                fits[rows] = True
        return fits

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        key, wanted = next(pair for pair in _wanted(spec) if not self._fits(hosts, *pair)[row])
        return f"none of its aggregates has {key} {wanted}"


def _wanted(spec: Request) -> Iterator[tuple[str, str]]:
    """The extra specs that are meant for aggregates: without a scope, or with this filter's."""
    for name, wanted in spec.flavor.extra_specs.items():
        scope, colon, key = name.partition(":")
        if not colon:
            yield name, wanted
        elif scope == SCOPE:
            yield key, wanted
