"""The eight invariants of spec 12.4 have one checker: it finds each kind of damage, at once and at any time, and it
finds nothing in a cluster on which everything is done that can be done with a move."""

import ast
import itertools
from pathlib import Path

import pytest
from checker import reachable
from cluster_fixture import ADMIN, LARGE, MEDIUM, SMALL, TINY
from sqlalchemy import update

from novasim import states
from novasim.compute.virt.driver import GUEST
from novasim.db import claims, hosts, instances, migrations, models, quotas
from novasim.objects import Migration
from novasim.sim.clock import ManualClock

ROOT = Path(__file__).parents[2]


def change(table, **values):
    return lambda tx, uuid: tx.execute(update(table).values(**values))


def less_usage(tx, uuid):
    tx.execute(update(models.quota_usages).where(models.quota_usages.c.resource == "ram").values(in_use=512))


def no_room_on_source(tx, uuid):
    own = next(claim for claim in claims.of_instance(tx, uuid) if claim["migration_id"] is None)
    tx.execute(models.claims.delete().where(models.claims.c.id == own["id"]))


def to_error(**values):
    return lambda tx, uuid: (
        tx.execute(update(models.migrations).values(status="error")),
        tx.execute(update(models.instances).values(**values)))


# invariant -> what breaks it, for a server that was resized -> what the checker says
BROKEN = {
    "1 no move": (1, change(models.migrations, status="confirmed"), "0 moves wait for confirm or revert"),
    "1 not resized": (1, change(models.instances, vm_state="active"), "a move is finished"),
    "2 sums": (2, change(models.compute_nodes, vcpus_used=0), "its claims and reserve add up to"),
    "2 source": (2, no_room_on_source, "0 claims of its own"),
    "2 size": (2, change(models.claims, memory_mb=1), "its move needs"),
    "3 too little": (3, less_usage, "512 in use, the servers count for 4096"),
    "5 back": (5, change(models.migrations, status="migrating"), "went from finished to migrating"),
    "5 across": (5, change(models.migrations, status="completed"), "went from finished to completed"),
    "6 host": (6, change(models.instances, host="cmp-0009"), "to cmp-0009 without a move"),
    "8 task": (8, to_error(vm_state="active", task_state="resize_finish"), "failed, server"),
    "8 state": (8, to_error(vm_state="paused"), "is paused/None"),
    "8 pair": (8, change(models.instances, task_state="resize_reverting"), "its move is finished"),
}


@pytest.mark.spec("12.4/1", "12.4/2", "12.4/3", "12.4/5", "12.4/6", "12.4/8")
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_seen_at_once(make_cluster, name):
    _, damage, finding = BROKEN[name]
    cluster = make_cluster(checked=True)
    uuid = cluster.boot(TINY)
    cluster.resize(uuid, MEDIUM)
    assert cluster.checker.findings == []
    path = cluster.state_dir / "novasim.sqlite"
    kept = Kept(cluster, path)
    cluster.db.write(damage, uuid)
    found, cluster.checker.findings = cluster.checker.findings, []
    kept.restore()
    cluster.checker.findings = []
    assert any(finding in text for text in found), found


class Kept:
    """The database as it is now, to be put back."""

    def __init__(self, cluster, path):
        import sqlite3
        self._connection = cluster.db.engine.connect()
        self._copy = sqlite3.connect(path.with_suffix(".copy"))
        self._real().backup(self._copy)

    def _real(self):
        return self._connection.connection.driver_connection

    def restore(self):
        self._copy.backup(self._real())
        self._copy.close()
        self._connection.close()


@pytest.mark.spec("12.4/7")
def test_a_guest_that_runs_twice_is_seen_at_once(make_cluster):
    cluster = make_cluster(checked=True)
    uuid = cluster.boot()
    store, host = cluster.agents.driver._store, cluster.row(uuid).host
    other = next(name for name in cluster.agents.hosts if name != host)
    store.put(store.get(host, uuid)._replace(host=other))
    cluster.ground.journal.write("anything", None)
    store.remove(other, uuid, [GUEST])
    found, cluster.checker.findings = cluster.checker.findings, []
    assert any("its guest runs on cmp" in text for text in found), found


