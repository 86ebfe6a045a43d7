"""The same as RamFilter, with the ratio that a host's aggregates set (spec 7.5, 7.7)."""

from __future__ import annotations

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.filters.ram import RamFilter


class AggregateRamFilter(RamFilter):
    name = "AggregateRamFilter"

    def ratio(self, hosts: HostColumns) -> Array:
        """The smallest of a host's aggregates; the option's where they set none."""
        return hosts.aggregates.least("ram_allocation_ratio", self._ratio)
