"""What is left when a hop fails (spec 2.7): the state, the claim, the quota, the fault, the failed action."""

import pytest
from cluster_fixture import ADMIN, LARGE, MEDIUM, SMALL, USER, on_every_choice, refuse

from novasim import exceptions, states
from novasim.compute import tracker


def check_untouched(cluster, uuid, host, vm_state="active"):
    """As if nobody had asked."""
    assert cluster.state(uuid) == (vm_state, None)
    assert cluster.held(uuid) == [(host, 512, 1, 1, False)]
    assert cluster.quota() == {"cores": (1, 0), "instances": (1, 0), "ram": (512, 0)}
    assert cluster.snapshots(uuid) == {"": "m1.tiny", "old_": None, "new_": None, "old_vm_state": None}
    power = states.RUNNING if vm_state == "active" else states.SHUTDOWN
    assert cluster.guests(uuid) == {(host, "guest"): power}


@pytest.mark.spec("S17", "3.3/no-valid-host", "6.2/4", "6.5/state", "6.5/fault", "6.5/visible", "6.6/failure",
                  "11.2/failed", "12.1/1")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_no_room_anywhere(make_cluster, vm_state):
    cluster = make_cluster(hosts=1)
    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    request = cluster.resize(uuid, MEDIUM, until="restored")
    check_untouched(cluster, uuid, "cmp-0001", vm_state)
    assert cluster.record(uuid, request)["message"] == "Error"
    assert cluster.fault(uuid).startswith("No valid host was found.")
    cluster.faults.clear()


@pytest.mark.spec("2.3/locked", "3.3/locked")
def test_locked(cluster):
    uuid = cluster.boot()
    cluster.action(uuid, {"lock": None})
    cluster.action(uuid, {"resize": {"flavorRef": SMALL}}, USER, 409)
    cluster.action(uuid, {"resize": {"flavorRef": SMALL}}, ADMIN)
    cluster.watch.wait("waiting for confirm or revert")
    cluster.action(uuid, {"confirmResize": None}, USER, 409)


def limits_nothing_fits(monkeypatch, times):
    """Ceilings that the first claims cannot keep: somebody else was faster."""
    return on_every_choice(monkeypatch, lambda number, chosen: refuse(chosen) if number <= times else None)


@pytest.mark.spec("6.4/reschedule", "6.4/handed-over", "8.2/8", "12.1/2", "12.1/4", "8.2/6")
def test_a_claim_that_fails_is_tried_elsewhere(cluster, monkeypatch):
    uuid = cluster.boot()
    tried = limits_nothing_fits(monkeypatch, 1)
    request = cluster.resize(uuid)
    assert len(set(tried)) == 2
    assert cluster.row(uuid).host == tried[1]
    record = cluster.record(uuid, request)
    assert record["message"] is None, "the action succeeded in the end"
    results = [(event["event"], event["result"], event["host"]) for event in reversed(record["events"])]
    assert ("compute_prep_resize", "Error", tried[0]) in results
    assert ("compute_prep_resize", "Success", tried[1]) in results
    assert "Free memory" in cluster.fault(uuid)
    assert "Free CPUs" in cluster.fault(uuid)


@pytest.mark.spec("6.4/limit", "12.1/13")
def test_max_retries(make_cluster, monkeypatch):
    cluster = make_cluster(hosts=4, **{"scheduler.max_attempts": 2})
    uuid = cluster.boot()
    host = cluster.row(uuid).host
    tried = on_every_choice(monkeypatch)

    def broken(*_):
        raise exceptions.MigrationError(reason="a host that is broken")

    monkeypatch.setattr(tracker, "claim", broken)
    request = cluster.resize(uuid, until="restored")
    assert len(tried) == 2
    check_untouched(cluster, uuid, host)
    assert cluster.record(uuid, request)["message"] == "Error"
    assert "Exceeded max scheduling attempts 2" in cluster.fault(uuid)


