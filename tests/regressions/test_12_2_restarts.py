"""A restart in the middle of a move: what is kept, what goes on, and what stays on record (spec 12.2 #27-#29)."""

import pytest
from cluster_fixture import DEADLINE_S, MEDIUM
from holding import Held, ProcessDied, take_up_at_start
from sqlalchemy import select

from novasim import states
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.db import models
from novasim.rpc.sim_driver import Bus
from novasim.sim.clock import ManualClock


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=ManualClock(), checked=True, **{"conductor.recovery_after": 1,
                                                              "conductor.recovery_interval": -1})


@pytest.fixture(autouse=True)
def recovery_first(monkeypatch):
    take_up_at_start(monkeypatch)


@pytest.mark.spec("12.2/27", "8.12/revert-copy")
def test_the_copy_for_a_revert_survives(manual):
    uuid = manual.boot()
    source = manual.row(uuid).host
    manual.resize(uuid, MEDIUM)
    manual.restart()
    periodics.cleanup_leftovers(manual.agents)
    assert manual.guests(uuid)[source, "backup"] == states.SHUTDOWN
    manual.revert(uuid)
    assert (manual.row(uuid).host, manual.guests(uuid)) == (source, {(source, "guest"): states.RUNNING})


# task_state that survives -> what is asked for, which message is lost, where the server comes to rest.
LOST = {"resize_prep": ("resize", "resize_instance", "resized"),
        "resize_migrated": ("resize", "finish_resize", "resized"),
        "resize_reverting": ("revert", "revert_resize", "active"),
        "resize_reverting, given up": ("revert", "finish_revert_resize", "active")}


@pytest.mark.spec("12.2/28", "12.2/29", "8.12/resize_prep", "8.12/resize_migrated", "8.12/resize_reverting")
@pytest.mark.parametrize("task", LOST)
def test_what_waits_for_a_message_goes_on(manual, task):
    word, method, rest = LOST[task]
    uuid = manual.boot()
    if word == "revert":
        manual.resize(uuid, MEDIUM)
    manual.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop", "times": 1})
    mark = manual.watch.mark()
    manual.begin(uuid, word)
    manual.watch.wait(f"send {method}", mark)
    manual.stop()
    assert manual.row(uuid).task_state == task.partition(",")[0]
    manual.start()
    if manual.state(uuid) != (rest, None):
        manual.watch.wait({"resized": "waiting for confirm or revert", "active": "reverted"}[rest])
    assert manual.state(uuid) == (rest, None)
    assert manual.fault(uuid) is None


@pytest.mark.spec("12.2/28")
@pytest.mark.parametrize("method", ["migrate_server", "prep_resize"])
def test_resize_prep_without_a_move_is_given_back(manual, method):
    """No agent can know of it; a conductor does, after a restart as well."""
    uuid = manual.boot()
    manual.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop", "times": 1})
    mark = manual.watch.mark()
    manual.begin(uuid, "resize")
    manual.watch.wait(f"send {method}", mark)
    manual.restart()
    manual.clock.advance(2)
    assert recovery.recover(manual.orchestrator) == 1
    assert (manual.state(uuid), manual.quota()["ram"]) == (("active", None), (512, 0))


# verb that is broken off -> (what is asked for, where the server comes to rest, its event, what that says twice)
BROKEN = {"migrate_disk_and_power_off": ("resize", "active", "compute_resize_instance", ["Error"]),
          "finish_migration": ("resize", "resized", "compute_finish_resize", ["Success"]),
          "confirm_migration": ("confirm", "active", "compute_confirm_resize", ["Error", "Success"]),
          "destroy": ("revert", "active", "compute_revert_resize", ["Error", "Success"]),
          "finish_revert_migration": ("revert", "active", "compute_finish_revert_resize", ["Error", "Success"])}


