"""Messages that come twice, late or never, at each hop: a duplicate is a no-op, a loss is made good by a conductor."""

import threading

import pytest
from cluster_fixture import MEDIUM, SMALL

from novasim import context, exceptions
from novasim.conductor import recovery, resize
from novasim.sim.clock import ManualClock

MOVE = ["migrate_server", "select_destinations", "prep_resize", "resize_instance", "finish_resize"]
WAITING, CONFIRMED, REVERTED = "waiting for confirm or revert", "confirmed", "reverted"
# message -> (what is done with the server, hop that ends it)
MESSAGES = {name: ("resize", WAITING) for name in MOVE} | {
    "confirm_resize": ("confirm", CONFIRMED), "revert_resize": ("revert", REVERTED),
    "finish_revert_resize": ("revert", REVERTED)}


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=ManualClock(), **{"conductor.recovery_after": 1})


def recover(cluster):
    cluster.clock.advance(2)
    return recovery.recover(cluster.orchestrator)


@pytest.mark.spec("8.5/1", "12.2/42")
@pytest.mark.parametrize("method", MESSAGES)
def test_twice(cluster, method):
    word, end = MESSAGES[method]
    uuid = cluster.boot()
    if word != "resize":
        cluster.resize(uuid)
    cluster.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "duplicate"})
    mark = cluster.watch.mark()
    cluster.do(uuid, word)
    cluster.watch.wait(f"receive {method}", mark, times=2)
    state = cluster.state(uuid)
    # Nothing of the second message is under way any more.
    cluster.restart()
    assert cluster.state(uuid) == state == (("resized", None) if word == "resize" else ("active", None))
    assert cluster.fault(uuid) is None
    assert len(cluster.held(uuid)) == (2 if word == "resize" else 1)


@pytest.mark.parametrize("method", ["resize_instance", "finish_resize", "confirm_resize", "revert_resize",
                                    "finish_revert_resize"])
def test_lost_between_hosts(manual, method):
    """The move goes on where it was, under the request that asked for it."""
    word, end = MESSAGES[method]
    uuid = manual.boot()
    if word != "resize":
        manual.resize(uuid)
    manual.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop", "times": 1})
    mark = manual.watch.mark()
    manual.begin(uuid, word)
    manual.watch.wait(f"send {method}", mark)
    assert recover(manual) == 1
    hop = manual.watch.wait(end, instance_uuid=uuid)[0]
    assert manual.record(uuid, hop["request_id"])["message"] is None
    assert recover(manual) == 0


@pytest.mark.spec("12.1/13")
@pytest.mark.parametrize("method", ["migrate_server", "prep_resize"])
def test_lost_on_the_way_to_the_destination(manual, method):
    """No host has begun: the server is given back as it was, with the reason."""
    uuid = manual.boot()
    quota = manual.quota()
    manual.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop", "times": 1})
    mark = manual.watch.mark()
    request = manual.action(uuid, {"resize": {"flavorRef": MEDIUM}})
    manual.watch.wait(f"send {method}", mark)
    assert manual.state(uuid) == ("active", "resize_prep")
    assert recovery.recover(manual.orchestrator) == 0, "it is given its time"
    assert recover(manual) == 1
    assert manual.state(uuid) == ("active", None)
    assert manual.quota() == quota
    assert manual.record(uuid, request)["message"] == "Error"
    assert "was lost on its way" in manual.fault(uuid)
    manual.resize(uuid, MEDIUM)


@pytest.mark.spec("6.2/4-other", "12.1/13")
def test_a_scheduler_that_does_not_answer(cluster):
    uuid = cluster.boot()
    cluster.faults.add({"at": "rpc.send", "match": {"method": "select_destinations"}, "do": "drop", "times": 1})
    request = cluster.resize(uuid, until="restored")
    assert cluster.state(uuid) == ("active", None)
    assert cluster.record(uuid, request)["message"] == "Error"


@pytest.mark.spec("8.11/build_time")
@pytest.mark.parametrize("method", ["build_instances", "run_instance"])
def test_a_lost_build_ends_in_error(manual, method):
    manual.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop", "times": 1})
    mark = manual.watch.mark()
    uuid = manual.create()
    manual.watch.wait(f"send {method}", mark)
    assert recover(manual) == 1
    assert manual.state(uuid) == ("error", None)
    manual.delete(uuid)


@pytest.mark.parametrize("method", ["finish_resize", "finish_revert_resize"])
def test_a_message_that_cannot_be_sent_ends_no_move(manual, monkeypatch, method):
    """The sender had handed the server over: it must not break off what is not its any more."""
    word, end = MESSAGES[method]
    uuid = manual.boot()
    if word != "resize":
        manual.resize(uuid)
    tried = threading.Event()

    def broken(*_, **__):
        tried.set()
        raise ConnectionError("no broker")

    monkeypatch.setattr(manual.agents.compute, method, broken)
    mark = manual.watch.mark()
    manual.begin(uuid, word)
    assert tried.wait(10)
    assert recover(manual) == 1
    manual.watch.wait(end, mark, instance_uuid=uuid)
    assert manual.fault(uuid) is None


def test_a_message_is_not_sent_again_and_again(manual):
    """A host that is away gets one message a while, not one a look; and others have their turn."""
    uuid = manual.boot()
    manual.faults.add({"at": "rpc.send", "match": {"method": "resize_instance"}, "do": "drop"})
    mark = manual.watch.mark()
    manual.begin(uuid, "resize")
    manual.watch.wait("send resize_instance", mark)
    assert recover(manual) == 1
    assert recovery.recover(manual.orchestrator) == 0
    assert recover(manual) == 1
    manual.faults.clear()
    assert recover(manual) == 1
    manual.watch.wait(WAITING, mark)


def test_recovery_leaves_alone_what_a_host_has_taken_up_meanwhile(manual):
    """The conductor sees a server in resize_prep without a move; before it acts, a host prepares the move."""
    uuid = manual.boot()
    manual.faults.add({"at": "rpc.send", "match": {"method": "resize_instance"}, "do": "drop", "times": 1})
    mark = manual.watch.mark()
    request = manual.action(uuid, {"resize": {"flavorRef": SMALL}})
    manual.watch.wait("send resize_instance", mark)
    resize.restore(manual.orchestrator, context.admin_context(request), manual.row(uuid),
                   exceptions.MigrationError(reason="late"))
    assert manual.state(uuid) == ("active", "resize_prep")
    assert manual.move(uuid).status == "pre-migrating"
    assert recover(manual) == 1
    manual.watch.wait(WAITING, mark)
