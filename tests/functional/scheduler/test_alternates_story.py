"""A host that does not take its server is followed by the next of the scheduler's answer, without a new question."""

import copy

import pytest
from cluster_fixture import ADMIN, MEDIUM, on_every_choice, refuse

from novasim.db import hosts

ASKED = "send select_destinations"
WAITING = "waiting for confirm or revert"


def first_is_full(number, chosen):
    if number == 1:
        refuse(chosen)


def resize(cluster, uuid):
    return cluster.resize(uuid, MEDIUM)


def migrate(cluster, uuid):
    return cluster.migrate(uuid)


def unshelve(cluster, uuid):
    return cluster.act(uuid, {"unshelve": None}, "unshelved")


def evacuate(cluster, uuid):
    body = {"host": cluster.row(uuid).host, "binary": "nova-compute", "forced_down": True}
    assert cluster.http("PUT", "/os-services/force-down", body, ADMIN, "2.11").status_int == 200
    cluster.http("POST", f"/servers/{uuid}/action", {"evacuate": {}}, ADMIN, "2.14")
    cluster.watch.wait("evacuated", instance_uuid=uuid)


def live_migrate(cluster, uuid):
    body = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
    mark = cluster.watch.mark()
    answer = cluster.http("POST", f"/servers/{uuid}/action", body, ADMIN, "2.25")
    assert answer.status_int == 202, answer.text
    cluster.watch.wait("live-migrated", mark, instance_uuid=uuid)


@pytest.fixture
def cluster(make_cluster):
    return make_cluster(hosts=5, checked=True)


@pytest.mark.spec("6.4/reschedule", "12.1/9", "12.1/4")
@pytest.mark.parametrize("move", [resize, migrate, unshelve])
def test_a_lost_claim_goes_on_to_the_next(cluster, monkeypatch, move):
    uuid = cluster.boot()
    if move is unshelve:
        cluster.act(uuid, {"shelve": None}, "offloaded")
    told, mark = on_every_choice(monkeypatch, first_is_full), cluster.watch.mark()
    request = move(cluster, uuid)
    assert len(set(told)) == 2
    assert cluster.row(uuid).host == told[1]
    assert cluster.watch.count(ASKED, mark) == 1
    record = cluster.record(uuid, request)
    assert record["message"] is None
    event = "compute_unshelve_instance" if move is unshelve else "compute_prep_resize"
    assert {found["host"]: found["result"] for found in record["events"] if found["event"] == event} == {
        told[0]: "Error", told[1]: "Success"}
    assert "Free memory" in cluster.fault(uuid)


@pytest.mark.spec("12.1/9")
@pytest.mark.parametrize("move", [evacuate, live_migrate])
def test_so_it_does_where_the_conductor_claims(cluster, monkeypatch, move):
    uuid = cluster.boot()
    told, mark = on_every_choice(monkeypatch, first_is_full), cluster.watch.mark()
    move(cluster, uuid)
    assert (len(set(told)), cluster.row(uuid).host) == (2, told[1])
    assert cluster.watch.count(ASKED, mark) == 1


def test_a_build_goes_on_to_the_next(cluster, monkeypatch):
    told, mark = on_every_choice(monkeypatch, first_is_full), cluster.watch.mark()
    uuid = cluster.boot()
    assert (len(set(told)), cluster.row(uuid).host) == (2, told[1])
    assert cluster.watch.count(ASKED, mark) == 1


def test_so_does_each_of_several_servers(cluster):
    """They share their alternates; each goes on for itself."""
    cluster.faults.add({"at": "virt.spawn", "do": {"raise": "no disk"}, "times": 3})
    mark = cluster.watch.mark()
    answer = cluster.http("POST", "/servers", {"server": {
        "name": "vm", "flavorRef": "1", "imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6", "min_count": 3}})
    assert answer.status_int == 202
    cluster.watch.wait("built", mark, times=3)
    assert cluster.watch.count(ASKED, mark) == 1
    assert cluster.watch.count("build failed", mark) == 3


@pytest.mark.spec("6.4/limit", "6.4/first-pass")
def test_a_host_that_fails_is_an_attempt_and_one_that_is_full_is_not(make_cluster, monkeypatch):
    """Three attempts: the message tells of five hosts, of which two were full."""
    cluster = make_cluster(hosts=9)
    sent, real = [], cluster.orchestrator.compute.run_instance

    def run_instance(ctxt, host, **message):
        sent.append(copy.deepcopy(message["filter_properties"]["retry"]))
        return real(ctxt, host, **message)

    monkeypatch.setattr(cluster.orchestrator.compute, "run_instance", run_instance)
    told = on_every_choice(monkeypatch, lambda number, chosen: refuse(chosen) if number in (2, 3) else None)
    cluster.faults.add({"at": "virt.spawn", "do": {"raise": "no disk"}})
    mark = cluster.watch.mark()
    uuid = cluster.create()
    cluster.watch.wait("build failed", mark, instance_uuid=uuid, vm_state="error")
    assert len(set(told)) == len(told) == 5
    assert [retry["num_attempts"] for retry in sent] == [1, 2, 3, 4, 5]
    assert [retry.get("lost", 0) for retry in sent] == [0, 0, 1, 2, 2]
    assert [host for host, _ in sent[-1]["hosts"]] == told
    assert "Exceeded max scheduling attempts 3" in cluster.fault(uuid)
    assert "no disk" in cluster.fault(uuid)
    # The scheduler was asked again when the two alternates of its answer were used up.
    assert cluster.watch.count(ASKED, mark) == 2


