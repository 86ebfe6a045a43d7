"""Each hop of a move, and each way in which it can go wrong, for servers that ran and for servers that were stopped:
what is left (spec 2.7), and that the server can be used again."""

import pytest
from cluster_fixture import ADMIN, LARGE, MEDIUM
from holding import Held, take_up_at_start

from novasim import states
from novasim.conductor import recovery
from novasim.sim.clock import ManualClock

# verb of the hypervisors -> (what is asked for, the event that fails, where the server is then, the flavor it has)
HOPS = {
    "migrate_disk_and_power_off": ("resize", "compute_resize_instance", "source", "old"),
    "finish_migration": ("resize", "compute_finish_resize", "dest", "old"),
    "confirm_migration": ("confirm", "compute_confirm_resize", "dest", "new"),
    "destroy": ("revert", "compute_revert_resize", "dest", "new"),
    "finish_revert_migration": ("revert", "compute_finish_revert_resize", "source", "old"),
}
SIZES = {"old": (512, 1, 1), "new": (4096, 2, 40)}
# message -> what is asked for
MESSAGES = {"migrate_server": "resize", "prep_resize": "resize", "resize_instance": "resize", "finish_resize": "resize",
            "confirm_resize": "confirm", "revert_resize": "revert", "finish_revert_resize": "revert"}
ENDS = {"resize": "waiting for confirm or revert", "confirm": "confirmed", "revert": "reverted"}
STATES = ("active", "stopped")


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=ManualClock(), checked=True, **{
        "conductor.recovery_after": 1, "conductor.recovery_interval": -1})


def prepare(cluster, word, vm_state):
    """A server that is ready for this; returns it with its host."""
    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    host = cluster.row(uuid).host
    if word != "resize":
        cluster.resize(uuid, MEDIUM)
    return uuid, host


def ask(cluster, uuid, word):
    body, status = {"resize": ({"resize": {"flavorRef": MEDIUM}}, 202), "confirm": ({"confirmResize": None}, 204),
                    "revert": ({"revertResize": None}, 202)}[word]
    return cluster.action(uuid, body, status=status)


def check_outcome(cluster, uuid, source, word, vm_state):
    """As if nothing had gone wrong: state, place, size, room, quota, power."""
    row = cluster.row(uuid)
    move = cluster.move(uuid)
    wanted = {"resize": "resized", "confirm": vm_state, "revert": vm_state}[word]
    assert (row.vm_state, row.task_state) == (wanted, None)
    host, size = (source, SIZES["old"]) if word == "revert" else (move.dest_compute, SIZES["new"])
    assert (row.host, (row.memory_mb, row.vcpus, row.root_gb)) == (host, size)
    held = [(host, *size, word == "resize")] + ([(source, *SIZES["old"], False)] if word == "resize" else [])
    assert cluster.held(uuid) == sorted(held)
    assert cluster.quota()["ram"] == (size[0], 0)
    power = states.RUNNING if vm_state == "active" else states.SHUTDOWN
    guests = {(host, "guest"): power} | ({(source, "backup"): states.SHUTDOWN} if word == "resize" else {})
    assert cluster.guests(uuid) == guests


@pytest.mark.spec("8.1/anything-else", "8.1/nothing-changed", "8.1/errors-out-migration", "8.1/fault", "8.1/event",
                  "11.2/failed", "12.2/35", "12.2/36", "12.2/37")
