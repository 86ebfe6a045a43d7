"""Quota usage during moves: nothing leaks, nothing drifts, nothing is too old (spec 12.3 #49, #52, #53)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cluster_fixture import ADMIN, MEDIUM, SMALL, TINY
from sqlalchemy import func, select

from novasim import exceptions
from novasim.api import guards
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.db import actions, models, quotas
from novasim.sim.clock import ManualClock

YEAR_S = 366 * 86400
# flavor -> (cores, MB); narrow against medium: one resource up, one down.
SIZES = {TINY: (1, 512), MEDIUM: (2, 4096), "narrow": (4, 1024)}
PAIRS = [(TINY, MEDIUM), (MEDIUM, TINY), (MEDIUM, "narrow")]
ENDS = {"confirm": "confirmed", "revert": "reverted", "delete": "deleted"}
# What is in the journal of a move, in this order, and after it of each way to end it.
HOPS = ["resize accepted", "chose cmp-0002", "prep_resize", "powering off and moving", "disks moved",
        "starting on destination", "waiting for confirm or revert"]


@pytest.fixture
def manual(make_cluster):
    cluster = make_cluster(clock=ManualClock(), checked=True, **{
        "conductor.recovery_interval": -1, "filter_scheduler.weight_classes": []})
    body = {"flavor": {"id": "narrow", "name": "narrow", "ram": 1024, "vcpus": 4, "disk": 40}}
    assert cluster.http("POST", "/flavors", body, ADMIN).status_int == 200
    return cluster


def usage(cluster):
    """((cores in use, reserved), (MB in use, reserved))."""
    used = cluster.quota()
    return used["cores"], used["ram"]


def open_reservations(cluster):
    return cluster.db.read(lambda tx: tx.execute(select(func.count()).where(
        models.reservations.c.deleted == 0)).scalar_one())


def summed_columns(cluster):
    """What counting the rows of the servers would say: right only when none of them moves."""
    table = models.instances.c
    row = cluster.db.read(lambda tx: tx.execute(select(func.sum(table.vcpus), func.sum(table.memory_mb)).where(
        table.project_id == "demo", table.deleted == 0)).one())
    return row[0] or 0, row[1] or 0


@pytest.mark.spec("12.3/52")
@pytest.mark.parametrize(("old", "new"), PAIRS)
@pytest.mark.parametrize("end", ENDS)
def test_usage_is_what_it_should_be_at_every_hop(manual, old, new, end):
    """Increases are reserved, then used, decreases given back at the end; at no hop what the servers' columns say is
    taken over, which have the new size before the move is finished."""
    seen = {}

    def look(hop):
        if hop.get("instance_uuid") == uuid:
            seen[hop["what"]] = (usage(manual), summed_columns(manual))

    uuid = manual.boot(old)
    stop = manual.ground.journal.subscribe(look)
    manual.resize(uuid, new)
    # Who waits for a hop is woken before the others have seen it.
    manual.settle()
    waiting = {what: dict(zip(("usage", "columns"), found, strict=True)) for what, found in seen.items()}
    manual.do(uuid, end) if end != "delete" else manual.delete(uuid)
    stop()
    before, after = SIZES[old], SIZES[new]
    moving = tuple((was, max(now - was, 0)) for was, now in zip(before, after, strict=True))
    larger = tuple((max(pair), 0) for pair in zip(before, after, strict=True))
    assert [waiting[what]["usage"] for what in HOPS] == [moving] * 6 + [larger]
    assert waiting["starting on destination"]["columns"] == after, "who counts these now counts the increase twice"
    left = {"confirm": after, "revert": before, "delete": (0, 0)}[end]
    assert usage(manual) == tuple((amount, 0) for amount in left)
    assert summed_columns(manual) == left
    assert open_reservations(manual) == 0


@pytest.mark.spec("12.3/52", "12.3/53", "11.2/finished")
@pytest.mark.parametrize("hop", [*HOPS, "confirmResize accepted", "revertResize accepted", "destination removed"])
def test_a_year_goes_by_in_the_middle(manual, hop):
    """Reservations expire and usage was written long ago; what is used is as exact afterwards as if no time had
    passed, also by those who have done nothing meanwhile."""
    resting, uuid = manual.boot(SMALL), manual.boot(MEDIUM)

    def wait(seen):
        if seen["what"] == hop and seen.get("instance_uuid") == uuid:
            manual.clock.advance(YEAR_S)
            periodics.report_state(manual.agents)
            recovery.expire_reservations(manual.orchestrator)
            passed.append(open_reservations(manual))

    passed, stop = [], manual.ground.journal.subscribe(wait)
    end = "revert" if hop in ("revertResize accepted", "destination removed") else "confirm"
    manual.resize(uuid, "narrow")
    # Who waits for a hop is woken before the others have seen it.
    manual.settle()
    manual.do(uuid, end)
    manual.settle()
    stop()
    assert passed == [0], "what was reserved has expired"
    left = SIZES["narrow"] if end == "confirm" else SIZES[MEDIUM]
    assert usage(manual) == ((left[0] + 1, 0), (left[1] + 2048, 0))
    assert summed_columns(manual) == (left[0] + 1, left[1] + 2048)
    manual.delete(resting)
    manual.delete(uuid)
    assert usage(manual) == ((0, 0), (0, 0))


@pytest.mark.spec("12.3/53")
@pytest.mark.parametrize(("age", "left"), [(10, 2), (86400 - 1, 2), (86400 + 1, 0), (3 * 86400 + 10, 0), (YEAR_S, 0)])
def test_an_age_of_days_is_no_age_of_seconds(manual, age, left):
    """What is too old is found by all of its age, not by the seconds over its whole days."""
    uuid = manual.boot(TINY)
    manual.faults.add({"at": "rpc.send", "match": {"method": "migrate_server"}, "do": "drop"})
    manual.act(uuid, {"resize": {"flavorRef": MEDIUM}}, "send migrate_server")
    manual.clock.advance(age)
    periodics.report_state(manual.agents)
    recovery.expire_reservations(manual.orchestrator)
    assert open_reservations(manual) == left
    assert usage(manual) == ((1, 1 if left else 0), (512, 3584 if left else 0))
    manual.delete(uuid)
    assert usage(manual) == ((0, 0), (0, 0))


RACES = {"resize": (TINY, {"resize": {"flavorRef": MEDIUM}}), "confirm": (MEDIUM, {"confirmResize": None}),
         "revert": (TINY, {"revertResize": None})}


@pytest.mark.spec("12.3/49")
@pytest.mark.parametrize("word", RACES)
def test_who_loses_the_swap_has_reserved_nothing(manual, monkeypatch, word):
    """Two requests for the same have passed all checks. Quota is reserved once, in the transaction that takes the
    state, so that nothing of the loser's waits for a day until it expires."""
    old, body = RACES[word]
    uuid = manual.boot(old)
    if word != "resize":
        manual.resize(uuid, TINY if old == MEDIUM else MEDIUM)
    reserved, real, both = [], guards.lost_races, threading.Barrier(2)

    def lost_races(*args):
        both.wait(10)
        return real(*args)

    method = {"resize": "migrate_server", "confirm": "confirm_resize", "revert": "revert_resize"}[word]
    manual.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop"})
    monkeypatch.setattr(guards, "lost_races", lost_races)
    with ThreadPoolExecutor(2) as pool:
        answers = [answer.status_int for answer in pool.map(
            lambda _: manual.http("POST", f"/servers/{uuid}/action", body), range(2))]
    monkeypatch.undo()
    assert sorted(answers)[0] in (202, 204)
    assert sorted(answers)[1] in (400, 409)
    reserved.append((open_reservations(manual), usage(manual)))
    used = ((1, 1), (512, 3584)) if word == "resize" else ((2, 0), (4096, 0))
    assert reserved == [(2, used)]
    manual.faults.clear()
    manual.delete(uuid)
    assert (open_reservations(manual), usage(manual)) == (0, ((0, 0), (0, 0)))


@pytest.mark.spec("12.3/49")
@pytest.mark.parametrize("word", RACES)
def test_what_fails_after_the_reservation_takes_it_along(manual, monkeypatch, word):
    """The last statement of the transaction fails: the state is free, and nothing is reserved."""
    old, body = RACES[word]
    uuid = manual.boot(old)
    if word != "resize":
        manual.resize(uuid, TINY if old == MEDIUM else MEDIUM)
    before, state, made = usage(manual), manual.state(uuid), []

    def fail(tx, context, instance_uuid, action):
        made.extend(quotas.everything(tx)[1])
        raise exceptions.ServiceUnavailable()

    monkeypatch.setattr(actions, "start", fail)
    answer = manual.http("POST", f"/servers/{uuid}/action", body)
    monkeypatch.undo()
    assert (answer.status_int, len(made)) == (409, 2)
    assert (manual.state(uuid), usage(manual), open_reservations(manual)) == (state, before, 0)
    manual.action(uuid, body, status=204 if word == "confirm" else 202)
    manual.watch.wait({"resize": HOPS[-1]}.get(word, ENDS.get(word, "")), instance_uuid=uuid)