@pytest.mark.spec("12.1/9")
def test_who_comes_too_late_for_every_host_but_the_last_has_that(make_cluster, monkeypatch):
    """Hosts that others took first are no attempts; but each is tried once only."""
    cluster = make_cluster(hosts=6, **{"scheduler.max_attempts": 2})
    uuid = cluster.boot()
    tried = limits_nothing_fits(monkeypatch, 4)
    cluster.resize(uuid)
    assert len(set(tried)) == len(tried) == 5
    assert cluster.row(uuid).host == tried[-1]


@pytest.mark.spec("12.1/9", "12.1/1")
def test_who_comes_too_late_for_every_host_is_refused(make_cluster, monkeypatch):
    cluster = make_cluster(hosts=4, **{"scheduler.max_attempts": 2})
    uuid = cluster.boot()
    host = cluster.row(uuid).host
    tried = limits_nothing_fits(monkeypatch, 99)
    cluster.resize(uuid, until="restored")
    assert len(set(tried)) == len(tried) == 3
    check_untouched(cluster, uuid, host)
    assert cluster.fault(uuid).startswith("No valid host was found.")


@pytest.mark.spec("6.4/enabled", "8.2/8")
def test_no_second_try_where_none_is_allowed(make_cluster, monkeypatch):
    cluster = make_cluster(**{"scheduler.max_attempts": 1})
    uuid = cluster.boot()
    host = cluster.row(uuid).host
    limits_nothing_fits(monkeypatch, 1)
    request = cluster.resize(uuid, until="prep_resize failed")
    check_untouched(cluster, uuid, host)
    assert cluster.record(uuid, request)["message"] == "Error"


def test_a_build_that_fails_is_tried_elsewhere(cluster):
    cluster.faults.add({"at": "virt.spawn", "do": {"raise": "no disk"}, "times": 1})
    uuid = cluster.boot()
    assert cluster.state(uuid) == ("active", None)
    assert len(cluster.all_guests()) == 1
    assert len(cluster.held(uuid)) == 1


def test_a_build_that_fails_everywhere(make_cluster):
    cluster = make_cluster(hosts=2)
    cluster.faults.add({"at": "virt.spawn", "do": {"raise": "no disk"}})
    uuid = cluster.create()
    cluster.watch.wait("build failed", vm_state="error", instance_uuid=uuid)
    assert cluster.state(uuid) == ("error", None)
    assert (cluster.held(uuid), cluster.all_guests()) == ([], [])
    cluster.delete(uuid)
    assert cluster.quota()["instances"] == (0, 0)


@pytest.mark.spec("2.6/error", "8.1/anything-else", "8.1/errors-out-migration", "8.1/fault", "8.1/event",
                  "8.1/reverts-task-state")
@pytest.mark.parametrize("new", [MEDIUM, LARGE])
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_disks_cannot_be_moved(cluster, new, vm_state):
    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    host = cluster.row(uuid).host
    cluster.faults.add({"at": "virt.migrate_disk_and_power_off", "do": {"raise": "disk is full"}})
    request = cluster.resize(uuid, new, until="compute_resize_instance failed")
    check_untouched_but_error(cluster, uuid, host, vm_state)
    assert cluster.move(uuid).status == "error"
    assert cluster.fault(uuid) == "disk is full"
    record = cluster.record(uuid, request)
    assert record["message"] == "Error"
    assert "disk is full" in record["events"][0]["traceback"]


def check_untouched_but_error(cluster, uuid, host, vm_state):
    cluster.db.write(reset, uuid, vm_state)
    check_untouched(cluster, uuid, host, vm_state)


def reset(tx, uuid, vm_state):
    from novasim.db import instances
    instances.update(tx, uuid, {"vm_state": ("error",), "task_state": (None,)}, vm_state=vm_state)


@pytest.mark.spec("8.1/nothing-changed", "12.2/37")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_refused_before_anything_was_touched(cluster, vm_state):
    """InstanceFaultRollback gives back exactly what was, a stopped server too (spec 12.2 #37)."""
    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    host = cluster.row(uuid).host
    cluster.faults.add({"at": "virt.migrate_disk_and_power_off", "do": {"refuse": "not today"}})
    request = cluster.resize(uuid, MEDIUM, until="compute_resize_instance failed")
    check_untouched(cluster, uuid, host, vm_state)
    assert (cluster.move(uuid).status, cluster.fault(uuid)) == ("error", "not today")
    assert cluster.record(uuid, request)["message"] == "Error"
    cluster.faults.clear()
    cluster.resize(uuid, MEDIUM)


