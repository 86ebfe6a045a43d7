"""Soft delete: kept and uncounted, hidden, restored, reclaimed; and what cannot be kept (spec 2.3, 3.5, 8.11)."""

import pytest
from cluster_fixture import ADMIN, SMALL, TINY, USER

from novasim import states
from novasim.compute import deferred_delete, periodics
from novasim.conductor import recovery
from novasim.sim.clock import ManualClock

NOTHING = {"cores": (0, 0), "instances": (0, 0), "ram": (0, 0)}
TINY_USED = {"cores": (1, 0), "instances": (1, 0), "ram": (512, 0)}
GONE, BACK = "compute_soft_delete_instance", "compute_restore_instance"


@pytest.fixture
def kept(make_cluster):
    """A cluster that keeps what is deleted for an hour."""
    return make_cluster(clock=ManualClock(), reclaim_instance_interval=3600, **{"conductor.recovery_after": 10})


def delete(cluster, uuid, until=GONE):
    mark = cluster.watch.mark()
    answer = cluster.http("DELETE", f"/servers/{uuid}")
    assert answer.status_int == 204, answer.text
    cluster.watch.wait(until, mark, instance_uuid=uuid)
    return str(answer.headers["x-openstack-request-id"])


def listed(cluster, query="", token=USER):
    return {server["id"] for server in cluster.get(f"/servers{query}", token)["servers"]}


@pytest.mark.spec("2.3/soft-delete")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_a_deleted_server_is_kept(kept, vm_state):
    uuid = kept.boot() if vm_state == "active" else kept.stopped()
    host, held = kept.row(uuid).host, kept.held(uuid)
    record = kept.record(uuid, delete(kept, uuid))
    row = kept.row(uuid)
    assert (row.vm_state, row.task_state, row.power_state, row.host) == ("soft-delete", None, states.SHUTDOWN, host)
    assert kept.status(uuid) == "SOFT_DELETED"
    assert kept.guests(uuid) == {(host, "guest"): states.SHUTDOWN}
    assert (kept.held(uuid), kept.quota()) == (held, NOTHING)
    assert (record["action"], [event["event"] for event in record["events"]]) == ("delete", [GONE])
    assert kept.audit() == []
    assert listed(kept) == set()
    assert listed(kept, "?status=SOFT_DELETED") == {uuid}
    assert listed(kept, "?deleted=true&all_tenants=1", ADMIN) == {uuid}


@pytest.mark.spec("2.3/restore")
def test_restored_it_is_active_and_counts_again(kept):
    uuid = kept.stopped()
    delete(kept, uuid)
    record = kept.record(uuid, kept.act(uuid, {"restore": None}, BACK))
    row = kept.row(uuid)
    assert (row.vm_state, row.task_state, row.power_state, row.deleted_at) == ("active", None, states.RUNNING, None)
    assert (kept.quota(), kept.audit()) == (TINY_USED, [])
    assert (record["action"], [event["event"] for event in record["events"]]) == ("restore", [BACK])
    assert listed(kept) == {uuid}


@pytest.mark.spec("2.3/restore")
def test_a_restore_that_is_over_quota(kept):
    uuid = kept.boot()
    delete(kept, uuid)
    kept.http("PUT", "/os-quota-sets/demo", {"quota_set": {"cores": 0, "force": True}}, ADMIN)
    answer = kept.http("POST", f"/servers/{uuid}/action", {"restore": None})
    assert answer.status_int == 403
    assert answer.json["forbidden"]["message"] == (
        "Quota exceeded for cores: Requested 1, but already used 0 of 0 cores")
    assert (kept.state(uuid), kept.quota()) == (("soft-delete", None), NOTHING)