@pytest.mark.spec("12.4/4")
@pytest.mark.parametrize("alive", ["nobody", "agent", "conductor"])
@pytest.mark.parametrize("lost", ["migrate_server", "resize_instance", "confirm_resize", "stop_instance"])
def test_a_task_without_an_owner(make_cluster, lost, alive):
    """It is found once it is old, unless its host's agent or a conductor lives."""
    cluster = make_cluster(clock=ManualClock(), report_interval=1000, **{"conductor.recovery_interval": -1})
    uuid = cluster.boot()
    word = {"confirm_resize": "confirm", "stop_instance": "stop"}.get(lost, "resize")
    if word == "confirm":
        cluster.resize(uuid)
    cluster.faults.add({"at": "rpc.send", "match": {"method": lost}, "do": "drop"})
    mark = cluster.watch.mark()
    cluster.begin(uuid, word)
    cluster.watch.wait(f"send {lost}", mark)
    assert cluster.audit() == []
    cluster.clock.advance(5000)
    if alive == "conductor":
        cluster.db.write(hosts.heartbeat, [cluster.conf.host], "nova-conductor")
    elif alive == "agent":
        owner = cluster.row(uuid).host if word != "confirm" else cluster.move(uuid).source_compute
        cluster.db.write(hosts.heartbeat, [owner], hosts.COMPUTE)
    found = cluster.audit()
    # A resize that no host has is the conductors' alone, but its server's host may still be asked to delete it.
    assert bool([text for text in found if "waits since" in text]) == (alive == "nobody"), found
    cluster.faults.clear()
    cluster.begin(uuid, "delete")


@pytest.mark.spec("12.4/4")
def test_an_event_that_nobody_will_end(make_cluster):
    cluster = make_cluster(clock=ManualClock())
    uuid = cluster.boot()
    cluster.do(uuid, "stop")
    table = models.instance_actions_events
    cluster.db.write(lambda tx: tx.execute(update(table).values(finish_time=None)))
    assert cluster.audit() == []
    cluster.clock.advance(500)
    found = [text for text in cluster.audit() if "is open since" in text]
    assert len(found) == 2
    cluster.begin(uuid, "delete")
    assert [text for text in cluster.audit() if "is open since" in text] == []


ROADS = [(kind, before, status) for kind, flow in states.FLOWS.items()
         for before, status in itertools.product(flow, {*itertools.chain(*flow.values()), *flow})]


@pytest.mark.spec("12.4/5")
def test_no_status_can_be_asked_for_that_is_off_the_road(make_cluster):
    """db/migrations.py is the one door, and it is shut against every way that spec 2.6 has not."""
    cluster = make_cluster(hosts=1)
    uuid = cluster.boot()
    try_all = cluster.db.write(_try_all, uuid)
    wanted = {(kind, before, status) for kind, before, status in ROADS
              if status in (before, "error", *states.FLOWS[kind][before])}
    assert try_all == wanted
    doors = [path for path in ROOT.rglob("*.py") if path.parts[len(ROOT.parts)] in (
        "api", "compute", "conductor", "db", "launch", "scheduler") and path.name != "migrations.py"
        and "update(models.migrations)" in path.read_text().replace("sql_", "")]
    assert doors == []


def _try_all(tx, uuid):
    gone = set()
    for kind, before, status in ROADS:
        move = migrations.create(tx, Migration(uuid="", instance_uuid=uuid, status=before, migration_type=kind))
        try:
            migrations.advance(tx, move.id, (before,), status)
            gone.add((kind, before, status))
        except (AssertionError, states_conflict()):
            pass
        tx.execute(models.migrations.delete().where(models.migrations.c.id == move.id))
    return gone


def states_conflict():
    from novasim.exceptions import MigrationStatusConflict
    return MigrationStatusConflict


