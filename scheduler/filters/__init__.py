"""Filters: each says which hosts can take a server, and why another cannot. One file each, in this list.

A filter is a class made with the configuration. It has a ``name``, by which ``enabled_filters`` knows it, and
``passes``; where it has something to say also ``limits(hosts, spec, row)``, the ceilings for the claim on the
chosen host (spec 7.5, 8.7), and ``reason(hosts, spec, row)``, why a host was dropped, with numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from oslo_config import cfg
from oslo_utils import importutils

from novasim import exceptions
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.filters.aggregate_core import AggregateCoreFilter
from novasim.scheduler.filters.aggregate_disk import AggregateDiskFilter
from novasim.scheduler.filters.aggregate_instance_extra_specs import AggregateInstanceExtraSpecsFilter
from novasim.scheduler.filters.aggregate_multitenancy_isolation import AggregateMultiTenancyIsolation
from novasim.scheduler.filters.aggregate_ram import AggregateRamFilter
from novasim.scheduler.filters.availability_zone import AvailabilityZoneFilter
from novasim.scheduler.filters.compute import ComputeFilter
from novasim.scheduler.filters.core import CoreFilter
from novasim.scheduler.filters.different_host import DifferentHostFilter
from novasim.scheduler.filters.disk import DiskFilter
from novasim.scheduler.filters.ram import RamFilter
from novasim.scheduler.filters.retry import RetryFilter
from novasim.scheduler.filters.same_host import SameHostFilter
from novasim.scheduler.filters.server_group_affinity import ServerGroupAffinityFilter
from novasim.scheduler.filters.server_group_anti_affinity import ServerGroupAntiAffinityFilter
from novasim.scheduler.request import Request

ALL = [RetryFilter, AvailabilityZoneFilter, ComputeFilter, RamFilter, CoreFilter, DiskFilter,
       DifferentHostFilter, SameHostFilter, ServerGroupAntiAffinityFilter, ServerGroupAffinityFilter,
       AggregateInstanceExtraSpecsFilter, AggregateMultiTenancyIsolation, AggregateRamFilter, AggregateCoreFilter,
       AggregateDiskFilter]


class Filter(Protocol):
    """The part that every filter must have."""

    name: str

    def passes(self, hosts: HostColumns, spec: Request) -> Array:
        """One boolean a host: whether it can take the server."""


def all_filters() -> list[Callable[[cfg.ConfigOpts], Any]]:
    """What ``available_filters`` names by default."""
    return list(ALL)


def load(conf: cfg.ConfigOpts) -> list[Any]:
    """The enabled filters, in the order of the configuration.

    :raises ConfigurationError: when an import path leads nowhere
    :raises SchedulerHostFilterNotFound: when a name is not among the available ones
    """
    found = classes(conf.filter_scheduler.available_filters, "available_filters")
    available = {one.name: one for one in found}
    chosen = []
    for name in conf.filter_scheduler.enabled_filters:
        if name not in available:
            raise exceptions.SchedulerHostFilterNotFound(filter_name=name)
        chosen.append(available[name](conf))
    return chosen


def classes(paths: list[str], option: str) -> list[Any]:
    """The classes that import paths name, directly or by a function that lists them.

    :raises ConfigurationError: naming the option and the path
    """
    found: list[Any] = []
    for path in paths:
        try:
            thing = importutils.import_class(path)
        except (ImportError, ValueError) as error:
            raise exceptions.ConfigurationError(
                reason=f"[filter_scheduler] {option}: {path}: {error}") from error
        found += [thing] if isinstance(thing, type) else thing()
    return found