def test_a_restore_that_fails(kept):
    uuid = kept.boot()
    delete(kept, uuid)
    kept.faults.add({"at": "virt.power_on", "do": {"raise": "no luck"}, "times": 1})
    kept.act(uuid, {"restore": None}, f"{BACK} failed")
    assert (kept.state(uuid), kept.quota()) == (("soft-delete", None), NOTHING)
    kept.act(uuid, {"restore": None}, BACK)
    assert kept.quota() == TINY_USED


def test_a_soft_delete_that_fails(kept):
    uuid = kept.boot()
    kept.faults.add({"at": "virt.power_off", "do": {"raise": "no luck"}, "times": 1})
    request = delete(kept, uuid, f"{GONE} failed")
    assert (kept.state(uuid), kept.quota()) == (("active", None), TINY_USED)
    assert kept.record(uuid, request)["message"] == "Error"
    assert kept.audit() == []


@pytest.mark.spec("8.11/reclaim_queued_deletes")
def test_reclaimed_after_its_time(kept):
    uuid, other = kept.boot(), kept.boot()
    delete(kept, uuid)
    kept.clock.advance(1)
    delete(kept, other)
    kept.clock.advance(3598)
    deferred_delete.reclaim_queued_deletes(kept.agents)
    assert kept.state(uuid) == ("soft-delete", None)
    kept.clock.advance(1)
    mark = kept.watch.mark()
    deferred_delete.reclaim_queued_deletes(kept.agents)
    kept.watch.wait("deleted", mark, instance_uuid=uuid)
    assert [guest.instance_uuid for guest in kept.all_guests()] == [other]
    assert kept.state(other) == ("soft-delete", None)
    assert (kept.quota(), kept.audit()) == (NOTHING, [])


@pytest.mark.spec("8.11/reclaim_queued_deletes")
@pytest.mark.parametrize(("interval", "spacing"), [(0, -1), (30, 30), (86400, periodics.PASS_S)])
def test_how_often_is_looked(make_cluster, interval, spacing):
    cluster = make_cluster(reclaim_instance_interval=interval)
    assert dict(periodics.tasks(cluster.agents))[deferred_delete.reclaim_queued_deletes] == spacing


def test_a_deletion_that_fails_is_tried_again(kept):
    uuid = kept.boot()
    delete(kept, uuid)
    kept.clock.advance(3600)
    kept.faults.add({"at": "virt.destroy", "do": {"raise": "no luck"}, "times": 1})
    deferred_delete.reclaim_queued_deletes(kept.agents)
    kept.watch.wait("deletion failed", instance_uuid=uuid)
    assert (kept.state(uuid), kept.quota(), kept.audit()) == (("soft-delete", None), NOTHING, [])
    deferred_delete.reclaim_queued_deletes(kept.agents)
    kept.watch.wait("deleted", instance_uuid=uuid)


@pytest.mark.spec("2.3/forceDelete", "2.3/delete")
@pytest.mark.parametrize("soft_deleted", [True, False])
def test_force_delete(kept, soft_deleted):
    uuid = kept.boot()
    if soft_deleted:
        delete(kept, uuid)
    kept.act(uuid, {"forceDelete": None}, "deleted")
    assert (kept.all_guests(), kept.quota(), kept.audit()) == ([], NOTHING, [])


@pytest.mark.spec("8.11/reclaim_queued_deletes")
def test_a_restored_server_is_not_reclaimed(kept):
    """Nor one that was soft-deleted anew, before its own time."""
    uuid = kept.boot()
    delete(kept, uuid)
    kept.clock.advance(3600)
    kept.act(uuid, {"restore": None}, BACK)
    deferred_delete.reclaim_queued_deletes(kept.agents)
    assert kept.state(uuid) == ("active", None)
    periodics.report_state(kept.agents)
    delete(kept, uuid)
    deferred_delete.reclaim_queued_deletes(kept.agents)
    assert kept.state(uuid) == ("soft-delete", None)


