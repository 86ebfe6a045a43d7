"""The whole cloud in real processes: real VMs arrive, are resized at once, confirmed, reverted and migrated."""

import dataclasses
import itertools
import random

import crowd
import pytest

from novasim import states
from novasim.cli import replay_plan, trace_azure
from novasim.db import flavors, instance_pages, instances, migrations
from novasim.db.engine import Database
from novasim.objects import CURRENT, NEW, OLD, OLD_VM_STATE, Flavor
from novasim.sim.clock import Clock

SIZES = {
    "mariadb": {"api": 2, "conductor": 2, "scheduler": 2, "compute": 3},
    "postgresql": {"api": 1, "conductor": 1, "scheduler": 1, "compute": 1},
}
HOSTS = 20
SERVERS, RESIZED, MIGRATED = 200, 100, 20


@dataclasses.dataclass
class Wanted:
    """How a server has to be in the database; ``old`` is its flavor before a move that waits for its end."""

    flavor: Flavor
    host: str
    old: Flavor | None = None
    vm_state: str = states.ACTIVE

    def columns(self):
        return instances.flavor_columns(self.flavor)

    def system_metadata(self):
        """The keys of spec 2.4 at rest."""
        keys = self.flavor.to_sys(CURRENT)
        if self.old is None:
            return keys
        return keys | self.old.to_sys(OLD) | self.flavor.to_sys(NEW) | {OLD_VM_STATE: states.ACTIVE}


class Truth:
    """What the database says, compared with what it has to say."""

    def __init__(self, url):
        self._database = Database(url, Clock())
        self.wanted = {}

    def close(self):
        self._database.close()

    def flavors(self):
        """All flavors by the id that users see."""
        return {flavor.flavorid: flavor for flavor in self._database.read(flavors.list_page, is_public=None)}

    def _servers(self, tx):
        found = instance_pages.all_live(tx)
        instances.load_system_metadata(tx, found)
        return found

    def check(self):
        """Every server is as wanted: states, host, flavor columns, system metadata."""
        found = self._database.read(self._servers)
        assert {server.uuid for server in found} == set(self.wanted)
        for server in found:
            wanted = self.wanted[server.uuid]
            assert (server.vm_state, server.task_state) == (wanted.vm_state, None), server.uuid
            assert (server.host, server.node) == (wanted.host, wanted.host), server.uuid
            assert {name: getattr(server, name) for name in wanted.columns()} == wanted.columns(), server.uuid
            moves_keys = {key: value for key, value in server.system_metadata.items()
                          if key.startswith((CURRENT, OLD, NEW, OLD_VM_STATE))}
            assert moves_keys == wanted.system_metadata(), server.uuid

    def moves(self):
        """How many moves there are of each (type, status)."""
        rows = self._database.read(migrations.list_page, {})
        counts = {}
        for row in rows:
            counts[row.migration_type, row.status] = counts.get((row.migration_type, row.status), 0) + 1
        return counts


def start(fleet, sizes):
    """Start all services of a size, as many of each as it says."""
    for service in ("conductor", "scheduler", "api"):
        fleet.start(service, *(f"{service}-{number}" for number in range(sizes[service])))
    ranges = [f"cmp-[{first:04d}-{first + HOSTS - 1:04d}]"
              for first in range(1, sizes["compute"] * HOSTS + 1, HOSTS)]
    fleet.start("compute", *ranges)


def host_of(server):
    return server["OS-EXT-SRV-ATTR:host"]


