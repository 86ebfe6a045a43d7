#!/usr/bin/env python
"""Measure one scheduling decision: columns, columns with a custom filter in Python, and a plain loop over objects.

    python bench/scheduler.py                     # 1,000, 10,000 and 100,000 hosts
    python bench/scheduler.py --hosts 10000       # one size

The seven filters and four weighers that the issue of such a cloud is about; each decision gives its room away, so the
next one sees other hosts. The record is what os-simulator/decisions tells of a decision. Milliseconds are of CPU (the
machine may be shared), the median over the decisions. The plain loop does the same host by host on objects with slots,
and has to choose the same hosts, or the run fails.
"""

import argparse
import pathlib
import random
import statistics
import tempfile
import time
import tracemalloc
from datetime import datetime

from novasim import config
from novasim.db import options as db_options
from novasim.objects import ComputeNode, Flavor, Service
from novasim.scheduler import options
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.decisions import Recorder
from novasim.scheduler.pipeline import Pipeline
from novasim.scheduler.request import Request
from novasim.sim.clock import Clock
from novasim.sim.journal import Journal

NOW = datetime(2026, 3, 1)
FILTERS = ["RetryFilter", "AvailabilityZoneFilter", "ComputeFilter", "RamFilter", "CoreFilter", "DiskFilter",
           "IoOpsFilter"]
WEIGHERS = ["ram.RAMWeigher", "cpu.CPUWeigher", "disk.DiskWeigher", "io_ops.IoOpsWeigher"]
FLAVORS = [Flavor(flavorid="s", name="s", memory_mb=2048, vcpus=1, root_gb=20),
           Flavor(flavorid="m", name="m", memory_mb=4096, vcpus=2, root_gb=40),
           Flavor(flavorid="l", name="l", memory_mb=16384, vcpus=8, root_gb=160)]


class OddFilter:
    """A custom filter as operators write one: three of four hosts pass."""

    def host_passes(self, host_state, spec):
        return host_state.free_ram_mb >= spec.flavor.memory_mb and hash(host_state.host[-3:]) % 4 != 0


def conf(extra):
    """A scheduler's configuration, with these filters after the usual ones."""
    return config.build([*db_options.list_opts(), *options.list_opts()], overrides={
        "filter_scheduler.enabled_filters": [*FILTERS, *extra],
        "filter_scheduler.weight_classes": [f"novasim.scheduler.weighers.{path}" for path in WEIGHERS]})


def pipeline(extra=()):
    """The scheduler's own."""
    return Pipeline.configured(conf(extra), random.Random(1))


def nodes(count):
    """A fleet that is in use, each host differently."""
    draw = random.Random(count)
    for number in range(count):
        used, vcpus, disk = draw.randrange(0, 200_000), draw.randrange(0, 128), draw.randrange(0, 1500)
        yield ComputeNode(id=number, uuid="", host=f"cmp-{number}", hypervisor_hostname=f"cmp-{number}", vcpus=32,
                          memory_mb=131072, local_gb=2000, vcpus_used=vcpus, memory_mb_used=used, local_gb_used=disk,
                          free_ram_mb=131072 - used, free_disk_gb=2000 - disk, updated_at=NOW)


def columns(fleet):
    """The scheduler's columns of it."""
    services = {node.host: Service(uuid="", host=node.host, binary="nova-compute", topic="compute", last_seen_up=NOW)
                for node in fleet}
    return HostColumns(fleet, services, [], NOW, tracked=True)


class Host:
    """What the plain loop keeps of a host."""

    __slots__ = ("free_disk", "free_ram", "io_ops", "memory", "name", "seen", "vcpus", "used", "disk", "zone")

    def __init__(self, node):
        self.name, self.memory, self.vcpus, self.disk = node.host, node.memory_mb, node.vcpus, node.local_gb * 1024
        self.free_ram, self.free_disk, self.used = node.free_ram_mb, node.free_disk_gb * 1024, node.vcpus_used
        self.io_ops, self.seen, self.zone = 0, NOW, "nova"


