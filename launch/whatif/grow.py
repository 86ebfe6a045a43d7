"""When is a fleet full, and of what: servers come to stay until one finds no host."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from novasim import exceptions
from novasim.launch.whatif import fleet
from novasim.launch.whatif.arrivals import Arrivals
from novasim.launch.whatif.policies import Policy
from novasim.sim import profiles
from novasim.sim.chance import Chance

# A policy without a filter that looks at room never refuses anybody.
MOST_PER_HOST = 1000
DRAWN_AT_A_TIME = 1000
RESOURCES = {"RamFilter": "memory", "AggregateRamFilter": "memory", "CoreFilter": "vCPUs",
             "AggregateCoreFilter": "vCPUs", "DiskFilter": "disk", "AggregateDiskFilter": "disk"}


@dataclass(frozen=True)
class Full:
    """The moment of the first refusal in one run; use is a part of what the hosts physically have."""

    servers: int
    days: float
    flavor: str
    ran_out: str
    memory_used: float
    vcpus_used: float
    disk_used: float
    largest_flavor: str


class Growth:
    """Servers of the mix that a trace has at a time, none of which leaves.

    :param hosts: how many, of the profile
    :param rate: servers an hour by which the fleet's population grows, with the chance of a Poisson process
    """

    def __init__(self, policy: Policy, arrivals: Arrivals, hosts: int, profile: str, rate: float):
        self._policy, self._conf = policy, policy.config()
        self._count, self._shape, self._rate = hosts, profiles.load(profile), rate
        self._requests = [fleet.request(flavor) for flavor in arrivals.flavors]
        self._shares = arrivals.alive_shares().tolist()
        self._single = policy.single_filters()

    def play(self, seed: int, number: int) -> Full:
        """One run.

        :raises Invalid: when the policy refuses nobody
        """
        chance = Chance(f"{seed}/{number}")
        draw, pipeline = chance.stream("growth"), self._policy.pipeline(f"{seed}/{number}", self._conf)
        hosts = fleet.empty(self._count, self._shape, self._conf, pipeline.needs_residents)
        servers, hours = 0, 0.0
        while servers < MOST_PER_HOST * self._count:
            for spec in draw.choices(self._requests, self._shares, k=DRAWN_AT_A_TIME):
                hours += draw.expovariate(self._rate)
                spec.instance_uuids[0] = str(servers)
                decision = pipeline.decide(hosts, spec)
                if decision.rejected is not None:
                    return self._full(pipeline, hosts, spec, servers, hours)
                fleet.settle(hosts, spec, decision.selections[0])
                servers += 1
        raise exceptions.Invalid(f"policy {self._policy.name}: the fleet is not full with {servers} servers. "
                                 "Enable filters that look at room, such as RamFilter")

    def _full(self, pipeline: Any, hosts: Any, spec: Any, servers: int, hours: float) -> Full:
        dropped = Counter({name: fleet.ask(one, hosts, spec).dropped.get(name, 0)
                           for name, one in self._single.items()})
        name = dropped.most_common(1)[0][0]
        largest = fleet.largest(pipeline, hosts, self._requests)
        disk_mb = hosts.local_gb * 1024
        return Full(servers, hours / 24, spec.flavor.name, RESOURCES.get(name, name),
                    float(1 - hosts.free_ram_mb.sum() / hosts.memory_mb.sum()),
                    float(hosts.vcpus_used.sum() / hosts.vcpus.sum()),
                    float(1 - hosts.free_disk_mb.sum() / disk_mb.sum()), largest.name if largest else "none")


def summary(policy: str, runs: Sequence[Full]) -> dict[str, Any]:
    """The middle of the runs, with the band in which nine of ten lie."""
    servers, days = sorted(one.servers for one in runs), sorted(one.days for one in runs)

    def most(field: str) -> str:
        counts = Counter(getattr(one, field) for one in runs)
        value, count = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return value if count == len(runs) else f"{value} ({count} of {len(runs)})"

    def mean(field: str) -> float:
        return round(100 * statistics.fmean(getattr(one, field) for one in runs), 1)

    return {"policy": policy, "runs": len(runs)} | {
        f"{name}_{part}": round(_quantile(values, part / 100), 2)
        for name, values in (("servers", servers), ("days", days)) for part in (5, 50, 95)} | {
        "ran_out": most("ran_out"), "refused": most("flavor"), "still_placeable": most("largest_flavor"),
        "memory_used": mean("memory_used"), "vcpus_used": mean("vcpus_used"), "disk_used": mean("disk_used")}


def _quantile(ordered: Sequence[float], part: float) -> float:
    """With a straight line between two values."""
    at = part * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])