@pytest.mark.spec("8.4/failure", "12.2/35", "12.2/36")
def test_the_guest_does_not_start_on_the_destination(cluster):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    cluster.faults.add({"at": "virt.finish_migration", "do": {"raise": "no such cpu"}})
    request = cluster.resize(uuid, MEDIUM, until="compute_finish_resize failed")
    row, move = cluster.row(uuid), cluster.move(uuid)
    assert (row.vm_state, row.task_state, move.status) == ("error", None, "error")
    assert row.host == move.dest_compute != source
    assert (row.memory_mb, row.vcpus, row.root_gb) == (512, 1, 1), "the old flavor is back (spec 12.2 #35)"
    assert cluster.held(uuid) == [(row.host, 512, 1, 1, False)]
    assert cluster.quota() == {"cores": (1, 0), "instances": (1, 0), "ram": (512, 0)}
    assert cluster.guests(uuid) == {(source, "backup"): states.SHUTDOWN}, "the last copy is kept"
    assert cluster.record(uuid, request)["message"] == "Error"
    cluster.delete(uuid)
    cluster.watch.wait("receive terminate_instance", server=source)


@pytest.mark.spec("8.5/failure", "8.1/errors-out-migration", "12.2/21")
@pytest.mark.parametrize(("word", "verb", "event"), [
    ("confirm", "confirm_migration", "compute_confirm_resize"), ("revert", "destroy", "compute_revert_resize"),
    ("revert", "finish_revert_migration", "compute_finish_revert_resize")])
def test_a_decision_that_cannot_be_carried_out(cluster, word, verb, event):
    uuid = cluster.boot()
    cluster.resize(uuid, MEDIUM)
    move = cluster.move(uuid)
    # Only once the destination has given the guest up, the server is the source's again.
    at_source = verb == "finish_revert_migration"
    cluster.faults.add({"at": f"virt.{verb}", "do": {"raise": "broken"}, "times": 1})
    request = getattr(cluster, word)(uuid, until=f"{event} failed")
    assert cluster.state(uuid) == ("error", None)
    assert (cluster.move(uuid).status, cluster.fault(uuid)) == ("error", "broken")
    assert cluster.held(uuid) == [(move.source_compute, 512, 1, 1, False) if at_source
                                  else (move.dest_compute, 4096, 2, 40, False)]
    assert cluster.quota()["ram"] == ((512, 0) if at_source else (4096, 0))
    assert cluster.record(uuid, request)["message"] == "Error"


@pytest.mark.parametrize("word", ["stop", "start", "reboot"])
def test_power_that_cannot_be_changed(cluster, word):
    uuid = cluster.stopped() if word == "start" else cluster.boot()
    before = cluster.state(uuid)
    verb = {"stop": "power_off", "start": "power_on", "reboot": "reboot"}[word]
    cluster.faults.add({"at": f"virt.{verb}", "do": {"raise": "stuck"}, "times": 1})
    mark = cluster.watch.mark()
    cluster.begin(uuid, word)
    cluster.watch.wait(f"compute_{word}_instance failed", mark)
    assert (cluster.state(uuid), cluster.fault(uuid)) == (before, "stuck")
    cluster.do(uuid, word)


def test_a_deletion_that_fails_can_be_asked_for_again(cluster):
    uuid = cluster.boot()
    cluster.faults.add({"at": "virt.destroy", "do": {"raise": "busy"}, "times": 1})
    mark = cluster.watch.mark()
    cluster.begin(uuid, "delete")
    cluster.watch.wait("deletion failed", mark)
    assert (cluster.state(uuid), cluster.fault(uuid)) == (("error", None), "busy")
    cluster.delete(uuid)