@pytest.mark.parametrize("vm_state", STATES)
@pytest.mark.parametrize("how", ["raise", "refuse"])
@pytest.mark.parametrize("verb", HOPS)
def test_a_hop_that_fails(cluster, verb, how, vm_state):
    """In error where it then is, with the room, the flavor and the quota of that; as it was when nothing was touched.
    A decision that a host refuses cannot leave a server resized for ever: it is in error too."""
    word, event, where, flavor = HOPS[verb]
    uuid, source = prepare(cluster, word, vm_state)
    cluster.faults.add({"at": f"virt.{verb}", "do": {how: "not today"}, "times": 1})
    mark = cluster.watch.mark()
    request = ask(cluster, uuid, word)
    cluster.watch.wait(f"{event} failed", mark, instance_uuid=uuid)
    row, move = cluster.row(uuid), cluster.move(uuid)
    host = source if where == "source" else move.dest_compute
    kept = how == "refuse" and word == "resize"
    assert (row.vm_state, row.task_state) == (vm_state if kept else "error", None)
    assert (row.host, (row.memory_mb, row.vcpus, row.root_gb)) == (host, SIZES[flavor])
    assert cluster.held(uuid) == [(host, *SIZES[flavor], False)]
    assert cluster.quota()["ram"] == (SIZES[flavor][0], 0)
    assert cluster.snapshots(uuid)["new_"] is cluster.snapshots(uuid)["old_vm_state"] is None
    assert (move.status, cluster.fault(uuid)) == ("error", "not today")
    record = cluster.record(uuid, request)
    assert record["message"] == "Error"
    assert [one["result"] for one in record["events"] if one["event"] == event] == ["Error"]
    for refused in ({"confirmResize": None}, {"revertResize": None}):
        cluster.action(uuid, refused, status=409)
    if not kept:
        cluster.action(uuid, {"os-resetState": {"state": "active"}}, ADMIN)
    if verb == "finish_migration":
        # There is no guest where the server is: only its end is possible, or to be made anew.
        cluster.do(uuid, "rebuild")
    elif not kept:
        cluster.act(uuid, {"reboot": {"type": "HARD"}}, "compute_reboot_instance")
    cluster.resize(uuid, LARGE)
    cluster.confirm(uuid)


@pytest.mark.spec("8.1/reverts-task-state", "12.2/42")
@pytest.mark.parametrize("vm_state", STATES)
@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_comes_twice(manual, message, vm_state):
    word = MESSAGES[message]
    uuid, source = prepare(manual, word, vm_state)
    manual.faults.add({"at": "rpc.send", "match": {"method": message}, "do": "duplicate"})
    mark = manual.watch.mark()
    request = ask(manual, uuid, word)
    manual.watch.wait(f"receive {message}", mark, times=2)
    manual.watch.wait(ENDS[word], mark, instance_uuid=uuid)
    manual.restart()
    check_outcome(manual, uuid, source, word, vm_state)
    assert (manual.record(uuid, request)["message"], manual.fault(uuid)) == (None, None)


@pytest.mark.spec("12.1/13", "12.2/29")
@pytest.mark.parametrize("vm_state", STATES)
@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_never_comes(manual, message, vm_state):
    """It is sent again; one that no host has seen gives the server back."""
    word = MESSAGES[message]
    uuid, source = prepare(manual, word, vm_state)
    manual.faults.add({"at": "rpc.send", "match": {"method": message}, "do": "drop", "times": 1})
    mark = manual.watch.mark()
    request = ask(manual, uuid, word)
    manual.watch.wait(f"send {message}", mark)
    manual.clock.advance(2)
    assert recovery.recover(manual.orchestrator) == 1
    if message in ("migrate_server", "prep_resize"):
        assert (manual.state(uuid), manual.held(uuid)) == ((vm_state, None), [(source, *SIZES["old"], False)])
        assert (manual.quota()["ram"], manual.record(uuid, request)["message"]) == ((512, 0), "Error")
        return
    manual.watch.wait(ENDS[word], mark, instance_uuid=uuid)
    check_outcome(manual, uuid, source, word, vm_state)
    assert manual.record(uuid, request)["message"] is None


@pytest.mark.spec("12.2/29", "8.12/resize_migrating", "8.12/resize_reverting")
@pytest.mark.parametrize("vm_state", STATES)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("verb", HOPS)
def test_a_process_that_ends_in_a_hop(manual, monkeypatch, verb, after, vm_state):
    """Before or after the hypervisor did its part. A copy that was under way is given up; all else goes on."""
    word = HOPS[verb][0]
    uuid, source = prepare(manual, word, vm_state)
    with monkeypatch.context() as dying:
        held = Held(dying, manual, verb, after)
        mark = manual.watch.mark()
        request = ask(manual, uuid, word)
        held.wait().die()
        manual.watch.wait("agent died", mark)
    take_up_at_start(monkeypatch)
    # What the first start sends may be lost with it; the second takes it up.
    manual.restart()
    manual.restart()
    if verb != "migrate_disk_and_power_off":
        check_outcome(manual, uuid, source, word, vm_state)
        assert manual.record(uuid, request)["message"] is None
        return
    assert (manual.state(uuid), manual.held(uuid)) == ((vm_state, None), [(source, *SIZES["old"], False)])
    power = states.RUNNING if vm_state == "active" else states.SHUTDOWN
    assert manual.guests(uuid) == {(source, "guest"): power}
    assert (manual.quota()["ram"], manual.record(uuid, request)["message"]) == ((512, 0), "Error")
