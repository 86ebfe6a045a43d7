"""Evacuation: a server whose host is dead begins anew on another one, and the dead one finds out when it is back."""

import pytest
from cluster_fixture import ADMIN, SMALL, USER
from holding import take_up_at_start
from live_stories import ask, busy_guests, check_at

from novasim import states
from novasim.compute import evacuate as agents_part
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.sim.clock import ManualClock

DONE, FAILED = "evacuated", "evacuation failed"


def force_down(cluster, host, forced_down=True, status=200):
    answer = cluster.http("PUT", "/os-services/force-down", {"host": host, "binary": "nova-compute",
                                                             "forced_down": forced_down}, ADMIN, "2.11")
    assert answer.status_int == status, answer.text
    return answer


def ask_evacuate(cluster, uuid, version="2.14", status=200, token=ADMIN, **body):
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"evacuate": body}, token, version)
    assert answer.status_int == status, answer.text
    return answer


def evacuate(cluster, uuid, until=DONE, **options):
    """Its host dies, and the server is evacuated; returns the host and the request."""
    source = cluster.row(uuid).host
    force_down(cluster, source)
    mark = cluster.watch.mark()
    answer = ask_evacuate(cluster, uuid, **options)
    cluster.watch.wait(until, mark, instance_uuid=uuid)
    return source, answer.headers["x-openstack-request-id"]


def guest_of_the_living(cluster, uuid, source):
    return {where: power for where, power in cluster.guests(uuid).items() if where[0] != source}


@pytest.mark.spec("2.3/evacuate", "8.12/evacuated", "2.6/live")
def test_a_dead_host_and_its_return(make_cluster, monkeypatch):
    take_up_at_start(monkeypatch)
    cluster = make_cluster(checked=True)
    uuid = cluster.boot()
    source, request = evacuate(cluster, uuid)
    row = cluster.row(uuid)
    assert row.host != source
    assert (row.node, row.vm_state, row.task_state, row.power_state) == (row.host, "active", None, states.RUNNING)
    assert guest_of_the_living(cluster, uuid, source) == {(row.host, "guest"): states.RUNNING}
    assert cluster.held(uuid) == [(row.host, 512, 1, 1, False)]
    move = cluster.move(uuid)
    assert (move.migration_type, move.status, move.source_compute, move.dest_compute) == (
        "evacuation", "done", source, row.host)
    record = cluster.record(uuid, request)
    assert (record["action"], record["message"]) == ("evacuate", None)
    assert {event["event"]: event["result"] for event in record["events"]} == {
        "rebuild_server": "Success", "compute_rebuild_instance": "Success"}
    assert cluster.audit() == []
    # What lies on the dead host is its own to remove; before it did, nobody may say that it is well.
    assert (source, "guest") in cluster.guests(uuid)
    refused = force_down(cluster, source, False, 400)
    assert "servers were evacuated from it" in refused.json["badRequest"]["message"]
    cluster.restart()
    assert cluster.move(uuid).status == "completed"
    check_at(cluster, uuid, row.host)
    force_down(cluster, source, False)


def test_the_agent_that_lived_all_along_removes_the_guest_by_the_clock(cluster):
    uuid = cluster.boot()
    source, _ = evacuate(cluster, uuid)
    agents_part.destroy_evacuated(cluster.agents)
    check_at(cluster, uuid, cluster.row(uuid).host)
    force_down(cluster, source, False)


def test_a_server_deleted_meanwhile(make_cluster, monkeypatch):
    take_up_at_start(monkeypatch)
    cluster = make_cluster()
    uuid = cluster.boot()
    evacuate(cluster, uuid)
    cluster.delete(uuid)
    cluster.restart()
    assert cluster.move(uuid).status == "completed"
    assert (cluster.guests(uuid), cluster.audit()) == ({}, [])