@pytest.mark.spec("12.4/5")
def test_the_journal_tells_of_the_road(make_cluster):
    cluster = make_cluster(checked=True)
    for end in ("confirm", "revert"):
        uuid = cluster.boot()
        cluster.resize(uuid)
        cluster.do(uuid, end)
        told = [hop["migration_status"] for hop in cluster.watch.hops
                if hop.get("instance_uuid") == uuid and hop.get("migration_status")]
        for before, after in itertools.pairwise(told):
            assert after in reachable(states.RESIZE, before) - {states.MIG_ERROR}, told
        assert told[-1] == {"confirm": "confirmed", "revert": "reverted"}[end]


# The functions that may change a server's host to another: the two saves of a resize, the same of other moves, the end
# of a move that broke off, and a host for what has none (a build, a server that was offloaded).
DOORS = {
    ("compute/resize.py", "hand_over"), ("compute/resize.py", "settle"), ("db/endings.py", "abandon"),
    ("compute/lifecycle.py", "begin"), ("compute/shelve.py", "begin"), ("compute/live_migrate.py", "_hand_over"),
    ("compute/evacuate.py", "_settle"),
}


@pytest.mark.spec("12.4/6")
def test_the_host_of_a_server_has_few_doors():
    found = set()
    for room in ("api", "compute", "conductor", "db", "scheduler"):
        for path in (ROOT / room).rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef) and _moves(function):
                    found.add((str(path.relative_to(ROOT)), function.name))
    assert found == DOORS


def _moves(function):
    """Whether the function itself, not one within it, writes a host that is not None."""
    inner = {node for part in function.body for other in ast.walk(part)
             if isinstance(other, ast.FunctionDef) for node in ast.walk(other)}
    for node in ast.walk(function):
        if node not in inner and isinstance(node, ast.Call) and ast.unparse(node.func) == "instances.update":
            hosts_set = [word.value for word in node.keywords if word.arg == "host"]
            if any(not (isinstance(value, ast.Constant) and value.value is None) for value in hosts_set):
                return True
    return False


@pytest.mark.spec("12.4/1", "12.4/2", "12.4/3", "12.4/5", "12.4/6", "12.4/7", "12.4/8", "12.2/17", "12.2/25")
@pytest.mark.parametrize("same_host", [False, True])
def test_nothing_is_found_where_everything_is_done(make_cluster, same_host):
    """Up, down, both ends, stopped, failing at every verb, reset, deleted in the middle: the audit at the end and all
    looks on the way find nothing."""
    cluster = make_cluster(hosts=1 if same_host else 3, checked=True, allow_resize_to_same_host=same_host,
                           profile="large")
    cluster.http("PUT", "/os-quota-sets/demo", {"quota_set": {"ram": -1, "cores": -1}}, ADMIN)
    for old, new, end in ((TINY, LARGE, "confirm"), (LARGE, TINY, "revert"), (SMALL, MEDIUM, "revert")):
        uuid = cluster.boot(old) if end == "confirm" else cluster.stopped(old)
        cluster.resize(uuid, new)
        cluster.do(uuid, end)
    failures = {"migrate_disk_and_power_off": "resize", "finish_migration": "resize", "confirm_migration": "confirm",
                "destroy": "revert", "finish_revert_migration": "revert"}
    events = {"migrate_disk_and_power_off": "resize_instance", "finish_migration": "finish_resize",
              "confirm_migration": "confirm_resize", "destroy": "revert_resize",
              "finish_revert_migration": "finish_revert_resize"}
    for verb, word in failures.items():
        uuid = cluster.boot(TINY)
        if word != "resize":
            cluster.resize(uuid, MEDIUM)
        cluster.faults.add({"at": f"virt.{verb}", "do": {"raise": "broken"}, "times": 1})
        mark = cluster.watch.mark()
        cluster.begin(uuid, word)
        cluster.watch.wait(f"compute_{events[verb]} failed", mark)
        assert cluster.state(uuid) == ("error", None)
        cluster.delete(uuid)
    assert cluster.checker.looks > 200
    assert cluster.checker.findings == []
    assert cluster.db.read(quotas.usage, "demo")["instances"] == (3, 0)
    assert cluster.db.read(instances.get, uuid, None, True).deleted
