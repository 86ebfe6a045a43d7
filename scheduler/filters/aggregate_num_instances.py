"""The same as NumInstancesFilter, with the number that a host's aggregates set (spec 7.5, 7.7)."""

from __future__ import annotations

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.filters.num_instances import NumInstancesFilter


class AggregateNumInstancesFilter(NumInstancesFilter):
    name = "AggregateNumInstancesFilter"

    def most(self, hosts: HostColumns) -> Array:
        """The smallest of a host's aggregates; the option's where they set none."""
        return hosts.aggregates.least("max_instances_per_host", self._most, whole=True)