def test_a_host_that_lives(cluster):
    uuid = cluster.boot()
    answer = ask_evacuate(cluster, uuid, status=400)
    assert answer.json["badRequest"]["message"] == (
        f"Compute service of {cluster.row(uuid).host} is still in use.")
    assert cluster.state(uuid) == ("active", None)
    assert ask_evacuate(cluster, uuid, status=403, token=USER).json["forbidden"]


@pytest.mark.spec("3.12/2.14", "3.12/2.29", "3.12/2.68")
def test_bodies(cluster):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    for version, body, text in (
            ("2.13", {}, "'onSharedStorage' is a required property"),
            ("2.14", {"onSharedStorage": False}, "onSharedStorage"),
            ("2.28", {"force": True, "host": "x"}, "force"), ("2.68", {"force": True, "host": "x"}, "force"),
            ("2.29", {"force": True}, "Can't force to a non-provided destination"),
            ("2.13", {"onSharedStorage": True, "adminPass": "x"}, "admin password can't be changed on existing disk"),
            ("2.14", {"host": source}, "The target host can't be the same one."), ("2.14", {"host": ""}, "host")):
        assert text in ask_evacuate(cluster, uuid, version, 400, **body).text
    answer = ask_evacuate(cluster, uuid, "2.14", 404, host="nowhere")
    assert answer.json["itemNotFound"]["message"] == "Compute host nowhere not found."


@pytest.mark.parametrize(("version", "body", "password"), [
    ("2.1", {"onSharedStorage": False, "adminPass": "secret"}, "secret"), ("2.1", {"onSharedStorage": "False"}, None),
    ("2.1", {"onSharedStorage": True}, ""), ("2.14", {"adminPass": "secret"}, "")])
def test_answers(cluster, version, body, password):
    uuid = cluster.boot()
    force_down(cluster, cluster.row(uuid).host)
    mark = cluster.watch.mark()
    answer = ask_evacuate(cluster, uuid, version, **body)
    if password == "":
        assert answer.body == b""
    else:
        assert len(answer.json["adminPass"]) == 12 if password is None else answer.json == {"adminPass": password}
    cluster.watch.wait(DONE, mark)


@pytest.mark.parametrize(("version", "body", "asked"), [
    ("2.14", {}, 0), ("2.29", {"force": True}, 0), ("2.29", {}, 1), ("2.68", {}, 1)])
def test_to_a_named_host(cluster, version, body, asked):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    dest = next(host for host in cluster.agents.hosts if host != source)
    mark = cluster.watch.mark()
    evacuate(cluster, uuid, version=version, host=dest, **body)
    assert cluster.row(uuid).host == dest
    assert cluster.watch.count("send select_destinations", mark) == asked


@pytest.mark.parametrize(("word", "version", "vm_state"), [
    ("stop", "2.14", "stopped"), ("reset", "2.14", "active"), ("", "2.94", "active"), ("", "2.95", "stopped"),
    ("reset", "2.95", "stopped")])
def test_what_it_is_afterwards(cluster, word, version, vm_state):
    uuid = cluster.boot()
    if word == "stop":
        cluster.do(uuid, "stop")
    if word == "reset":
        cluster.action(uuid, {"os-resetState": {"state": "error"}}, ADMIN)
    source, _ = evacuate(cluster, uuid, version=version)
    assert cluster.state(uuid) == (vm_state, None)
    power = states.SHUTDOWN if vm_state == "stopped" else states.RUNNING
    assert guest_of_the_living(cluster, uuid, source) == {(cluster.row(uuid).host, "guest"): power}
    assert not any(key.startswith("evacuate") for key in cluster.row(uuid).system_metadata)


def test_no_host_is_left(make_cluster):
    cluster = make_cluster(hosts=1, checked=True)
    uuid = cluster.boot()
    _, request = evacuate(cluster, uuid, "restored")
    check_at(cluster, uuid, "cmp-0001")
    assert cluster.fault(uuid).startswith("No valid host was found.")
    assert cluster.record(uuid, request)["message"] == "Error"
    assert cluster.move(uuid).status == "error"
    force_down(cluster, "cmp-0001", False)


