"""Confirms by the user and by the clock: at once, twice, unsent, failing (spec 12.2 #16-#22)."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cluster_fixture import MEDIUM, SMALL, TINY
from holding import Held
from sqlalchemy import func, select

from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.db import models
from novasim.sim.clock import ManualClock

WINDOW = 1


@pytest.fixture
def manual(make_cluster):
    """Everything by hand, looked at after every transaction."""
    return make_cluster(clock=ManualClock(), checked=True, resize_confirm_window=WINDOW, resize_confirm_interval=-1,
                        **{"conductor.recovery_after": 1, "conductor.recovery_interval": -1})


def open_reservations(cluster):
    return cluster.db.read(lambda tx: tx.execute(select(func.count()).where(
        models.reservations.c.deleted == 0)).scalar_one())


def look(cluster):
    cluster.clock.advance(WINDOW)
    periodics.confirm_resizes(cluster.agents)


@pytest.mark.spec("12.2/16", "12.2/17", "12.4/1")
def test_a_look_at_every_step_of_a_resize(manual, monkeypatch):
    """The clock looks after each transaction of a resize. It never finds a move that is finished and a server that is
    not resized, or the other way round; it takes the first moment at which both are, and fails nothing."""
    statuses, real, looking = set(), manual.db.write, threading.local()

    def write(function, *args, **kwargs):
        result = real(function, *args, **kwargs)
        if not getattr(looking, "now", False):
            looking.now = True
            row, moves = manual.row(uuid), manual.db.read(moves_of, uuid)
            statuses.update(moves)
            assert "error" not in moves
            manual.clock.advance(WINDOW)
            periodics.confirm_resizes(manual.agents)
            looking.now = False
            assert row is not None
        return result

    uuid = manual.boot()
    monkeypatch.setattr(manual.db, "write", write)
    mark = manual.watch.mark()
    manual.action(uuid, {"resize": {"flavorRef": SMALL}})
    manual.watch.wait("confirmed", mark, instance_uuid=uuid)
    assert {"pre-migrating", "migrating", "post-migrating"} <= statuses
    assert (manual.state(uuid), manual.move(uuid).status, manual.fault(uuid)) == (("active", None), "confirmed", None)


def moves_of(tx, uuid):
    table = models.migrations.c
    return list(tx.execute(select(table.status).where(table.instance_uuid == uuid)).scalars())


@pytest.mark.spec("12.2/16")
@pytest.mark.parametrize("verb", ["migrate_disk_and_power_off", "finish_migration"])
def test_a_look_in_the_middle_of_a_resize(manual, monkeypatch, verb):
    uuid = manual.boot()
    held = Held(monkeypatch, manual, verb, after=True)
    mark = manual.watch.mark()
    manual.begin(uuid, "resize")
    held.wait()
    before = manual.move(uuid).status
    look(manual)
    assert manual.move(uuid).status == before
    held.release()
    manual.watch.wait("waiting for confirm or revert", mark)


@pytest.mark.spec("12.2/16")
@pytest.mark.parametrize("word", ["delete", "revert"])
def test_a_look_while_something_else_is_done(manual, monkeypatch, word):
    uuid = manual.boot()
    manual.resize(uuid)
    held = Held(monkeypatch, manual, "destroy")
    manual.begin(uuid, word)
    held.wait()
    before = manual.move(uuid).status
    look(manual)
    assert (manual.move(uuid).status, manual.watch.count("send confirm_resize")) == (before, 0)
    mark = manual.watch.mark()
    held.release()
    manual.watch.wait({"delete": "deleted", "revert": "reverted"}[word], mark)


def at_once(count, work):
    """Call work(0..count-1) in threads that start together; returns the results."""
    start = threading.Barrier(count)

    def one(number):
        start.wait(10)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.spec("12.2/18", "12.2/33")
def test_many_confirms_at_once(manual):
    """One wins; the others are told so; nothing stays reserved for them."""
    for _ in range(3):
        uuid = manual.boot(MEDIUM)
        manual.resize(uuid, TINY)
        mark = manual.watch.mark()
        codes = at_once(6, lambda _, uuid=uuid: manual.http(
            "POST", f"/servers/{uuid}/action", {"confirmResize": None}).status_int)
        assert codes.count(204) == 1
        assert set(codes) <= {204, 400, 409}
        manual.watch.wait("confirmed", mark)
        assert open_reservations(manual) == 0
        assert manual.quota()["ram"] == (512, 0)
        manual.delete(uuid)


@pytest.mark.spec("12.2/18")
def test_the_user_and_the_clock_at_once(manual):
    for _ in range(4):
        uuid = manual.boot(MEDIUM)
        manual.resize(uuid, TINY)
        manual.clock.advance(WINDOW)
        mark = manual.watch.mark()
        works = [lambda uuid=uuid: manual.http(
            "POST", f"/servers/{uuid}/action", {"confirmResize": None}).status_int,
            lambda: periodics.confirm_resizes(manual.agents)]
        code, _ = at_once(2, lambda number, works=works: works[number]())
        manual.watch.wait("confirmed", mark)
        assert code in (204, 400, 409)
        records = manual.get(f"/servers/{uuid}/os-instance-actions")["instanceActions"]
        assert [record["action"] for record in records].count("confirmResize") == 1
        assert (manual.quota()["ram"], open_reservations(manual)) == ((512, 0), 0)
        manual.delete(uuid)


@pytest.mark.spec("12.2/18")
def test_a_confirm_that_comes_too_late_leaves_nothing_reserved(manual, monkeypatch):
    """The loser has read a move that waits; before it takes it, another one has."""
    uuid = manual.boot(MEDIUM)
    manual.resize(uuid, TINY)
    app, real = manual.embedded.app, manual.embedded.app.db.write
    once = itertools.count()

    def write(function, *args, **kwargs):
        if function.__qualname__.startswith("_settle") and next(once) == 0:
            manual.confirm(uuid)
        return real(function, *args, **kwargs)

    monkeypatch.setattr(app.db, "write", write)
    manual.action(uuid, {"confirmResize": None}, status=409)
    assert (manual.quota()["ram"], open_reservations(manual)) == ((512, 0), 0)


@pytest.mark.spec("12.2/19", "8.10/exception")
def test_a_confirm_by_the_clock_that_could_not_be_sent(manual, monkeypatch):
    """It is sent later; and the others of the same look are not kept waiting."""
    first, second = manual.boot(), manual.boot()
    manual.resize(first)
    manual.resize(second)
    real, unsent = manual.agents.compute.confirm_resize, []

    def confirm_resize(ctxt, host, **arguments):
        if not unsent:
            unsent.append(arguments["instance"].uuid)
            raise ConnectionError("no broker")
        return real(ctxt, host, **arguments)

    mark = manual.watch.mark()
    with monkeypatch.context() as broken:
        broken.setattr(manual.agents.compute, "confirm_resize", confirm_resize)
        look(manual)
    other = second if unsent == [first] else first
    manual.watch.wait("confirmed", mark, instance_uuid=other)
    assert manual.move(unsent[0]).status == "confirming"
    manual.clock.advance(2)
    assert recovery.recover(manual.orchestrator) == 1
    manual.watch.wait("confirmed", mark, instance_uuid=unsent[0])


@pytest.mark.spec("12.2/20")
def test_a_lost_confirm_is_sent_again_and_twice_does_no_harm(manual):
    uuid = manual.boot()
    manual.resize(uuid)
    manual.faults.add({"at": "rpc.send", "match": {"method": "confirm_resize"}, "do": ["drop", "duplicate"]})
    mark = manual.watch.mark()
    manual.begin(uuid, "confirm")
    manual.watch.wait("send confirm_resize", mark)
    manual.clock.advance(2)
    assert recovery.recover(manual.orchestrator) == 1
    manual.watch.wait("receive confirm_resize", mark, times=2)
    manual.watch.wait("confirmed", mark)
    manual.restart()
    assert (manual.state(uuid), manual.move(uuid).status) == (("active", None), "confirmed")
    assert manual.watch.count("confirmed") == 0


@pytest.mark.spec("12.2/21", "12.2/26")
def test_a_confirm_that_fails(manual):
    """The move ends in error, its claims and quota are those of a server that is where it is, and the action says why.
    A failed move counts no more: the server, reset, moves again, and the old copy goes with the next end."""
    uuid = manual.boot()
    manual.resize(uuid, MEDIUM)
    move = manual.move(uuid)
    manual.faults.add({"at": "virt.confirm_migration", "do": {"raise": "no such file"}, "times": 1})
    request = manual.confirm(uuid, until="compute_confirm_resize failed")
    assert (manual.state(uuid), manual.move(uuid).status) == (("error", None), "error")
    assert manual.held(uuid) == [(move.dest_compute, 4096, 2, 40, False)]
    assert (manual.quota()["ram"], manual.fault(uuid)) == ((4096, 0), "no such file")
    assert manual.record(uuid, request)["message"] == "Error"
    manual.action(uuid, {"os-resetState": {"state": "active"}}, "admin:admin")
    manual.resize(uuid, SMALL)
    manual.confirm(uuid)
    assert len(manual.held(uuid)) == 1


@pytest.mark.spec("12.2/22")
@pytest.mark.parametrize(("old", "new"), [(TINY, MEDIUM), (MEDIUM, TINY), (SMALL, SMALL)])
def test_the_source_is_empty_after_a_confirm(manual, old, new):
    uuid = manual.boot(old)
    source = manual.row(uuid).host
    manual.resize(uuid, new) if old != new else manual.migrate(uuid)
    assert used(manual, source) == SIZES[old]
    manual.confirm(uuid)
    assert used(manual, source) == (0, 0, 0)
    assert used(manual, manual.row(uuid).host) == SIZES[new]


SIZES = {TINY: (512, 1, 1), SMALL: (2048, 1, 20), MEDIUM: (4096, 2, 40)}


def used(cluster, host):
    """(MB, vCPUs, GB) of a host that is no reserve."""
    from novasim.db import hosts
    node = cluster.db.read(hosts.nodes, host)[0]
    kept = cluster.agents.reserved
    return (node.memory_mb_used - kept["memory_mb"], node.vcpus_used - kept["vcpus"],
            node.local_gb_used - kept["disk_gb"])
