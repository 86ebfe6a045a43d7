"""Between the answer of the API and the work of a host anything may fail, hang or die: no server stays in resize_prep
(spec 12.1 #13), and what was reserved for it is free again (12.3 #49)."""

import oslo_messaging
import pytest
from cluster_fixture import ADMIN, MEDIUM
from holding import Held, Kept, ProcessDied
from sqlalchemy import func, select

from novasim import exceptions
from novasim.compute import tracker
from novasim.conductor import recovery, resize
from novasim.db import models, placements
from novasim.sim.clock import ManualClock

WAITING = "waiting for confirm or revert"


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=ManualClock(), checked=True, **{
        "conductor.recovery_after": 1, "conductor.recovery_interval": -1})


def open_reservations(cluster):
    return cluster.db.read(lambda tx: tx.execute(select(func.count()).where(
        models.reservations.c.deleted == 0)).scalar_one())


def recover(cluster):
    cluster.clock.advance(2)
    return recovery.recover(cluster.orchestrator)


def make_server(cluster, vm_state):
    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    return uuid, cluster.row(uuid).host


def check_given_back(cluster, uuid, host, vm_state, request):
    """All is as before, and on record."""
    assert cluster.state(uuid) == (vm_state, None)
    assert cluster.held(uuid) == [(host, 512, 1, 1, False)]
    assert (cluster.quota()["ram"], open_reservations(cluster)) == ((512, 0), 0)
    assert cluster.snapshots(uuid) == {"": "m1.tiny", "old_": None, "new_": None, "old_vm_state": None}
    record = cluster.record(uuid, request)
    assert record["message"] == "Error"
    # What no conductor ever began with has no event.
    assert not record["events"] or "Error" in {event["result"] for event in record["events"]}


def places(cluster):
    """Where the conductor works on a move, in this order: what -> (object, name of its function)."""
    return {"the image": (resize, "image_of"), "the count": (resize, "populate_retry"),
            "the question": (resize, "build_request_spec"), "the look": (placements, "look"),
            "the choice": (cluster.orchestrator.scheduler, "select_destinations"),
            "the note": (resize, "note_selection"), "the message": (cluster.orchestrator.compute, "prep_resize")}


PLACES = ["the image", "the count", "the question", "the look", "the choice", "the note", "the message"]
ERRORS = [KeyError("extra_specs"), exceptions.NoValidHost(reason="none"), oslo_messaging.MessagingTimeout("60 s"),
          ConnectionError("no broker")]


def raising(error, told=None):
    def fail(*_, **__):
        if told is not None:
            told.write("conductor died", None)
        raise error
    return fail


@pytest.mark.spec("12.1/13", "12.3/49", "6.2/4-other", "6.5/state")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
@pytest.mark.parametrize("place", PLACES)
def test_whatever_fails_in_the_conductor(cluster, monkeypatch, place, vm_state):
    uuid, host = make_server(cluster, vm_state)
    for error in ERRORS:
        with monkeypatch.context() as broken:
            broken.setattr(*places(cluster)[place], raising(error))
            request = cluster.resize(uuid, MEDIUM, "restored")
        check_given_back(cluster, uuid, host, vm_state, request)
        assert cluster.fault(uuid) == getattr(error, "text", str(error))


@pytest.mark.spec("12.1/13", "12.3/49")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
@pytest.mark.parametrize("place", PLACES)
def test_wherever_the_conductor_dies(manual, monkeypatch, place, vm_state):
    """Nothing of what it was doing runs on: another conductor gives the server back, when it has waited long enough."""
    uuid, host = make_server(manual, vm_state)
    mark = manual.watch.mark()
    with monkeypatch.context() as broken:
        broken.setattr(*places(manual)[place], raising(ProcessDied, manual.ground.journal))
        request = manual.action(uuid, {"resize": {"flavorRef": MEDIUM}})
        manual.watch.wait("conductor died", mark)
    assert (manual.state(uuid), open_reservations(manual)) == ((vm_state, "resize_prep"), 2)
    assert recover(manual) == 1
    check_given_back(manual, uuid, host, vm_state, request)
    assert recover(manual) == 0
    manual.resize(uuid, MEDIUM)


