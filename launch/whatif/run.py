"""One policy against the arrivals and departures of a trace, as fast as decisions go."""

from __future__ import annotations

import heapq
import math
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from novasim.launch.whatif import fleet
from novasim.launch.whatif.arrivals import Arrivals
from novasim.launch.whatif.policies import Policy
from novasim.sim import profiles

# Seconds between two looks at the fleet; the first with which they are not too many is taken.
STEPS_S = (1, 10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
MOST_SAMPLES = 300
SAY_EVERY = 20_000


@dataclass(frozen=True)
class Sample:
    """The fleet at a moment; counts of servers since the beginning. The order is that of the columns in the CSV."""

    time_s: int
    arrived: int
    rejected: int
    running: int
    hosts_used: int
    vcpus_used: int
    memory_used_mb: int
    disk_used_gb: int
    largest_flavor: str
    largest_memory_mb: int
    memory_imbalance: float
    vcpu_imbalance: float
    rejected_of: list[int]


@dataclass
class Result:
    """What came of a policy. ``decision_ns``, CPU time, differs from run to run; all else follows from the seed."""

    policy: str
    flavors: list[str]
    asked_of: list[int]
    samples: list[Sample]
    reasons: dict[str, int]
    decision_ns: np.ndarray[Any, Any] = field(repr=False)


def step_of(arrivals: Arrivals) -> int:
    """Seconds between samples for a trace."""
    span = arrivals.begins[-1] - arrivals.begins[0]
    return next((step for step in STEPS_S if span / step <= MOST_SAMPLES), int(span // MOST_SAMPLES) + 1)


class Run:
    """Arrivals in their order against an empty fleet. At one moment servers end before others come.

    :param hosts: how many, of the profile
    """

    def __init__(self, policy: Policy, arrivals: Arrivals, hosts: int, profile: str, seed: int):
        conf = policy.config()
        self._policy, self._arrivals = policy, arrivals
        self._pipeline = policy.pipeline(seed, conf)
        # Looks at the fleet draw from a stream of their own, so that they do not shift the decisions.
        self._probe = policy.pipeline(f"{seed}/probe", conf)
        self._hosts = fleet.empty(hosts, profiles.load(profile), conf, self._pipeline.needs_residents)
        self._requests = [fleet.request(flavor) for flavor in arrivals.flavors]
        self._servers = np.zeros(hosts, dtype="int64")
        self._ends: list[tuple[float, int, int, int]] = []
        self._rejected = [0] * len(arrivals.flavors)
        self._reasons: Counter[str] = Counter()
        self._arrived = 0
        self._samples: list[Sample] = []

    def play(self) -> Result:
        """From the first arrival to the last."""
        arrivals, begins = self._arrivals, self._arrivals.begins.tolist()
        spent = np.zeros(len(arrivals), dtype="int64")
        step, self._next = step_of(arrivals), int(begins[0])
        now = None
        for number, (begin, end, kind) in enumerate(
                zip(begins, arrivals.ends.tolist(), arrivals.kinds.tolist(), strict=True)):
            if begin != now:
                self._look_until(begin, step)
                now = begin
                self._hosts.now = np.datetime64(fleet.START, "us") + np.timedelta64(int(now * 1e6), "us")
            spec = self._requests[kind]
            spec.instance_uuids[0] = str(number)
            began = time.thread_time_ns()
            decision = self._pipeline.decide(self._hosts, spec)
            spent[number] = time.thread_time_ns() - began
            self._arrived += 1
            if decision.rejected is None:
                chosen = decision.selections[0]
                row = self._hosts.by_node[chosen.host, chosen.nodename]
                fleet.settle(self._hosts, spec, chosen)
                self._servers[row] += 1
                heapq.heappush(self._ends, (end, number, row, kind))
            else:
                self._rejected[kind] += 1
                self._reasons[next(iter(decision.dropped), "no host")] += 1
            if self._arrived % SAY_EVERY == 0:
                sys.stderr.write(f"whatif: {self._policy.name}: {self._arrived} of {len(arrivals)} servers\n")
        self._sample(math.ceil(begins[-1]))
        asked = np.bincount(arrivals.kinds, minlength=len(arrivals.flavors)).tolist()
        return Result(self._policy.name, [flavor.name for flavor in arrivals.flavors], asked, self._samples,
                      dict(sorted(self._reasons.items())), spent)

    def _look_until(self, moment: float, step: int) -> None:
        """Let servers end until a moment, that included, and take the samples before it."""
        while self._next < moment:
            self._depart(self._next)
            self._sample(self._next)
            self._next += step
        self._depart(moment)

    def _depart(self, moment: float) -> None:
        while self._ends and self._ends[0][0] <= moment:
            _, number, row, kind = heapq.heappop(self._ends)
            self._hosts.release(row, self._arrivals.flavors[kind], str(number))
            self._servers[row] -= 1

    def _sample(self, moment: int) -> None:
        hosts = self._hosts
        for spec in self._requests:
            spec.instance_uuids[0] = "probe"
        vcpus, memory = hosts.vcpus_used, hosts.memory_mb - hosts.free_ram_mb
        disk_mb = hosts.local_gb * 1024 - hosts.free_disk_mb
        largest = fleet.largest(self._probe, hosts, self._requests)
        self._samples.append(Sample(
            time_s=moment, arrived=self._arrived, rejected=sum(self._rejected), running=int(self._servers.sum()),
            hosts_used=int(np.count_nonzero(self._servers)), vcpus_used=int(vcpus.sum()),
            memory_used_mb=int(memory.sum()), disk_used_gb=int(disk_mb.sum()) // 1024,
            largest_flavor=largest.name if largest else "", largest_memory_mb=largest.memory_mb if largest else 0,
            memory_imbalance=float(np.std(memory / hosts.memory_mb)),
            vcpu_imbalance=float(np.std(vcpus / hosts.vcpus)), rejected_of=list(self._rejected)))


def play(policy: Policy, arrivals: Arrivals, hosts: int, profile: str, seed: int) -> Result:
    """A run from beginning to end; a function, so that a process of its own can be told to do it."""
    return Run(policy, arrivals, hosts, profile, seed).play()
