"""What an operation had begun does not stay open when its host is gone, or when its message comes late."""

import pytest
from cluster_fixture import ADMIN
from holding import Kept

from novasim.compute import deferred_delete, periodics
from novasim.conductor import recovery
from novasim.db import actions, images
from novasim.sim.clock import ManualClock

CIRROS = "155d900f-4e14-4e4c-a73d-069cbf4541e6"


def force_down(cluster, host):
    answer = cluster.http("PUT", "/os-services/force-down", {
        "host": host, "binary": "nova-compute", "forced_down": True}, ADMIN, "2.11")
    assert answer.status_int == 200, answer.text


def ask_evacuate(cluster, uuid):
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"evacuate": {}}, ADMIN, "2.14")
    assert answer.status_int == 200, answer.text


def test_a_restore_whose_host_is_gone(make_cluster):
    """What it had reserved is free at once, not when the reservation expires."""
    cluster = make_cluster(clock=ManualClock(), reclaim_instance_interval=3600, **{"conductor.recovery_after": 10})
    uuid = cluster.boot()
    mark = cluster.watch.mark()
    assert cluster.http("DELETE", f"/servers/{uuid}").status_int == 204
    cluster.watch.wait("compute_soft_delete_instance", mark)
    cluster.faults.add({"at": "rpc.send", "match": {"method": "restore_instance"}, "do": "drop"})
    cluster.action(uuid, {"restore": None})
    assert cluster.quota()["instances"] == (0, 1)
    force_down(cluster, cluster.row(uuid).host)
    cluster.clock.advance(1000)
    mark = cluster.watch.mark()
    assert recovery.recover(cluster.orchestrator) == 1
    cluster.watch.wait("task ended with its host", mark)
    assert (cluster.state(uuid), cluster.quota()["instances"]) == (("soft-delete", None), (0, 0))
    periodics.report_state(cluster.agents)


@pytest.mark.parametrize("word", ["image", "resize"])
def test_an_evacuation_ends_what_the_dead_host_was_asked_for(cluster, word):
    method = {"image": "snapshot_instance", "resize": "migrate_server"}[word]
    cluster.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop"})
    uuid = cluster.boot()
    cluster.begin(uuid, word)
    force_down(cluster, cluster.row(uuid).host)
    mark = cluster.watch.mark()
    ask_evacuate(cluster, uuid)
    cluster.watch.wait("evacuated", mark)
    assert cluster.db.read(images.unfinished, uuid) is None
    assert cluster.quota() == {"cores": (1, 0), "instances": (1, 0), "ram": (512, 0)}


def open_events(cluster):
    return [event.event for event in cluster.db.read(actions.open_events)]


def test_an_evacuation_asked_for_twice(cluster, monkeypatch):
    """The second message comes to a conductor that has read the migration before the first one took it."""
    uuid = cluster.boot()
    force_down(cluster, cluster.row(uuid).host)
    proxy = Kept(monkeypatch, cluster.embedded.app.conductor, "rebuild_instance")
    ask_evacuate(cluster, uuid)
    proxy.wait()
    real, again = cluster.orchestrator.db.read, []

    def read(function, *args):
        found = real(function, *args)
        if function.__name__ == "in_progress" and not again:
            again.append(True)
            mark = cluster.watch.mark()
            proxy.send()
            cluster.watch.wait("evacuated", mark)
        return found

    monkeypatch.setattr(cluster.orchestrator.db, "read", read)
    proxy.send()
    cluster.settle()
    assert again
    assert open_events(cluster) == []


@pytest.mark.parametrize("word", ["rebuild", "unshelve"])
def test_a_message_to_the_conductor_that_comes_when_all_is_over(make_cluster, monkeypatch, word):
    cluster = make_cluster(shelved_offload_time=0)
    uuid = cluster.boot()
    if word == "unshelve":
        mark = cluster.watch.mark()
        cluster.begin(uuid, "shelve")
        cluster.watch.wait("offloaded", mark)
    proxy = Kept(monkeypatch, cluster.embedded.app.conductor, f"{word}_instance")
    cluster.begin(uuid, word)
    proxy.wait()
    cluster.action(uuid, {"os-resetState": {"state": "error"}}, ADMIN)
    sent = cluster.watch.mark()
    for method in ("rebuild_instance", "unshelve_instance"):
        monkeypatch.setattr(cluster.orchestrator.compute, method, broken)
    proxy.send()
    cluster.settle()
    assert cluster.watch.count("send select_destinations", sent) == 0
    assert open_events(cluster) == []


def broken(*_, **__):
    raise OSError("no bus")


@pytest.mark.parametrize("word", ["offload", "reclaim"])
def test_one_message_that_cannot_be_sent_keeps_nobody_waiting(make_cluster, monkeypatch, word):
    """Of what is begun by the clock."""
    task, method = {"offload": (periodics.offload_shelved, "shelve_offload_instance"),
                    "reclaim": (deferred_delete.reclaim_queued_deletes, "terminate_instance")}[word]
    cluster = make_cluster(clock=ManualClock(), shelved_offload_time=10, reclaim_instance_interval=10)
    uuids = [cluster.boot(), cluster.boot()]
    for uuid in uuids:
        if word == "offload":
            cluster.do(uuid, "shelve")
        else:
            mark = cluster.watch.mark()
            assert cluster.http("DELETE", f"/servers/{uuid}").status_int == 204
            cluster.watch.wait("compute_soft_delete_instance", mark)
    cluster.clock.advance(11)
    with monkeypatch.context() as patched:
        patched.setattr(cluster.agents.compute, method, broken)
        task(cluster.agents)
    for uuid in uuids:
        assert cluster.row(uuid).task_state in ("shelving_offloading", "deleting")
    cluster.clock.advance(1000)
    periodics.report_state(cluster.agents)
    mark = cluster.watch.mark()
    assert recovery.recover(cluster.orchestrator) == 2
    cluster.watch.wait("offloaded" if word == "offload" else "deleted", mark, times=2)