class Play:
    """The story, scene by scene; after each the database is compared with what it has to hold."""

    def __init__(self, fleet, people, truth, trace):
        self._fleet, self._people, self._truth = fleet, people, truth
        self._shapes = trace_azure.read_shapes(trace)
        self._letters = [vm.letter for vm in itertools.islice(trace_azure.read_vms(trace), SERVERS)]
        for shape in self._shapes.values():
            people.client.post("/flavors", {"flavor": replay_plan.flavor_of(shape)})
        self._flavors = truth.flavors()

    def boot(self):
        """All arrive."""
        ids = [f"{replay_plan.PREFIX}{letter}" for letter in self._letters]
        self.servers = self._people.boot(ids)
        views = self._people.rest(self.servers, "ACTIVE")
        self._truth.wanted = {server: Wanted(self._flavors[flavor], host_of(views[server]))
                              for server, flavor in zip(self.servers, ids, strict=True)}
        self._check()

    def resize(self):
        """Half of them grow at once."""
        growth = {letter: replay_plan.larger(shape, self._shapes.values()) for letter, shape in self._shapes.items()}
        letters = dict(zip(self.servers, self._letters, strict=True))
        self.resized = [server for server in self.servers if growth[letters[server]]][:RESIZED]
        assert len(self.resized) == RESIZED
        chance = random.Random(1)
        to = {server: f"{replay_plan.PREFIX}{chance.choice(growth[letters[server]])}" for server in self.resized}
        self._people.act(self.resized, "resize", {server: {"flavorRef": flavor} for server, flavor in to.items()})
        self._moved(self.resized, {server: self._flavors[flavor] for server, flavor in to.items()})

    def migrate(self):
        """Some of the others move as they are."""
        self.migrated = [server for server in self.servers if server not in self.resized][:MIGRATED]
        self._people.act(self.migrated, "migrate")
        self._moved(self.migrated, {server: self._truth.wanted[server].flavor for server in self.migrated})

    def _moved(self, servers, to):
        views = self._people.rest(servers, "VERIFY_RESIZE")
        before = {server: self._truth.wanted[server] for server in servers}
        for server, was in before.items():
            assert host_of(views[server]) != was.host
            self._truth.wanted[server] = Wanted(to[server], host_of(views[server]), was.flavor, states.RESIZED)
        self._check()
        self._before = before

    def settle(self, servers):
        """One half is confirmed, the other reverted, at the same time."""
        kept, returned = servers[::2], servers[1::2]
        self._people.act(kept, "confirmResize")
        self._people.act(returned, "revertResize")
        self._people.rest(servers, "ACTIVE")
        for server in kept:
            now = self._truth.wanted[server]
            self._truth.wanted[server] = Wanted(now.flavor, now.host)
        self._truth.wanted |= {server: self._before[server] for server in returned}
        self._check()

    def delete(self):
        """All go."""
        self._people.each(lambda server: self._people.client.delete(f"/servers/{server}"), self.servers)
        self._people.wait(self.servers, lambda server: server["status"] == "DELETED")
        self._truth.wanted = {}
        self._check()

    def _check(self):
        self._truth.check()
        assert self._fleet.audit() == "audit clean"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("database", SIZES)
def test_a_day_in_the_cloud(database, rabbitmq, make_fleet, trace, request):
    bus, url = rabbitmq.bus(), request.getfixturevalue(database).database()
    fleet, truth = make_fleet(bus, url), Truth(url)
    start(fleet, SIZES[database])
    with crowd.Crowd(fleet.endpoint, threads=32) as people:
        play = Play(fleet, people, truth, trace)
        play.boot()
        play.resize()
        play.settle(play.resized)
        play.migrate()
        play.settle(play.migrated)
        assert truth.moves() == {("resize", "confirmed"): RESIZED // 2, ("resize", "reverted"): RESIZED // 2,
                                 ("migration", "confirmed"): MIGRATED // 2, ("migration", "reverted"): MIGRATED // 2}
        play.delete()
    truth.close()
    assert rabbitmq.left_messages(bus) == {}
    journals = {path.name for path in (fleet.home / "state" / "journal").iterdir() if path.stat().st_size}
    idle = [member.name for member in fleet.members if f"{member.service}-{member.pid}.jsonl" not in journals]
    assert not idle, "every process had its share of the work"
    assert fleet.stop() < 8, "nobody waits for his next look at the bus before he goes"
    assert not fleet.running()
    assert [queue["name"] for queue in rabbitmq.queues(bus) if queue["name"].startswith("reply_")] == []
    assert fleet.complaints() == []
