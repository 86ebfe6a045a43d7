"""The same as ServerGroupAffinityFilter, for the groups of before there were policies (spec 7.5)."""

from __future__ import annotations

from novasim.scheduler.filters.server_group_affinity import ServerGroupAffinityFilter


class GroupAffinityFilter(ServerGroupAffinityFilter):
    name = "GroupAffinityFilter"
    policy = "legacy"
