"""The same as IoOpsFilter, with the number that a host's aggregates set (spec 7.5, 7.7)."""

from __future__ import annotations

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.filters.io_ops import IoOpsFilter


class AggregateIoOpsFilter(IoOpsFilter):
    name = "AggregateIoOpsFilter"

    def most(self, hosts: HostColumns) -> Array:
        """The smallest of a host's aggregates; the option's where they set none."""
        return hosts.aggregates.least("max_io_ops_per_host", self._most, whole=True)