class Plain:
    """The same filters and weighers, host by host."""

    def __init__(self, fleet):
        self.hosts = [Host(node) for node in fleet]

    def passes(self, host, spec, tried):
        """The seven filters."""
        flavor = spec.flavor
        return (host.name not in tried and (not spec.availability_zone or host.zone == spec.availability_zone)
                and (NOW - host.seen).total_seconds() <= 60
                and host.memory * 1.5 - (host.memory - host.free_ram) >= flavor.memory_mb
                and host.vcpus * 16.0 - host.used >= flavor.vcpus
                and host.disk - (host.disk - host.free_disk) >= 1024 * flavor.root_gb and host.io_ops < 8)

    def decide(self, spec):
        """The name of the host that is chosen; its room is given away."""
        left = [host for host in self.hosts if self.passes(host, spec, ())]
        weights = [0.0] * len(left)
        for raw, multiplier in (([host.free_ram for host in left], 1.0),
                                ([host.vcpus * 16.0 - host.used for host in left], 1.0),
                                ([host.free_disk for host in left], 1.0), ([host.io_ops for host in left], -1.0)):
            raw = [max(value, 0) for value in raw]
            high = max(raw)
            if high:
                weights = [weight + multiplier * (value / high) for weight, value in zip(weights, raw, strict=True)]
        best = left[weights.index(max(weights))]
        best.free_ram -= spec.flavor.memory_mb
        best.used += spec.flavor.vcpus
        best.free_disk -= 1024 * spec.flavor.root_gb
        best.io_ops += 1
        return best.name


def timed(decide, count):
    """Median milliseconds of CPU of a decision, and what was decided."""
    spent, chosen = [], []
    for number in range(count):
        spec = Request(flavor=FLAVORS[number % 3], instance_uuids=[f"server-{number}"])
        began = time.thread_time()
        chosen.append(decide(spec))
        spent.append((time.thread_time() - began) * 1000)
    return statistics.median(spent), chosen


def measure(size, decisions, module):
    """One line of the table.

    :raises SystemExit: when the plain loop chooses other hosts
    """
    fleet = list(nodes(size))
    tracemalloc.start()
    hosts = columns(fleet)
    memory = tracemalloc.get_traced_memory()[0] / size
    tracemalloc.stop()

    def by(one, hosts, recorder=None):
        def decide(spec):
            decision = one.decide(hosts, spec, recorder and recorder.witness)
            if recorder:
                recorder.write(decision)
            return decision.selections[0].host
        return decide
    vectors, chosen = timed(by(pipeline(), hosts), decisions)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(conf([]), Journal(pathlib.Path(folder), "scheduler", Clock()), 1)
        recorded, _ = timed(by(pipeline(), columns(fleet), recorder), decisions)
    custom, _ = timed(by(pipeline([f"{module}.OddFilter"]), columns(fleet)), decisions)
    some = max(3, min(decisions, 200_000 // size))
    plain, expected = timed(Plain(fleet).decide, some)
    if chosen[:some] != expected:
        raise SystemExit(f"{size} hosts: the plain loop chooses other hosts")
    print(f"{size:>9,}{1000 / vectors:>14,.0f}{vectors:>11.3f}{recorded:>14.3f}{custom:>16.3f}"
          f"{plain:>13.2f}{plain / vectors:>9.0f}x{memory:>13.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hosts", type=int, action="append", help="how many; may be given several times")
    parser.add_argument("--decisions", type=int, default=300, help="of each kind")
    args = parser.parse_args()
    print(f"{'hosts':>9}{'decisions/s':>14}{'columns':>11}{'and record':>14}{'with custom':>16}"
          f"{'plain loop':>13}{'ratio':>10}{'bytes/host':>13}\n"
          f"{'':>9}{'':>14}{'ms':>11}{'ms':>14}{'filter, ms':>16}{'ms':>13}", flush=True)
    for size in args.hosts or [1000, 10_000, 100_000]:
        measure(size, args.decisions, __name__)


if __name__ == "__main__":
    main()
