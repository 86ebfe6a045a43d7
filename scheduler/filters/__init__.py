"""Filters: each says which hosts can take a server, and why another cannot. One file each, in this list.

A filter is a class made with the configuration. It has a ``name``, by which ``enabled_filters`` knows it, and
``passes``; where it has something to say also ``limits(hosts, spec, row)``, the ceilings for the claim on the
chosen host (spec 7.5, 8.7), and ``reason(hosts, spec, row)``, why a host was dropped, with numbers; one that often
drops many has ``reasons(hosts, spec, rows)`` instead: one text for all, and the columns of numbers that stand in its
places (``%.0f``). With ``needs_residents`` it is told which servers are on
the hosts; with ``run_filter_once_per_request`` it is asked for the first server of a request only (spec 7.4). Or it
looks at one host at a time: per_host.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from oslo_config import cfg

from novasim import exceptions
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.filters.aggregate_core import AggregateCoreFilter
from novasim.scheduler.filters.aggregate_disk import AggregateDiskFilter
from novasim.scheduler.filters.aggregate_image_properties_isolation import AggregateImagePropertiesIsolation
from novasim.scheduler.filters.aggregate_instance_extra_specs import AggregateInstanceExtraSpecsFilter
from novasim.scheduler.filters.aggregate_io_ops import AggregateIoOpsFilter
from novasim.scheduler.filters.aggregate_multitenancy_isolation import AggregateMultiTenancyIsolation
from novasim.scheduler.filters.aggregate_num_instances import AggregateNumInstancesFilter
from novasim.scheduler.filters.aggregate_ram import AggregateRamFilter
from novasim.scheduler.filters.aggregate_type_affinity import AggregateTypeAffinityFilter
from novasim.scheduler.filters.all_hosts import AllHostsFilter
from novasim.scheduler.filters.availability_zone import AvailabilityZoneFilter
from novasim.scheduler.filters.compute import ComputeFilter
from novasim.scheduler.filters.compute_capabilities import ComputeCapabilitiesFilter
from novasim.scheduler.filters.core import CoreFilter
from novasim.scheduler.filters.different_host import DifferentHostFilter
from novasim.scheduler.filters.disk import DiskFilter
from novasim.scheduler.filters.group_affinity import GroupAffinityFilter
from novasim.scheduler.filters.group_anti_affinity import GroupAntiAffinityFilter
from novasim.scheduler.filters.image_properties import ImagePropertiesFilter
from novasim.scheduler.filters.io_ops import IoOpsFilter
from novasim.scheduler.filters.isolated_hosts import IsolatedHostsFilter
from novasim.scheduler.filters.json import JsonFilter
from novasim.scheduler.filters.metrics import MetricsFilter
from novasim.scheduler.filters.num_instances import NumInstancesFilter
from novasim.scheduler.filters.numa_topology import NUMATopologyFilter
from novasim.scheduler.filters.pci_passthrough import PciPassthroughFilter
from novasim.scheduler.filters.ram import RamFilter
from novasim.scheduler.filters.retry import RetryFilter
from novasim.scheduler.filters.same_host import SameHostFilter
from novasim.scheduler.filters.server_group_affinity import ServerGroupAffinityFilter
from novasim.scheduler.filters.server_group_anti_affinity import ServerGroupAntiAffinityFilter
from novasim.scheduler.filters.simple_cidr_affinity import SimpleCIDRAffinityFilter
from novasim.scheduler.filters.trusted import TrustedFilter
from novasim.scheduler.filters.type_affinity import TypeAffinityFilter
from novasim.scheduler.per_host import PerHostFilter
from novasim.scheduler.plugins import find
from novasim.scheduler.request import Request

NAMESPACE = "novasim.scheduler.filters"
ALL = [RetryFilter, AvailabilityZoneFilter, ComputeFilter, RamFilter, CoreFilter, DiskFilter, DifferentHostFilter,
       SameHostFilter, ServerGroupAntiAffinityFilter, ServerGroupAffinityFilter, AggregateCoreFilter,
       AggregateDiskFilter, AggregateImagePropertiesIsolation, AggregateInstanceExtraSpecsFilter,
       AggregateIoOpsFilter, AggregateMultiTenancyIsolation, AggregateNumInstancesFilter, AggregateRamFilter,
       AggregateTypeAffinityFilter, AllHostsFilter, ComputeCapabilitiesFilter, GroupAffinityFilter,
       GroupAntiAffinityFilter, ImagePropertiesFilter, IoOpsFilter, IsolatedHostsFilter, JsonFilter,
       MetricsFilter, NumInstancesFilter, NUMATopologyFilter, PciPassthroughFilter, SimpleCIDRAffinityFilter,
       TrustedFilter, TypeAffinityFilter]


class Filter(Protocol):
    """The part that every filter must have."""

    name: str

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        """One boolean a host: whether it can take the server. None: all can."""


def all_filters() -> list[Callable[[cfg.ConfigOpts], Any]]:
    """What ``available_filters`` names by default."""
    return list(ALL)


def load(conf: cfg.ConfigOpts) -> list[Any]:
    """The enabled filters, in the order of the configuration.

    :raises ConfigurationError: when an import path leads nowhere
    :raises SchedulerHostFilterNotFound: when a name is neither among the available ones nor an entry point
    """
    option = "[filter_scheduler] available_filters"
    found = [made for path in conf.filter_scheduler.available_filters for made in find(path, NAMESPACE, ALL, option)]
    available = {getattr(made, "name", made.__name__): made for made in found}
    return [_make(_named(name, available), conf) for name in conf.filter_scheduler.enabled_filters]


def _named(name: str, available: dict[str, Any]) -> Any:
    """A filter that is available, or one that says where it is itself."""
    if name in available:
        return available[name]
    try:
        [made] = find(name, NAMESPACE, ALL, "[filter_scheduler] enabled_filters")
    except (exceptions.ConfigurationError, ValueError) as error:
        raise exceptions.SchedulerHostFilterNotFound(filter_name=name) from error
    return made


def _make(made: Any, conf: cfg.ConfigOpts) -> Any:
    return PerHostFilter(made, conf) if hasattr(made, "host_passes") else made(conf)
