"""The same as ServerGroupAntiAffinityFilter, for the groups of before there were policies (spec 7.5)."""

from __future__ import annotations

from novasim.scheduler.filters.server_group_anti_affinity import ServerGroupAntiAffinityFilter


class GroupAntiAffinityFilter(ServerGroupAntiAffinityFilter):
    name = "GroupAntiAffinityFilter"
    policy = "legacy"