@pytest.mark.spec("12.2/29", "8.12/resize_migrating", "8.12/resize_reverting")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("verb", BROKEN)
def test_what_was_broken_off_goes_on_or_is_undone(manual, monkeypatch, verb, after):
    """And no event of it stays open: one that broke off has failed, the one that took it up ends as it ends."""
    word, rest, event, results = BROKEN[verb]
    uuid = manual.boot()
    if word != "resize":
        manual.resize(uuid, MEDIUM)
    held = Held(monkeypatch, manual, verb, after)
    mark = manual.watch.mark()
    manual.begin(uuid, word)
    held.wait().die()
    manual.watch.wait("agent died", mark)
    manual.restart()
    manual.clock.advance(2)
    while manual.db.read(lambda tx: tx.execute(select(models.instances.c.task_state).where(
            models.instances.c.uuid == uuid)).scalar_one()) is not None:
        manual.watch.wait_any(("reverted", "waiting for confirm or revert", "guest put back"), 0)
    assert manual.state(uuid) == (rest, None)
    assert [result for name, result in events(manual, uuid) if name == event] == results
    assert None not in [result for _, result in events(manual, uuid)]
    assert manual.audit() == []


def events(cluster, uuid):
    """(event, result) of all actions of a server, oldest first."""
    event, action = models.instance_actions_events.c, models.instance_actions.c
    return [tuple(row) for row in cluster.db.read(lambda tx: tx.execute(select(event.event, event.result).join_from(
        models.instance_actions_events, models.instance_actions, event.action_id == action.id).where(
        action.instance_uuid == uuid).order_by(event.id)).all())]


@pytest.mark.parametrize("end", ["delete", "reset"])
@pytest.mark.parametrize("verb", BROKEN)
def test_an_event_that_is_overtaken_does_not_stay_open(manual, monkeypatch, verb, end):
    word = BROKEN[verb][0]
    uuid = manual.boot()
    if word != "resize":
        manual.resize(uuid, MEDIUM)
    held = Held(monkeypatch, manual, verb)
    manual.begin(uuid, word)
    held.wait()
    if end == "delete":
        manual.delete(uuid)
    else:
        manual.action(uuid, {"os-resetState": {"state": "active"}}, "admin:admin")
    held.release()
    manual.restart()
    assert None not in [result for _, result in events(manual, uuid)]


@pytest.mark.spec("12.2/28")
@pytest.mark.parametrize("fate", ["dies", "is not heard"])
def test_a_destination_gives_up_what_was_reset_and(manual, monkeypatch, fate):
    """Nobody tells the source to put the guest back, and it may not by itself while the destination may have it."""
    uuid = manual.boot()
    source = manual.row(uuid).host
    manual.resize(uuid, MEDIUM)
    manual.faults.add({"at": "rpc.send", "match": {"method": "finish_revert_resize"}, "do": "drop", "times": 1})
    held = Held(monkeypatch, manual, "destroy", after=True)
    mark = manual.watch.mark()
    manual.begin(uuid, "revert")
    held.wait()
    manual.action(uuid, {"os-resetState": {"state": "active"}}, "admin:admin")
    if fate == "dies":
        held.die()
        manual.watch.wait("agent died", mark)
        manual.restart()
    else:
        held.release()
    assert Bus.of(manual.conf.transport_url).wait_idle(DEADLINE_S)
    periodics.cleanup_leftovers(manual.agents)
    assert (manual.row(uuid).host, manual.guests(uuid)) == (source, {(source, "guest"): states.RUNNING})


def test_a_conductor_that_dies_leaves_no_event_open(manual, monkeypatch):
    """Its message had been sent; the move goes on without it."""
    real = manual.orchestrator.compute.prep_resize

    def prep_resize(*args, **kwargs):
        real(*args, **kwargs)
        raise ProcessDied

    monkeypatch.setattr(manual.orchestrator.compute, "prep_resize", prep_resize)
    uuid = manual.boot()
    manual.resize(uuid, MEDIUM)
    assert ("cold_migrate", "Success") in events(manual, uuid)
    assert None not in [result for _, result in events(manual, uuid)]
