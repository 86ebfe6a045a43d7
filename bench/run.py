#!/usr/bin/env python3
"""Boots and resizes a second, CPU and memory, for both sizes of cluster.

``embedded`` is one process with SQLite; ``split`` is one process of each service with RabbitMQ and MariaDB, started
for it. Wall-clock numbers are those of this machine with all that it does besides; CPU per cycle, exact counts and
ratios are what to compare.
"""

import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]

import daemons  # noqa: E402
import fleet  # noqa: E402
import load  # noqa: E402
import meter  # noqa: E402
import yardstick  # noqa: E402

from novasim.cli import process  # noqa: E402
from novasim.launch import seam  # noqa: E402

HOSTS, MANY = 100, 1000
READY_S = 300
DRAINED, DRAINED_AT_ONCE = 50, 10
# Longer than the interval of heartbeats, so that one is in it.
IDLE_S = 12
# The real Nova with its fake driver on a machine like this one, and what this project wants to reach.
NOVA = {"CPU ms a cycle": 2100, "one resize, p50 ms": 1600, "RSS KB an agent": 130_000}
# Native threads pay for each hand-over of the interpreter.
CPU_MS = {seam.EVENTLET: {"embedded": 10, "split": 40}, seam.THREADING: {"embedded": 25, "split": 55}}
RSS_KB = 60


def main():
    """Run and print; 1 when a target is missed."""
    given = parse()
    results = {"exact": exact()}
    for size in ("embedded", "split") if given.size == "both" else (given.size,):
        results[size] = {hosts: SIZES[size](given, hosts) for hosts in given.hosts}
        for result in results[size].values():
            result |= ratios(result, results["exact"])
    missed = misses(results)
    return meter.tell(results, missed, table(results), given.json)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("both", *SIZES), default="both")
    parser.add_argument("--hosts", type=int, nargs="+", default=[HOSTS],
                        help=f"machines of each cluster that is measured (default {HOSTS}; several: how cost grows)")
    parser.add_argument("--clients", type=int, default=32, help="clients at once (default 32)")
    parser.add_argument("--boots", type=int, default=200, help="servers to boot (default 200)")
    parser.add_argument("--cycles", type=int, default=10, help="resizes and confirms of each client (default 10)")
    parser.add_argument("--alone", type=int, default=40, help="resizes one after the other (default 40)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all results there")
    return parser.parse_args()


def exact():
    """Statements and messages of a cycle, counted in a process of their own."""
    done = subprocess.run([sys.executable, str(HERE / "exact.py")], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def embedded(given, hosts):
    """One process with SQLite."""
    options = ["--hosts", str(hosts), "--stages", "instant", "--profile", "huge",
               *(word for name in ("instances", "cores", "ram") for word in ("--set", f"quota.{name}=-1"))]
    with process.own_cluster(options) as cluster:
        pid = cluster.process.pid
        results = measure(given, cluster.record["endpoint"], {"cluster": lambda: [pid]})
    with tempfile.TemporaryDirectory() as folder:
        results["raw transaction, CPU ms"] = yardstick.transaction_ms(f"sqlite:///{folder}/bench", list)
    if hosts == given.hosts[0]:
        with process.own_cluster(["--hosts", "1"]) as one, process.own_cluster(["--hosts", str(MANY)]) as many:
            results |= per_agent([one.process.pid], [many.process.pid])
    return results


def split(given, hosts):
    """A process of each service, RabbitMQ and MariaDB."""
    with contextlib.ExitStack() as stack:
        rabbitmq, mariadb = (stack.enter_context(server()) for server in (daemons.RabbitMQ, daemons.MariaDB))

        def cluster():
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="novasim-bench-"))
            options = {"DEFAULT.profile": "huge"}
            return stack.enter_context(fleet.Fleet(home, rabbitmq.bus(), mariadb.database(), options))

        one = cluster()
        for service in ("conductor", "scheduler", "api"):
            one.start(service, service)
        one.spawn("compute", f"cmp-[0001-{hosts:04d}]").await_ready(READY_S)
        groups = {member.service: lambda pid=member.pid: [pid] for member in one.members}
        results = measure(given, one.endpoint, groups | {"rabbitmq": rabbitmq.running, "mariadb": mariadb.running})
        results["stop, s"] = one.stop()
        results["raw message, CPU ms"] = yardstick.message_ms(rabbitmq.bus(), rabbitmq.running)
        results["raw transaction, CPU ms"] = yardstick.transaction_ms(mariadb.database(), mariadb.running)
        if hosts == given.hosts[0]:
            few, many = cluster(), cluster()
            agents = [few.start("compute", "cmp-0001"), many.start("compute", f"cmp-[0001-{MANY:04d}]")]
            results |= per_agent(*([member.pid for member in members] for members in agents))
    return results