def test_a_second_delete_does_not_lengthen_its_time(kept):
    uuid = kept.boot()
    delete(kept, uuid)
    at = kept.row(uuid).deleted_at
    kept.clock.advance(100)
    assert kept.http("DELETE", f"/servers/{uuid}").status_int == 204
    assert (kept.state(uuid), kept.row(uuid).deleted_at) == (("soft-delete", None), at)


@pytest.mark.parametrize("status", ["finished", "confirming"])
def test_a_resized_server_is_confirmed_first(kept, status):
    uuid = kept.boot(TINY)
    kept.resize(uuid, SMALL)
    dest = kept.row(uuid).host
    if status == "confirming":
        kept.faults.add({"at": "rpc.send", "match": {"method": "confirm_resize"}, "do": "drop", "times": 1})
        kept.begin(uuid, "confirm")
        assert kept.http("DELETE", f"/servers/{uuid}").status_int == 204
        assert kept.state(uuid) == ("resized", "soft-deleting")
        mark = kept.watch.mark()
        kept.clock.advance(10)
        recovery.recover(kept.orchestrator)
        kept.watch.wait(GONE, mark, instance_uuid=uuid)
    else:
        delete(kept, uuid)
    assert (kept.state(uuid), kept.move(uuid).status) == (("soft-delete", None), "confirmed")
    assert kept.guests(uuid) == {(dest, "guest"): states.SHUTDOWN}
    assert kept.held(uuid) == [(dest, 2048, 1, 20, False)]
    assert (kept.quota(), kept.audit()) == (NOTHING, [])
    kept.act(uuid, {"restore": None}, BACK)
    assert kept.quota()["ram"] == (2048, 0)


def test_a_confirm_that_fails_keeps_the_server(kept):
    uuid = kept.boot(TINY)
    kept.resize(uuid, SMALL)
    kept.faults.add({"at": "virt.confirm_migration", "do": {"raise": "no luck"}, "times": 1})
    delete(kept, uuid, "compute_confirm_resize failed")
    assert kept.state(uuid) == ("error", None)
    assert kept.quota()["ram"] == (2048, 0)
    kept.faults.clear()
    kept.act(uuid, {"forceDelete": None}, "deleted")


@pytest.mark.parametrize("verb", ["migrate_disk_and_power_off", "finish_migration"])
def test_in_the_middle_of_a_move_it_is_deleted_for_good(kept, monkeypatch, verb):
    """There is no whole guest that could be kept."""
    uuid = kept.boot()
    real = getattr(kept.agents.driver, verb)

    def work(*args, **kwargs):
        result = real(*args, **kwargs)
        assert kept.http("DELETE", f"/servers/{uuid}").status_int == 204
        return result

    monkeypatch.setattr(kept.agents.driver, verb, work)
    kept.resize(uuid, SMALL, until="deleted")
    kept.restart()
    periodics.cleanup_leftovers(kept.agents)
    assert (kept.all_guests(), kept.quota(), kept.audit()) == ([], NOTHING, [])


def test_a_host_that_is_away(kept):
    """Spec 5.9: the records are settled at once, and there is nothing to restore."""
    uuid = kept.boot()
    kept.http("PUT", "/os-services/force-down", {"host": kept.row(uuid).host, "binary": "nova-compute",
                                                 "forced_down": True}, ADMIN, "2.11")
    assert kept.http("DELETE", f"/servers/{uuid}").status_int == 204
    assert kept.http("GET", f"/servers/{uuid}").status_int == 404
    kept.restart()
    assert (kept.all_guests(), kept.quota()) == ([], NOTHING)


@pytest.mark.parametrize("word", ["start", "stop", "reboot"])
def test_a_guest_that_was_being_started_is_off_in_the_end(kept, monkeypatch, word):
    """The hypervisor starts it only after the soft delete has powered it off."""
    uuid = kept.stopped() if word == "start" else kept.boot()
    verb = {"start": "power_on", "stop": "power_off", "reboot": "reboot"}[word]
    real, first = getattr(kept.agents.driver, verb), [True]

    def late(*args):
        if first.pop() if first else False:
            delete(kept, uuid)
        real(*args)

    monkeypatch.setattr(kept.agents.driver, verb, late)
    mark = kept.watch.mark()
    kept.begin(uuid, word)
    kept.watch.wait(GONE, mark, instance_uuid=uuid)
    kept.restart()
    assert kept.guests(uuid) == {(kept.row(uuid).host, "guest"): states.SHUTDOWN}
    assert kept.audit() == []