@pytest.mark.spec("4.3/can-send-version", "6.4/reschedule")
@pytest.mark.parametrize("capped", ["scheduler", "compute", "conductor"])
def test_a_peer_that_knows_no_alternates(make_cluster, monkeypatch, capped):
    """It is sent none, and understood: the scheduler is asked for each attempt."""
    cap = {"scheduler": "3.0", "compute": "3.24", "conductor": "1.14"}[capped]
    cluster = make_cluster(hosts=4, **{f"upgrade_levels.{capped}": cap})
    told = on_every_choice(monkeypatch, first_is_full)
    uuid, mark = cluster.boot(), cluster.watch.mark()
    assert len(set(told)) == 2
    told.clear()
    cluster.resize(uuid)
    assert len(set(told)) == 2
    assert cluster.watch.count(ASKED, mark) == 2
    sent = {hop["method"]: hop["version"] for hop in cluster.watch.hops[mark:] if hop["what"].startswith("send ")}
    assert sent.items() >= {"scheduler": {"select_destinations": "3.0"}, "compute": {"prep_resize": "3.0"},
                            "conductor": {"migrate_server": "1.6"}}[capped].items()


@pytest.mark.spec("12.1/9")
def test_room_that_was_given_away_and_not_taken_is_free_at_once(make_cluster, monkeypatch):
    """The one host: a server was sent there and refused, so what the scheduler holds for it is nobody's. A request that
    needs all of it finds it."""
    cluster = make_cluster(hosts=1, **{"quota.ram": -1})
    node = cluster.db.read(hosts.nodes)[0]
    body = {"flavor": {"name": "all", "id": "all", "ram": int(node.memory_mb * 1.5) - 512, "vcpus": 1, "disk": 1}}
    assert cluster.http("POST", "/flavors", body, ADMIN).status_int == 200
    on_every_choice(monkeypatch, first_is_full)
    mark = cluster.watch.mark()
    lost = cluster.create("all")
    cluster.watch.wait("build failed", mark, instance_uuid=lost, vm_state="error")
    assert cluster.state(cluster.boot("all")) == ("active", None)


def stats(cluster, host):
    [node] = cluster.db.read(hosts.nodes, host)
    return node.stats


def test_failed_builds_are_counted_until_one_does_not_fail(make_cluster, monkeypatch):
    """And the scheduler prefers hosts without any, unless there is no other."""
    cluster = make_cluster(hosts=2, **{"scheduler.max_attempts": 1})
    cluster.faults.add({"at": "virt.spawn", "match": {"host": "cmp-0001"}, "do": {"raise": "no disk"}, "times": 2})
    for expected in ('{"failed_builds": 1}', '{"failed_builds": 2}'):
        mark = cluster.watch.mark()
        cluster.create(token=ADMIN, availability_zone="nova:cmp-0001")
        cluster.watch.wait("build failed", mark)
        assert stats(cluster, "cmp-0001") == expected
    assert {cluster.row(cluster.boot()).host for _ in range(3)} == {"cmp-0002"}
    cluster.boot(token=ADMIN, availability_zone="nova:cmp-0001")
    assert stats(cluster, "cmp-0001") == "{}"
    assert cluster.row(cluster.boot()).host == "cmp-0001"


def test_a_full_host_has_not_failed(cluster, monkeypatch):
    told = on_every_choice(monkeypatch, first_is_full)
    cluster.boot()
    assert stats(cluster, told[0]) == "{}"


def test_the_conductor_is_not_asked_where_no_other_host_may_be_tried(cluster, monkeypatch):
    """A host that an administrator forced."""
    on_every_choice(monkeypatch, first_is_full)
    cluster.faults.add({"at": "virt.spawn", "do": {"raise": "no disk"}, "times": 1})
    mark = cluster.watch.mark()
    uuid = cluster.create(token=ADMIN, availability_zone="nova:cmp-0003")
    cluster.watch.wait("build failed", mark, instance_uuid=uuid, vm_state="error")
    assert cluster.watch.count("send build_instances", mark) == 1
