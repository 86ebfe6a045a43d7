#!/usr/bin/env python3
"""What a decision costs over RabbitMQ and a database: several schedulers, real claims, a fleet that sends heartbeats.

    python bench/decisions.py                             # 10,000 hosts, 4 schedulers, MariaDB
    python bench/decisions.py --hosts 1000 --schedulers 1 --database postgresql

Each requester has a server of its own, asks for a host and claims it there, as an agent does; so every decision finds
hosts that others have changed since the last one. Milliseconds are of CPU of the schedulers, the database and the
broker, divided by the decisions. One that costs the schedulers more than 15 ms at 10,000 hosts is a failure.
"""

import argparse
import contextlib
import pathlib
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]

from novasim.launch import seam  # noqa: E402

seam.choose("threading")

import daemons  # noqa: E402
import fleet  # noqa: E402
import meter  # noqa: E402
import msgspec  # noqa: E402

from novasim import exceptions  # noqa: E402
from novasim.context import RequestContext  # noqa: E402
from novasim.db import claims, hosts, instances  # noqa: E402
from novasim.launch import wiring  # noqa: E402
from novasim.objects import CURRENT, ComputeNode, Flavor, Instance  # noqa: E402
from novasim.rpc.scheduler import Scheduler  # noqa: E402

FLAVOR = Flavor(id=1, flavorid="s", name="s", memory_mb=2048, vcpus=1, root_gb=20)
LIMIT_MS = 15
SERVERS = {"mariadb": daemons.MariaDB, "postgresql": daemons.PostgreSQL}


class Requesters:
    """Those who ask and claim, in this process.

    :param conf: of the schedulers' bus and database
    """

    def __init__(self, conf):
        self._ground = wiring.Ground(conf, "bench")
        self._scheduler = self._ground.messaging.client(Scheduler, "bench")
        self._answered = 0
        self.db = self._ground.db
        self.lost = 0

    def register(self, names):
        """Make the hosts."""
        def write(tx):
            hosts.register(tx, names, hosts.COMPUTE, "compute")
            hosts.register_nodes(tx, [ComputeNode(
                uuid="", host=name, hypervisor_hostname=name, vcpus=64, memory_mb=262144, local_gb=4096)
                for name in names], {})
        self.db.write(write)

    def beat(self, names, ending):
        """The heartbeats of all hosts, a tenth of them each second, until told to stop."""
        part = 0
        while not ending.wait(1):
            self.db.write(hosts.heartbeat, names[part::10], hosts.COMPUTE)
            part = (part + 1) % 10

    def place(self, number):
        """One decision and its claim; a claim that is lost is another's turn."""
        server = Instance(uuid=f"00000000-0000-4000-8000-{number:012d}", project_id="p", user_id="u",
                          vm_state="building", task_state="scheduling", system_metadata=FLAVOR.to_sys(CURRENT),
                          **instances.flavor_columns(FLAVOR))
        self.db.write(instances.create, [server])
        spec = {"instance_type": msgspec.to_builtins(FLAVOR), "instance_uuids": [server.uuid],
                "instance_properties": {"project_id": "p"}, "image": {}}
        [chosen] = self._scheduler.select_destinations(
            RequestContext(), request_spec=spec, filter_properties={}, return_alternates=True)

        def claim(tx):
            instances.update(tx, server.uuid, host=chosen["host"], node=chosen["nodename"], task_state="spawning")
            claims.take(tx, chosen["host"], chosen["nodename"], server.uuid, FLAVOR, chosen["limits"])
        try:
            self.db.write(claim)
        except exceptions.ComputeResourcesUnavailable:
            self.lost += 1

    def close(self):
        self._ground.close()


def measure(given):
    """Start all, warm up, count."""
    with contextlib.ExitStack() as stack:
        rabbitmq = stack.enter_context(daemons.RabbitMQ())
        database = stack.enter_context(SERVERS[given.database]())
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="novasim-bench-"))
        cluster = stack.enter_context(fleet.Fleet(home, rabbitmq.bus(), database.database(),
                                                  {"simulator.journal": False}))
        asking = Requesters(wiring.build_config(files=[str(cluster.config)]))
        stack.callback(asking.close)
        names = [f"cmp-{number:05d}" for number in range(given.hosts)]
        asking.register(names)
        schedulers = cluster.start("scheduler", *(f"scheduler-{number}" for number in range(given.schedulers)))
        groups = {"schedulers": lambda: [one.pid for one in schedulers], "database": database.running,
                  "broker": rabbitmq.running}
        ending = threading.Event()
        beating = threading.Thread(target=asking.beat, args=(names, ending))
        beating.start()
        pool = stack.enter_context(ThreadPoolExecutor(given.requesters))
        try:
            list(pool.map(asking.place, range(given.requesters * given.schedulers)))
            counted, began = meter.Meter(groups), time.monotonic()
            list(pool.map(asking.place, range(10**6, 10**6 + given.decisions)))
            spent, seconds = counted.spent(given.decisions), time.monotonic() - began
        finally:
            ending.set()
            beating.join()
    for name, ms in spent.items():
        print(f"{name + ', CPU ms a decision':<32}{ms:8.2f}")
    print(f"{'decisions a second':<32}{given.decisions / seconds:8.1f}\n{'claims lost':<32}{asking.lost:8}")
    return spent["schedulers"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--schedulers", type=int, default=4, help="processes")
    parser.add_argument("--requesters", type=int, default=16, help="at once")
    parser.add_argument("--decisions", type=int, default=500)
    parser.add_argument("--database", choices=SERVERS, default="mariadb")
    given = parser.parse_args()
    return int(measure(given) > LIMIT_MS and given.hosts >= 10_000)


if __name__ == "__main__":
    sys.exit(main())
