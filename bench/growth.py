#!/usr/bin/env python3
"""How cost grows with hosts and servers: a boot, a resize and confirm, pages, one server, and sums.

    python bench/growth.py                       # 100 hosts with 1,000 servers against 10,000 with 100,000
    python bench/growth.py --hosts 2000 --servers 20000

Each size is an embedded cluster in a process of its own, filled with copies of a server that was booted in it: rows,
claims, use of quota and guests. It is asked without HTTP. Milliseconds are of CPU, the cheapest of several tries;
a boot or resize that costs more than one and a half times as much in the large cluster is a failure, and so is a page
that costs more the further back it is.
"""

# isort: skip_file
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]

import exact  # noqa: E402  (it chooses greenthreads, which comes before all else)
import meter  # noqa: E402
import msgspec  # noqa: E402
import webob  # noqa: E402
from oslo_utils import uuidutils  # noqa: E402

from novasim import quota  # noqa: E402
from novasim.compute.virt.driver import GUEST, Guest  # noqa: E402
from novasim.db import claims, instances, quotas  # noqa: E402
from novasim.launch import embedded  # noqa: E402

SMALL = (100, 1_000)
PAGE, BATCH, TRIES, CYCLES = 100, 500, 5, 10
MOST = 1.5
UNLIMITED = dict.fromkeys(quota.COUNTED, quota.UNLIMITED)
GROWING = ("boot", "resize and confirm")


def main():
    """Run and print; 1 when something grows too much."""
    given = parse()
    if given.alone:
        print(json.dumps(measure(given.hosts, given.servers)))
        return 0
    few, many = (run(*size) for size in (SMALL, (given.hosts, given.servers)))
    pages = [many[name] for name in many if name.startswith("page")]
    missed = [f"{name}: {many[name] / few[name]:.2f} times as dear in the large cluster" for name in GROWING
              if many[name] > MOST * few[name]]
    if max(pages) > MOST * min(pages):
        missed.append("a page is dearer the further back it is")
    lines = [f"{'CPU ms':24}{SMALL[1]:>10,}{given.servers:>10,}     ratio"]
    lines += [f"{name:24}{few[name]:10.2f}{many[name]:10.2f}{many[name] / few[name]:10.2f}" for name in many]
    return meter.tell({"few": few, "many": many}, missed, "\n".join(lines), given.json)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=10_000, help="of the large cluster (default 10000)")
    parser.add_argument("--servers", type=int, default=100_000, help="of the large cluster (default 100000)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all results there")
    parser.add_argument("--alone", action="store_true", help="measure this one size, and print JSON")
    return parser.parse_args()


def run(hosts, servers):
    """One size, in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--alone", "--hosts", str(hosts), "--servers", str(servers)],
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def measure(hosts, servers):
    """Milliseconds of CPU by what was asked."""
    overrides = {"profile": "huge", **{f"quota.{name}": -1 for name in ("instances", "cores", "ram")}}
    with tempfile.TemporaryDirectory() as folder, embedded.EmbeddedCluster(
            pathlib.Path(folder), hosts, overrides) as cluster:
        counter = exact.Counter(cluster)
        boots = Boots(cluster, counter)
        uuids = fill(cluster, boots.boot(), servers)
        mine = boots.boot()
        markers = {"first": uuids[-1], "middle": uuids[servers // 2], "last": uuids[PAGE]}
        asked = {f"page, {place}": f"/servers/detail?limit={PAGE}&marker={marker}"
                 for place, marker in markers.items()}
        asked |= {"one server": f"/servers/{uuids[servers // 2]}", "limits": "/limits",
                  "sums of all hosts": "/os-hypervisors/statistics"}
        costs = {name: cheapest(lambda path=path: get(cluster, path), 3) for name, path in asked.items()}
        assert len(get(cluster, asked["page, last"])["servers"]) == PAGE
        assert get(cluster, "/limits")["limits"]["absolute"]["totalInstancesUsed"] == servers + boots.count - 1
        costs["boot"] = cheapest(boots.boot, CYCLES)
        costs["resize and confirm"] = cheapest(Cycle(cluster, counter, mine), CYCLES)
    return costs


def get(cluster, path):
    response = webob.Request.blank(f"/v2.1{path}", headers={"X-Auth-Token": "admin:admin"}).get_response(
        cluster.app.application)
    assert response.status_int == 200, response.text
    return response.json


def cheapest(work, times):
    """Milliseconds of CPU of one of ``times``, in the cheapest of several tries."""
    def once():
        began = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - began) * 1000 / times
    work()
    return min(once() for _ in range(TRIES))


class Boots:
    """Boots servers, one after the other."""

    def __init__(self, cluster, counter):
        self._cluster, self._counter = cluster, counter
        self.count = 0

    def boot(self):
        body = {"server": {"name": "x", "flavorRef": "1", "imageRef": exact.IMAGE}}
        server = exact.ask(self._cluster, "/servers", body)["server"]["id"]
        self.count += 1
        self._counter.wait("built", self.count)
        return server


class Cycle:
    """Resizes a server, to and fro, and confirms."""

    def __init__(self, cluster, counter, server):
        self._cluster, self._counter, self._server = cluster, counter, server
        self._count = 0

    def __call__(self):
        self._count += 1
        flavor = "2" if self._count % 2 else "1"
        exact.ask(self._cluster, f"/servers/{self._server}/action", {"resize": {"flavorRef": flavor}})
        self._counter.wait("waiting for confirm or revert", self._count)
        exact.ask(self._cluster, f"/servers/{self._server}/action", {"confirmResize": None})
        self._counter.wait("confirmed", self._count)


def fill(cluster, template, count):
    """Copies of a server on all hosts in turn, so that there are ``count``; returns all ids, oldest first."""
    db, store = cluster.ground.db, cluster.agents.driver._store
    first = db.read(instances.get, template)
    hosts, uuids = cluster.agents.hosts, [template]

    def write(tx, copies):
        instances.create(tx, copies)
        for copy in copies:
            claims.take(tx, copy.host, copy.node, copy.uuid, copy.flavor(), {})
        quotas.use(tx, first.project_id, first.user_id, quota.boot_deltas(first.flavor(), len(copies)), UNLIMITED)

    for start in range(1, count, BATCH):
        names = [hosts[number % len(hosts)] for number in range(start, min(start + BATCH, count))]
        copies = [msgspec.structs.replace(first, id=0, uuid=uuidutils.generate_uuid(), host=name, node=name)
                  for name in names]
        db.write(write, copies)
        for copy in copies:
            flavor = copy.flavor()
            store.put(Guest(copy.host, copy.uuid, GUEST, copy.power_state, flavor.vcpus, flavor.memory_mb, 0))
        uuids += [copy.uuid for copy in copies]
        # Its hosts live in this process, and have to say so in time.
        time.sleep(0)
    return uuids


if __name__ == "__main__":
    sys.exit(main())
