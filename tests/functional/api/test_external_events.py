"""Events of other services: which are taken, how each is answered, and what follows."""

import uuid

import pytest
from cluster_fixture import ADMIN

NOBODY = str(uuid.UUID(int=7))


def event(server, name="network-changed", **more):
    return {"name": name, "server_uuid": server} | more


def send(cloud, *events, version="2.1", status=200, user="admin:admin"):
    answer = cloud.call("POST", "/os-server-external-events", {"events": list(events)}, version, user)
    assert answer.status == status, answer.text
    return answer


def test_what_is_taken(cloud):
    server = cloud.boot()
    told = send(cloud, event(server, tag="port", status="in-progress"), event(server, "network-vif-plugged")).body
    assert told == {"events": [
        {"name": "network-changed", "server_uuid": server, "tag": "port", "status": "in-progress", "code": 200},
        {"name": "network-vif-plugged", "server_uuid": server, "status": "completed", "code": 200}]}
    assert [hop["what"] for hop in cloud.hops] == ["external event network-changed",
                                                   "external event network-vif-plugged"]
    assert cloud.compute.sent == []


def test_some_and_none(cloud):
    server, waiting = cloud.boot(), cloud.boot(host=None)
    told = send(cloud, event(server), event(NOBODY), event(waiting), status=207).body["events"]
    assert [(one["code"], one["status"]) for one in told] == [(200, "completed"), (404, "failed"), (422, "failed")]
    for servers in ([NOBODY], [waiting], [NOBODY, waiting]):
        answer = send(cloud, *map(event, servers), status=404)
        assert answer.message == "No instances found for any event"


@pytest.mark.parametrize(("name", "since"), [("volume-extended", 51), ("power-update", 76),
                                             ("accelerator-request-bound", 82), ("volume-reimaged", 93)])
def test_events_of_later_versions(cloud, name, since):
    server = cloud.boot()
    send(cloud, event(server, name, tag="POWER_ON"), version=f"2.{since - 1}", status=400)
    send(cloud, event(server, name, tag="POWER_ON"), version=f"2.{since}")


@pytest.mark.parametrize("body", [
    {}, {"events": []}, {"events": [{}]}, {"events": {}}, {"events": [event("x")]}, {"events": [event(NOBODY, "boom")]},
    {"events": [event(NOBODY, status="fine")]}, {"events": [event(NOBODY, tag=1)]},
    {"events": [event(NOBODY, more=1)]}])
def test_bodies_that_are_wrong(cloud, body):
    assert cloud.call("POST", "/os-server-external-events", body).status == 400


def test_users_report_nothing(cloud):
    send(cloud, event(cloud.boot()), user="bob:p1", status=403)


def test_a_tag_that_is_no_power(cloud):
    server = cloud.boot()
    told = send(cloud, event(server, "power-update", tag="POWER"), event(server), version="2.76", status=207).body
    assert told["events"][0]["code"] == 400
    send(cloud, event(server, "power-update"), version="2.76", status=404)
    assert cloud.compute.sent == []


def test_power_updates_act_on_the_guest(cluster):
    server = cluster.boot()
    host = cluster.row(server).host

    def update(tag, until):
        mark = cluster.watch.mark()
        body = {"events": [event(server, "power-update", tag=tag)]}
        answer = cluster.http("POST", "/os-server-external-events", body, ADMIN, "2.76")
        assert (answer.status_int, answer.json["events"][0]["code"]) == (200, 200)
        if until:
            cluster.watch.wait(until, mark, instance_uuid=server)
        return answer.headers["x-openstack-request-id"]

    request = update("POWER_OFF", "compute_stop_instance")
    assert (cluster.state(server), cluster.guests(server)) == (("stopped", None), {(host, "guest"): 4})
    assert cluster.record(server, request)["action"] == "power-update"
    update("POWER_OFF", None)
    assert cluster.state(server) == ("stopped", None), "it is off already"
    update("POWER_ON", "compute_start_instance")
    assert (cluster.state(server), cluster.guests(server)) == (("active", None), {(host, "guest"): 1})