def test_a_new_host_that_fails(make_cluster):
    cluster = make_cluster(checked=True)
    uuid = cluster.boot()
    cluster.faults.add({"at": "virt.spawn", "do": {"raise": "no luck"}, "times": 1})
    source, request = evacuate(cluster, uuid, FAILED)
    assert cluster.state(uuid) == ("error", None)
    assert (cluster.row(uuid).host, cluster.fault(uuid)) == (source, "no luck")
    assert cluster.held(uuid) == [(source, 512, 1, 1, False)]
    assert cluster.record(uuid, request)["message"] == "Error"
    evacuate(cluster, uuid)
    assert cluster.state(uuid) == ("active", None)


@pytest.mark.parametrize("word", ["resize", "live"])
def test_in_the_middle_of_a_move(make_cluster, tmp_path, word):
    """The dead host was the source of it: nobody goes on with that move, and the server is saved."""
    cluster = make_cluster(**(busy_guests(tmp_path) if word == "live" else {}))
    uuid = cluster.boot()
    mark = cluster.watch.mark()
    if word == "live":
        ask(cluster, uuid)
        cluster.watch.wait("copying the guest", mark)
    else:
        cluster.faults.add({"at": "rpc.send", "match": {"method": "resize_instance"}, "do": "drop"})
        cluster.action(uuid, {"resize": {"flavorRef": SMALL}})
        cluster.watch.wait("send resize_instance", mark)
    first = cluster.move(uuid)
    source, _ = evacuate(cluster, uuid)
    assert cluster.state(uuid) == ("active", None)
    assert cluster.row(uuid).host != source
    moves = {move["id"]: (move["migration_type"], move["status"]) for move in cluster.get(
        f"/os-migrations?instance_uuid={uuid}", ADMIN, "2.23")["migrations"]}
    assert moves[first.id][1] == "error"
    assert ("evacuation", "done") in moves.values()
    assert len(cluster.held(uuid)) == 1
    if word == "live":
        # The source was only cut off: it finds out with its next report, and has the copy removed.
        cluster.watch.wait("destination cleaned", mark, instance_uuid=uuid)


@pytest.mark.parametrize("method", ["rebuild_instance"])
@pytest.mark.parametrize("topic", ["conductor", "compute"])
def test_lost_messages(make_cluster, topic, method):
    cluster = make_cluster(clock=ManualClock(), **{"conductor.recovery_after": 1})
    uuid = cluster.boot()
    force_down(cluster, cluster.row(uuid).host)
    cluster.faults.add({"at": "rpc.send", "match": {"method": method, "topic": topic}, "do": "drop", "times": 1})
    mark = cluster.watch.mark()
    ask_evacuate(cluster, uuid)
    cluster.watch.wait(f"send {method}", mark, topic=topic)
    cluster.clock.advance(2)
    assert recovery.recover(cluster.orchestrator) == 1
    cluster.watch.wait("restored" if topic == "conductor" else DONE, mark, instance_uuid=uuid)
    assert cluster.state(uuid) == ("active", None)


def test_a_destination_that_dies_too(make_cluster):
    cluster = make_cluster(clock=ManualClock(), **{"conductor.recovery_after": 1})
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    cluster.faults.add({"at": "rpc.send", "match": {"method": "rebuild_instance", "topic": "compute"}, "do": "drop",
                        "times": 1})
    force_down(cluster, source)
    mark = cluster.watch.mark()
    ask_evacuate(cluster, uuid)
    cluster.watch.wait("send rebuild_instance", mark, topic="compute")
    force_down(cluster, cluster.move(uuid).dest_compute)
    cluster.clock.advance(120)
    periodics.report_state(cluster.agents)
    assert recovery.recover(cluster.orchestrator) == 1
    cluster.watch.wait("move failed with its host", mark, instance_uuid=uuid)
    assert cluster.state(uuid) == ("active", None)
    assert (cluster.row(uuid).host, cluster.move(uuid).status) == (source, "error")
    evacuate(cluster, uuid)
