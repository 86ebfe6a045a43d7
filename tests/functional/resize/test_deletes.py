"""A server is deleted in any state of a move: nothing of it is left, on no host and in no ledger."""

import threading

import pytest
from cluster_fixture import MEDIUM

from novasim.compute import periodics

GONE = {"cores": (0, 0), "instances": (0, 0), "ram": (0, 0)}
# Where the move waits because a message is lost: message -> what is asked for.
WAITING = {"migrate_server": "resize", "prep_resize": "resize", "resize_instance": "resize", "finish_resize": "resize",
           "confirm_resize": "confirm", "revert_resize": "revert", "finish_revert_resize": "revert"}


def check_gone(cluster, uuid):
    assert cluster.http("GET", f"/servers/{uuid}").status_int == 404
    # What was sent to other hosts is done when they may end.
    cluster.restart()
    assert (cluster.all_guests(), cluster.held(uuid), cluster.quota()) == ([], [], GONE)


@pytest.mark.spec("5.9/delete-state", "12.2/30")
@pytest.mark.parametrize("method", WAITING)
def test_while_a_message_is_on_its_way(cluster, method):
    uuid = cluster.boot()
    if WAITING[method] != "resize":
        cluster.resize(uuid, MEDIUM)
    cluster.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop"})
    mark = cluster.watch.mark()
    cluster.begin(uuid, WAITING[method])
    cluster.watch.wait(f"send {method}", mark)
    cluster.delete(uuid)
    check_gone(cluster, uuid)


@pytest.mark.spec("5.9/delete-resized", "11.2/delete-while-resized")
def test_while_it_waits_for_the_user(cluster):
    uuid = cluster.boot()
    cluster.resize(uuid, MEDIUM)
    cluster.delete(uuid)
    check_gone(cluster, uuid)


@pytest.mark.spec("12.2/30")
@pytest.mark.parametrize(("word", "verb"), [
    ("boot", "spawn"), ("resize", "migrate_disk_and_power_off"), ("resize", "finish_migration"),
    ("confirm", "confirm_migration"), ("revert", "finish_revert_migration"), ("stop", "power_off")])
@pytest.mark.parametrize("place", ["before", "after"])
def test_while_a_hypervisor_works(cluster, monkeypatch, word, verb, place):
    """The work begins before the delete and ends after it: what it makes must go too."""
    uuid = cluster.boot() if word != "boot" else None
    if word in ("confirm", "revert"):
        cluster.resize(uuid, MEDIUM)
    begun, go_on, real = threading.Event(), threading.Event(), getattr(cluster.agents.driver, verb)

    def slow(*args):
        result = real(*args) if place == "after" else None
        begun.set()
        assert go_on.wait(20)
        return real(*args) if place == "before" else result

    monkeypatch.setattr(cluster.agents.driver, verb, slow)
    uuid = cluster.create() if word == "boot" else cluster.begin(uuid, word)
    assert begun.wait(20)
    cluster.delete(uuid)
    go_on.set()
    # A hop that failed below a delete is no failure of anybody: the drain of the restart waits for it.
    cluster.restart()
    assert (cluster.all_guests(), cluster.held(uuid), cluster.quota()) == ([], [], GONE)


@pytest.mark.spec("5.9/delete-host-down", "8.11/pending_deletes")
def test_with_the_host_away(cluster):
    """The records go at once; what the host still holds is found when it looks for left-overs."""
    uuid = cluster.boot()
    host = cluster.row(uuid).host
    cluster.faults.add({"at": "rpc.send", "match": {"method": "terminate_instance"}, "do": "drop"})
    services = cluster.get("/os-services", "admin:admin", "2.53")["services"]
    service = next(service["id"] for service in services if service["host"] == host)
    assert cluster.http("PUT", f"/os-services/{service}", {"forced_down": True}, "admin:admin",
                        "2.53").status_int == 200
    assert cluster.http("DELETE", f"/servers/{uuid}").status_int == 204
    assert cluster.http("GET", f"/servers/{uuid}").status_int == 404
    assert [guest.host for guest in cluster.all_guests()] == [host]
    periodics.cleanup_leftovers(cluster.agents)
    assert cluster.all_guests() == []