@pytest.mark.spec("12.1/13")
def test_a_conductor_that_died_when_it_had_handed_over(manual, monkeypatch):
    """The host goes on without it."""
    uuid, real = manual.boot(), manual.orchestrator.compute.prep_resize

    def send(*args, **kwargs):
        real(*args, **kwargs)
        raise ProcessDied

    monkeypatch.setattr(manual.orchestrator.compute, "prep_resize", send)
    request = manual.resize(uuid, MEDIUM)
    assert (manual.record(uuid, request)["message"], recover(manual)) == (None, 0)


@pytest.mark.spec("12.1/13", "12.3/49")
def test_an_api_that_died_before_it_sent(manual, monkeypatch):
    uuid, host = make_server(manual, "active")
    with monkeypatch.context() as broken:
        broken.setattr(manual.embedded.app.conductor, "migrate_server", raising(ProcessDied))
        with pytest.raises(ProcessDied):
            manual.action(uuid, {"resize": {"flavorRef": MEDIUM}})
    row = manual.row(uuid)
    assert row.task_state == "resize_prep"
    manual.restart()
    assert recover(manual) == 1
    check_given_back(manual, uuid, host, "active", row.task_request_id)


@pytest.mark.spec("12.1/13")
@pytest.mark.parametrize("when", ["migrate_server", "prep_resize"])
def test_a_server_that_was_given_back_is_not_moved_by_what_comes_late(manual, monkeypatch, when):
    """The message was not lost but slow: it arrives, twice, when the server is at rest, and again when it moves for
    another request."""
    uuid, host = make_server(manual, "active")
    sender = manual.embedded.app.conductor if when == "migrate_server" else manual.orchestrator.compute
    with monkeypatch.context() as slow:
        kept = Kept(slow, sender, when)
        request = manual.action(uuid, {"resize": {"flavorRef": MEDIUM}})
        kept.wait()
    assert recover(manual) == 1
    mark = manual.watch.mark()
    kept.send()
    kept.send()
    manual.watch.wait(f"receive {when}", mark, times=2)
    held = Held(monkeypatch, manual, "migrate_disk_and_power_off")
    manual.action(uuid, {"migrate": None}, ADMIN)
    held.wait()
    mark = manual.watch.mark()
    kept.send()
    manual.watch.wait(f"receive {when}", mark)
    check_record(manual, uuid, request)
    held.release()
    manual.watch.wait(WAITING, mark, instance_uuid=uuid)
    assert manual.row(uuid).memory_mb == 512, "it was migrated, not resized"
    assert len(manual.held(uuid)) == 2
    manual.revert(uuid)
    assert manual.held(uuid) == [(host, 512, 1, 1, False)]


def check_record(cluster, uuid, request):
    assert cluster.record(uuid, request)["message"] == "Error"
    assert cluster.move(uuid).request_id != request


@pytest.mark.spec("12.1/13", "8.2/8")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
@pytest.mark.parametrize("attempts", [1, 2])
def test_whatever_fails_on_the_chosen_host(make_cluster, monkeypatch, attempts, vm_state):
    """Not only a claim: an error of any kind, on every host that is tried."""
    cluster = make_cluster(checked=True, **{"scheduler.max_attempts": attempts})
    uuid, host = make_server(cluster, vm_state)
    monkeypatch.setattr(tracker, "claim", raising(KeyError("limits")))
    request = cluster.resize(uuid, MEDIUM, "restored" if attempts > 1 else "prep_resize failed")
    check_given_back(cluster, uuid, host, vm_state, request)
    assert len([event for event in cluster.record(uuid, request)["events"]
                if event["event"] == "compute_prep_resize"]) == attempts