SIZES = {"embedded": embedded, "split": split}


def measure(given, endpoint, groups):
    """Boot, resize, and count what it takes."""
    with load.Load(endpoint, given.clients) as clients:
        servers, boot_s = clients.boots(given.boots)
        mine = servers[:given.clients]
        clients.cycles(mine, 1)
        counted, clients.looks = meter.Meter(groups), 0
        cycles, cycle_s = clients.cycles(mine, given.cycles)
        spent, looks = counted.spent(cycles), clients.looks
        alone = load.quantiles_ms(clients.alone(servers[0], given.alone))
        drained_s = clients.drain(DRAINED, DRAINED_AT_ONCE)
    return {
        "boots a second": given.boots / boot_s,
        "cycles a second": cycles / cycle_s,
        "status requests a cycle": looks / cycles,
        "one resize, p50 ms": alone[0],
        "one resize, p95 ms": alone[1],
        f"drain of {DRAINED} servers, {DRAINED_AT_ONCE} at once, s": drained_s,
        **{f"CPU ms a cycle, {name}": value for name, value in spent.items()},
        **{f"RSS MB, {name}": meter.rss_kb(pids()) / 1024 for name, pids in groups.items()},
    }


def per_agent(one, many):
    """What each agent more costs: memory, and CPU of a process while nothing is asked of it."""
    before = meter.cpu_ms(many)
    threading.Event().wait(IDLE_S)
    return {"RSS KB an agent": (meter.rss_kb(many) - meter.rss_kb(one)) / (MANY - 1),
            f"idle CPU of {MANY} agents, %": (meter.cpu_ms(many) - before) / (10 * IDLE_S)}


def ratios(result, counts):
    """How far a cycle is from the raw price of its messages and transactions."""
    raw = (counts["messages"] * result.get("raw message, CPU ms", 0)
           + counts["transactions"] * result["raw transaction, CPU ms"])
    return {"CPU as a multiple of the raw messages and transactions": result["CPU ms a cycle, all"] / raw,
            "times less CPU than the real Nova": NOVA["CPU ms a cycle"] / result["CPU ms a cycle, all"]}


def misses(results):
    """A line for each target that is not reached."""
    return [f"{size}, {hosts} hosts: {name} is {result[name]:.1f}, wanted are less than {limit}"
            for size, cpu_ms in CPU_MS[seam.wanted([])].items() for hosts, result in results.get(size, {}).items()
            for name, limit in (("CPU ms a cycle, all", cpu_ms), ("RSS KB an agent", RSS_KB))
            if result.get(name, 0) >= limit]


def table(results):
    """All of it for people to read."""
    columns = {f"{size} {hosts}": result for size in SIZES for hosts, result in results.get(size, {}).items()}
    names = dict.fromkeys(name for result in columns.values() for name in result)
    width = max(map(len, names))
    lines = [" ".join([" " * width, *(f"{title:>14}" for title in columns)])]
    for name in names:
        cells = (f"{result[name]:14.1f}" if name in result else " " * 14 for result in columns.values())
        lines.append(" ".join([f"{name:{width}}", *cells]))
    lines.append("")
    lines += [f"{name + ' a cycle':{width}} {count:14.1f}" for name, count in results["exact"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
