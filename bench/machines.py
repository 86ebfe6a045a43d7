#!/usr/bin/env python3
"""How many machines a cluster carries: start, memory, idle CPU, and what a stand-still of their process does.

``embedded`` is one process with SQLite; ``split`` is one process of each service with RabbitMQ and MariaDB, all of
which count. Memory a host is that of the hosts beyond the first thousand.
"""

import argparse
import contextlib
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]

import daemons  # noqa: E402
import fleet  # noqa: E402
import meter  # noqa: E402

from novasim.cli import process  # noqa: E402
from novasim.cli.client import Client  # noqa: E402
from novasim.cli.settings import Settings  # noqa: E402

FEW = 1000
# Two heartbeats, and some of what is done by the minute.
IDLE_S = 65
REPORT_S, DOWN_S = 10, 20
READY_S = 300
LIMITS = {"start, s": 60, "KB a host": 60, "idle CPU, %": 50}


def main():
    """Run and print; 1 when a limit is passed."""
    given = parse()
    results = {}
    for size in SIZES if given.size == "both" else (given.size,):
        few, many = ({count: SIZES[size](count, count == given.hosts) for count in (FEW, given.hosts)}).values()
        many["KB a host"] = (many["RSS, MB"] - few["RSS, MB"]) * 1024 / (given.hosts - FEW)
        results[size] = {FEW: few, given.hosts: many}
    missed = [f"{size}: {name} is {numbers[given.hosts][name]:.1f}, wanted are less than {limit}"
              for size, numbers in results.items() for name, limit in LIMITS.items()
              if numbers[given.hosts][name] >= limit]
    return meter.tell(results, missed, table(results), given.json)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("both", *SIZES), default="both")
    parser.add_argument("--hosts", type=int, default=10_000, help="machines, more than a thousand (default 10000)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all results there")
    given = parser.parse_args()
    if given.hosts <= FEW:
        parser.error(f"--hosts: more than {FEW}")
    return given


def embedded(count, pause):
    """One process with SQLite."""
    began = time.monotonic()
    options = ["--hosts", str(count), "--stages", "instant", "--set", f"report_interval={REPORT_S}",
               "--set", f"service_down_time={DOWN_S}"]
    with process.own_cluster(options) as cluster:
        took = time.monotonic() - began
        pid = cluster.process.pid
        return measure(count, took, cluster.record["endpoint"], {"cluster": lambda: [pid]}, pid if pause else None)


def split(count, pause):
    """A process of each service, RabbitMQ and MariaDB."""
    with contextlib.ExitStack() as stack:
        rabbitmq, mariadb = (stack.enter_context(server()) for server in (daemons.RabbitMQ, daemons.MariaDB))
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="novasim-bench-"))
        one = stack.enter_context(fleet.Fleet(home, rabbitmq.bus(), mariadb.database(), {
            "DEFAULT.report_interval": REPORT_S, "DEFAULT.service_down_time": DOWN_S}))
        began = time.monotonic()
        services = [one.spawn(service, service) for service in ("conductor", "scheduler", "api")]
        agents = one.spawn("compute", f"cmp-[0001-{count:04d}]")
        for member in (*services, agents):
            member.await_ready(READY_S)
        took = time.monotonic() - began
        groups = {member.service: lambda pid=member.pid: [pid] for member in one.members}
        groups |= {"rabbitmq": rabbitmq.running, "mariadb": mariadb.running}
        return measure(count, took, one.endpoint, groups, agents.pid if pause else None)


SIZES = {"embedded": embedded, "split": split}


def measure(count, took, endpoint, groups, stopped):
    """What the machines cost while nothing is asked of them.

    :param stopped: the pid of a process whose heart is to stand still; None: of none
    """
    with contextlib.closing(Client(Settings(endpoint, "admin:admin"))) as client:
        assert all_up(client) == count
        counted = meter.Meter(groups)
        wait(IDLE_S)
        spent = counted.spent(10 * IDLE_S)
        memory = {name: meter.rss_kb(pids()) / 1024 for name, pids in groups.items()}
        result = {"start, s": took, "RSS, MB": sum(memory.values()), "idle CPU, %": spent["all"],
                  **{f"RSS, MB, {name}": value for name, value in memory.items()},
                  **{f"idle CPU, %, {name}": spent[name] for name in groups}}
        if stopped is not None:
            result["up again after a stand-still, s"] = stand_still(client, stopped, count)
        return result


def all_up(client):
    """How many machines' services live."""
    return sum(host["service_state"] == "up" for host in client.pages("/os-simulator/hosts", "hosts"))


def stand_still(client, pid, count):
    """Seconds until all are up again, after their process was stopped for twice as long as a host may be silent."""
    os.kill(pid, signal.SIGSTOP)
    wait(2 * DOWN_S)
    os.kill(pid, signal.SIGCONT)
    began = time.monotonic()
    while all_up(client) < count:
        wait(0.5)
    return time.monotonic() - began


def wait(seconds):
    threading.Event().wait(seconds)


def table(results):
    """All of it for people to read."""
    columns = [(size, count) for size, numbers in results.items() for count in numbers]
    names = dict.fromkeys(name for size, count in columns for name in results[size][count])
    width = max(map(len, names))
    lines = [" ".join([" " * width, *(f"{size} {count:>6}".rjust(16) for size, count in columns)])]
    for name in names:
        cells = (f"{results[size][count][name]:16.1f}" if name in results[size][count] else " " * 16
                 for size, count in columns)
        lines.append(" ".join([f"{name:{width}}", *cells]))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