def test_a_delete_while_it_is_restored(kept, monkeypatch):
    uuid = kept.boot()
    delete(kept, uuid)
    real = kept.agents.driver.power_on

    def late(*args):
        monkeypatch.undo()
        delete(kept, uuid)
        real(*args)

    monkeypatch.setattr(kept.agents.driver, "power_on", late)
    mark = kept.watch.mark()
    kept.action(uuid, {"restore": None})
    kept.watch.wait(GONE, mark, instance_uuid=uuid)
    kept.restart()
    assert (kept.state(uuid), kept.quota(), kept.audit()) == (("soft-delete", None), NOTHING, [])


@pytest.mark.parametrize("word", ["pause", "suspend", "rescue", "shelve"])
def test_whatever_it_was_it_is_active_when_restored(make_cluster, word):
    """What it was shelved as is forgotten, too."""
    cluster = make_cluster(reclaim_instance_interval=3600, shelved_offload_time=-1)
    uuid = cluster.boot()
    mark = cluster.watch.mark()
    cluster.action(uuid, {word: None}, status=200 if word == "rescue" else 202)
    cluster.watch.wait("shelved" if word == "shelve" else f"compute_{word}_instance", mark, instance_uuid=uuid)
    delete(cluster, uuid)
    assert cluster.audit() == []
    cluster.act(uuid, {"restore": None}, BACK)
    assert (cluster.state(uuid), cluster.audit()) == (("active", None), [])


@pytest.mark.parametrize("word", ["active", "error"])
def test_a_reset_state_brings_it_back(kept, word):
    """An admin's word stands, and the server counts again."""
    uuid = kept.boot()
    delete(kept, uuid)
    kept.action(uuid, {"os-resetState": {"state": word}}, ADMIN)
    assert (kept.row(uuid).vm_state, kept.row(uuid).deleted_at, kept.quota()) == (word, None, TINY_USED)
    kept.agents.driver.power_on(kept.row(uuid).host, uuid)
    assert kept.audit() == []


@pytest.mark.parametrize(("method", "word"), [("soft_delete_instance", "delete"), ("restore_instance", "restore")])
def test_a_lost_message(kept, method, word):
    uuid = kept.boot()
    if word == "restore":
        delete(kept, uuid)
    kept.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop", "times": 1})
    mark = kept.watch.mark()
    if word == "restore":
        kept.action(uuid, {"restore": None})
    else:
        kept.begin(uuid, "delete")
    kept.clock.advance(10)
    assert recovery.recover(kept.orchestrator) == 1
    kept.watch.wait(f"compute_{method}", mark, instance_uuid=uuid)
    assert kept.quota() == (TINY_USED if word == "restore" else NOTHING)


@pytest.mark.parametrize(("word", "task"), [("delete", "soft_delete_instance"), ("restore", "restore_instance")])
def test_a_bus_that_takes_no_message(kept, monkeypatch, word, task):
    uuid = kept.boot()
    if word == "restore":
        delete(kept, uuid)
    before, quota = kept.state(uuid), kept.quota()

    def broken(*_, **__):
        raise ConnectionError("no broker")

    monkeypatch.setattr(kept.embedded.app.compute, task, broken)
    answer = (kept.http("DELETE", f"/servers/{uuid}") if word == "delete"
              else kept.http("POST", f"/servers/{uuid}/action", {"restore": None}))
    assert (answer.status_int, kept.state(uuid), kept.quota()) == (503, before, quota)
