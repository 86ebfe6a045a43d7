"""For a server of a soft-anti-affinity group a host is the better, the fewer of its others it has (spec 7.9)."""

from __future__ import annotations

from novasim.objects import SOFT_ANTI_AFFINITY
from novasim.scheduler.weighers.server_group_soft_affinity import ServerGroupSoftAffinityWeigher


class ServerGroupSoftAntiAffinityWeigher(ServerGroupSoftAffinityWeigher):
    name = "ServerGroupSoftAntiAffinityWeigher"
    option = "soft_anti_affinity_weight_multiplier"
    policy, sign_of_others = SOFT_ANTI_AFFINITY, -1
