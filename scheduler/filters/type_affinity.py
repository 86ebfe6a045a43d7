"""A host has servers of one flavor only (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class TypeAffinityFilter:
    name = "TypeAffinityFilter"
    needs_residents = True

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        alike: Array = hosts.residents.num_instances == hosts.residents.of_type(spec.flavor.id)
        return alike

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        others = hosts.residents.num_instances[row] - hosts.residents.of_type(spec.flavor.id)[row]
        return f"has {others} servers of other flavors"
