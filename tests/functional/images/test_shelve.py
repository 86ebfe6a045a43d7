"""Shelve, offload and unshelve: where the server, its guest, its claim and its image are at each rest, and what happens
when something breaks on the way."""

import pytest
from cluster_fixture import ADMIN, SMALL
from holding import Held

from novasim import exceptions
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.db import claims, images
from novasim.sim.clock import ManualClock


@pytest.fixture
def keeping(make_cluster):
    """A cluster on which shelved servers stay on their hosts, with a clock that is set by hand."""
    return make_cluster(clock=ManualClock(), shelved_offload_time=-1, **{"conductor.recovery_after": 10})


def image_of(cluster, uuid):
    """The one image that was made of a server, or None."""
    made = cluster.db.read(images.list_page, None, {"instance_uuid": uuid})
    assert len(made) < 2
    return made[0] if made else None


def shelved(cluster, *more, **values):
    uuid = cluster.boot(SMALL, **values)
    for word in ("shelve", *more):
        cluster.do(uuid, word)
    return uuid


def events(cluster, uuid, request):
    record = cluster.record(uuid, request)
    return record["message"], [(hop["event"], hop["result"]) for hop in reversed(record["events"])]


@pytest.mark.spec("2.3/shelve", "2.3/shelveOffload", "2.3/unshelve", "4.2/unshelve_instance")
def test_shelved_offloaded_and_back(keeping):
    cluster = keeping
    uuid = cluster.boot(SMALL, name="jar")
    host, quota = cluster.row(uuid).host, cluster.quota()
    request = cluster.act(uuid, {"shelve": None}, "shelved")
    image = image_of(cluster, uuid)
    row = cluster.row(uuid)
    assert (cluster.status(uuid), row.power_state, row.host) == ("SHELVED", 4, host)
    assert (image["name"], image["status"], image["project_id"]) == ("jar-shelved", "active", "demo")
    assert row.system_metadata["shelved_image_id"] == image["id"]
    assert row.system_metadata["shelved_host"] == host
    assert row.system_metadata["shelved_at"]
    assert cluster.guests(uuid) == {(host, "guest"): 4}
    assert events(cluster, uuid, request) == (None, [("compute_shelve_instance", "Success")])
    assert (len(cluster.held(uuid)), cluster.quota()) == (1, quota)

    request = cluster.act(uuid, {"shelveOffload": None}, "offloaded", ADMIN)
    row = cluster.row(uuid)
    assert (cluster.status(uuid), row.power_state, row.host, row.node) == ("SHELVED_OFFLOADED", 0, None, None)
    assert (cluster.guests(uuid), cluster.held(uuid), cluster.quota()) == ({}, [], quota)
    assert events(cluster, uuid, request) == (None, [("compute_shelve_offload_instance", "Success")])
    assert cluster.get(f"/servers/{uuid}")["server"]["hostId"] == ""

    request = cluster.act(uuid, {"unshelve": None}, "unshelved")
    row = cluster.row(uuid)
    assert (cluster.status(uuid), row.power_state) == ("ACTIVE", 1)
    assert cluster.guests(uuid) == {(row.host, "guest"): 1}
    assert cluster.held(uuid) == [(row.host, 2048, 1, 20, False)]
    assert events(cluster, uuid, request) == (None, [("schedule_instances", "Success"),
                                                     ("compute_unshelve_instance", "Success")])
    assert (image_of(cluster, uuid), cluster.quota()) == (None, quota)
    assert not [key for key in row.system_metadata if key.startswith("shelved_")]
    assert cluster.audit() == []


def test_unshelved_where_it_was(keeping):
    uuid = shelved(keeping)
    host, launched = keeping.row(uuid).host, keeping.row(uuid).launched_at
    keeping.do(uuid, "unshelve")
    row = keeping.row(uuid)
    assert (row.vm_state, row.host, row.launched_at, image_of(keeping, uuid)) == ("active", host, launched, None)
    assert keeping.guests(uuid) == {(host, "guest"): 1}


def test_offloaded_at_once(cluster):
    uuid = cluster.boot()
    request = cluster.act(uuid, {"shelve": None}, "offloaded")
    assert cluster.status(uuid) == "SHELVED_OFFLOADED"
    assert events(cluster, uuid, request) == (None, [("compute_shelve_instance", "Success"),
                                                     ("compute_shelve_offload_instance", "Success")])


@pytest.mark.parametrize("before", ["os-stop", "pause", "suspend"])
def test_shelved_from_any_rest(keeping, before):
    uuid = keeping.boot()
    mark = keeping.watch.mark()
    keeping.action(uuid, {before: None})
    keeping.watch.wait(f"compute_{before.removeprefix('os-')}_instance", mark, instance_uuid=uuid)
    keeping.do(uuid, "shelve")
    keeping.do(uuid, "unshelve")
    assert keeping.status(uuid) == "ACTIVE"


@pytest.mark.spec("8.11/poll_shelved")
@pytest.mark.spec("8.11/poll_shelved")
def test_offloaded_when_its_time_is_over(make_cluster):
    cluster = make_cluster(clock=ManualClock(), shelved_offload_time=3600)
    uuid, other = shelved(cluster), shelved(cluster)
    cluster.clock.advance(3599)
    periodics.offload_shelved(cluster.agents)
    assert cluster.state(uuid) == ("shelved", None)
    cluster.do(other, "unshelve")
    cluster.clock.advance(1)
    periodics.offload_shelved(cluster.agents)
    cluster.watch.wait("offloaded", instance_uuid=uuid)
    assert [cluster.status(one) for one in (uuid, other)] == ["SHELVED_OFFLOADED", "ACTIVE"]


def test_a_deleted_server_takes_its_image_along(keeping):
    for more in ([], ["offload"]):
        uuid = shelved(keeping, *more)
        keeping.delete(uuid)
        assert (image_of(keeping, uuid), keeping.all_guests()) == (None, [])
    assert keeping.quota() == {"instances": (0, 0), "cores": (0, 0), "ram": (0, 0)}


@pytest.mark.parametrize(("point", "vm_state", "power_state"), [
    ("virt.power_off", "active", 1), ("virt.snapshot", "stopped", 4)])
def test_a_shelving_that_fails(keeping, point, vm_state, power_state):
    """The server is what its guest is then, and can be shelved again."""
    uuid = keeping.boot()
    keeping.faults.add({"at": point, "do": {"raise": "no luck"}, "times": 1})
    request = keeping.act(uuid, {"shelve": None}, "compute_shelve_instance failed")
    assert (keeping.state(uuid), keeping.row(uuid).power_state) == ((vm_state, None), power_state)
    assert (image_of(keeping, uuid), keeping.fault(uuid)) == (None, "no luck")
    assert events(keeping, uuid, request) == ("Error", [("compute_shelve_instance", "Error")])
    keeping.do(uuid, "shelve")


def test_an_offloading_that_fails(keeping):
    uuid = shelved(keeping)
    keeping.faults.add({"at": "virt.destroy", "do": {"raise": "no luck"}, "times": 1})
    keeping.act(uuid, {"shelveOffload": None}, "compute_shelve_offload_instance failed", ADMIN)
    assert (keeping.state(uuid), keeping.fault(uuid), len(keeping.held(uuid))) == (("shelved", None), "no luck", 1)
    keeping.do(uuid, "offload")


def test_an_unshelving_that_fails(keeping):
    """Nothing is left on the host that could not do it, and it can be tried again."""
    uuid = shelved(keeping, "offload")
    keeping.faults.add({"at": "virt.spawn", "do": {"raise": "no luck"}, "times": 1})
    request = keeping.act(uuid, {"unshelve": None}, "compute_unshelve_instance failed")
    assert (keeping.state(uuid), keeping.row(uuid).host) == (("shelved_offloaded", None), None)
    assert (keeping.held(uuid), keeping.guests(uuid)) == ([], {})
    assert events(keeping, uuid, request) == ("Error", [("schedule_instances", "Success"),
                                                        ("compute_unshelve_instance", "Error")])
    assert image_of(keeping, uuid)["status"] == "active"
    keeping.do(uuid, "unshelve")

    uuid = shelved(keeping)
    keeping.faults.add({"at": "virt.power_on", "do": {"raise": "no luck"}, "times": 1})
    keeping.act(uuid, {"unshelve": None}, "compute_unshelve_instance failed")
    assert (keeping.state(uuid), keeping.fault(uuid)) == (("shelved", None), "no luck")


def test_no_host_to_unshelve_on(make_cluster):
    cluster = make_cluster(hosts=1, shelved_offload_time=0)
    uuid = cluster.boot()
    cluster.act(uuid, {"shelve": None}, "offloaded")
    services = cluster.get("/os-services?binary=nova-compute", ADMIN)["services"]
    body = {"host": services[0]["host"], "binary": "nova-compute"}
    assert cluster.http("PUT", "/os-services/disable", body, ADMIN).status_int == 200
    request = cluster.act(uuid, {"unshelve": None}, "unshelve restored")
    assert cluster.state(uuid) == ("shelved_offloaded", None)
    assert cluster.fault(uuid).startswith("No valid host was found.")
    assert events(cluster, uuid, request) == ("Error", [("schedule_instances", "Error")])
    assert cluster.http("PUT", "/os-services/enable", body, ADMIN).status_int == 200
    cluster.act(uuid, {"unshelve": None}, "unshelved")


def test_a_host_that_has_no_room_any_more(keeping, monkeypatch):
    """Between the scheduler's choice and the claim somebody else came: so it is on every host."""
    def full(*_):
        raise exceptions.ComputeResourcesUnavailable(reason="full")

    uuid = shelved(keeping, "offload")
    with monkeypatch.context() as patched:
        patched.setattr(claims, "take", full)
        request = keeping.act(uuid, {"unshelve": None}, "unshelve restored")
    assert (keeping.state(uuid), keeping.row(uuid).host, keeping.held(uuid)) == (("shelved_offloaded", None), None, [])
    message, told = events(keeping, uuid, request)
    assert message == "Error"
    assert ("compute_unshelve_instance", "Error") in told
    keeping.do(uuid, "unshelve")


def test_an_image_that_is_gone(keeping):
    uuid = shelved(keeping, "offload")
    image_id = image_of(keeping, uuid)["id"]
    assert keeping.http("DELETE", f"/images/{image_id}").status_int == 204
    keeping.act(uuid, {"unshelve": None}, "unshelve restored")
    assert keeping.state(uuid) == ("shelved_offloaded", None)
    assert keeping.fault(uuid) == (f"Error during unshelve instance {uuid}: Unshelve attempted but the image "
                                   f"{image_id} cannot be found.")


# (what is done before, what is asked for, driver's verb, how it ends when it is deleted in the middle)
MIDDLES = [((), "shelve", "power_off"), ((), "shelve", "snapshot"), (("shelve",), "offload", "destroy"),
           (("shelve",), "unshelve", "power_on"), (("shelve", "offload"), "unshelve", "spawn")]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("before", "word", "verb"), MIDDLES)
def test_a_delete_in_the_middle(keeping, monkeypatch, before, word, verb, after):
    uuid = keeping.boot()
    for step in before:
        keeping.do(uuid, step)
    held = Held(monkeypatch, keeping, verb, after)
    keeping.begin(uuid, word)
    held.wait()
    keeping.delete(uuid)
    held.release()
    keeping.stop()
    keeping.start()
    periodics.cleanup_leftovers(keeping.agents)
    assert (image_of(keeping, uuid), keeping.all_guests()) == (None, [])


@pytest.mark.parametrize(("method", "before", "word", "vm_state"), [
    ("shelve_instance", (), "shelve", "shelved"),
    ("shelve_offload_instance", ("shelve",), "offload", "shelved_offloaded"),
    ("unshelve_instance", ("shelve",), "unshelve", "active")])
def test_a_lost_message(keeping, method, before, word, vm_state):
    uuid = keeping.boot()
    for step in before:
        keeping.do(uuid, step)
    keeping.faults.add({"at": "rpc.send", "match": {"method": method, "topic": "compute"}, "do": "drop", "times": 1})
    mark = keeping.watch.mark()
    keeping.begin(uuid, word)
    keeping.watch.wait(f"send {method}", mark, topic="compute")
    assert recovery.recover(keeping.orchestrator) == 0, "it is given its time"
    keeping.clock.advance(10)
    assert recovery.recover(keeping.orchestrator) == 1
    keeping.watch.wait(keeping._WORDS[word][2], mark, instance_uuid=uuid)
    assert keeping.state(uuid) == (vm_state, None)


def test_a_lost_unshelving_of_a_server_without_a_host(keeping):
    uuid = shelved(keeping, "offload")
    keeping.faults.add({"at": "rpc.send", "match": {"method": "unshelve_instance"}, "do": "drop", "times": 1})
    request = keeping.action(uuid, {"unshelve": None})
    keeping.clock.advance(10)
    assert recovery.recover(keeping.orchestrator) == 1
    assert keeping.state(uuid) == ("shelved_offloaded", None)
    assert keeping.record(uuid, request)["message"] == "Error"
    keeping.do(uuid, "unshelve")


@pytest.mark.parametrize("word", ["shelve", "offload", "unshelve"])
def test_messages_that_come_twice(keeping, word):
    uuid = keeping.boot()
    keeping.faults.add({"at": "rpc.send", "do": "duplicate"})
    for step in ("shelve", "offload", "unshelve"):
        keeping.do(uuid, step)
        if step == word:
            break
    keeping.stop()
    keeping.start()
    wanted = {"shelve": "shelved", "offload": "shelved_offloaded", "unshelve": "active"}[word]
    assert keeping.state(uuid) == (wanted, None)


def dead(cluster, uuid):
    """Let the server's host be gone for long enough that nobody waits for it."""
    host = cluster.row(uuid).host
    body = {"host": host, "binary": "nova-compute", "forced_down": True}
    assert cluster.http("PUT", "/os-services/force-down", body, ADMIN, "2.11").status_int == 200
    cluster.clock.advance(cluster.conf.service_down_time + 60)
    return host


def test_a_host_that_dies_while_it_brings_a_server_back(keeping, monkeypatch):
    """The server is on no host again, and can be brought back elsewhere."""
    uuid = shelved(keeping, "offload")
    held = Held(monkeypatch, keeping, "spawn")
    keeping.begin(uuid, "unshelve")
    held.wait()
    dead(keeping, uuid)
    assert recovery.recover(keeping.orchestrator) == 1
    assert (keeping.state(uuid), keeping.row(uuid).host, keeping.held(uuid)) == (("shelved_offloaded", None), None, [])
    held.release()
    keeping.stop()
    keeping.start()
    periodics.cleanup_leftovers(keeping.agents)
    assert keeping.guests(uuid) == {}


def bring_back(cluster, uuid, where, version, token=ADMIN, status=202):
    mark = cluster.watch.mark()
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"unshelve": where}, token, version)
    assert answer.status_int == status, answer.text
    if status == 202:
        cluster.watch.wait("unshelved", mark, instance_uuid=uuid)
        return cluster.row(uuid)
    return answer.json.popitem()[1]["message"]


def zone(cluster, name, host):
    aggregate = cluster.http("POST", "/os-aggregates", {"aggregate": {"name": name, "availability_zone": name}},
                             ADMIN).json["aggregate"]["id"]
    answer = cluster.http("POST", f"/os-aggregates/{aggregate}/action", {"add_host": {"host": host}}, ADMIN)
    assert answer.status_int == 200, answer.text


@pytest.mark.spec("3.12/2.77", "3.12/2.91")
def test_where_it_is_brought_back(keeping):
    cluster = keeping
    hosts = sorted(node["hypervisor_hostname"] for node in cluster.get("/os-hypervisors", ADMIN)["hypervisors"])
    zone(cluster, "west", hosts[2])
    uuid = shelved(cluster, "offload")
    row = bring_back(cluster, uuid, {"availability_zone": "west"}, "2.77")
    assert (row.host, row.availability_zone) == (hosts[2], "west")
    for word in ("shelve", "offload"):
        cluster.do(uuid, word)
    assert bring_back(cluster, uuid, {"host": hosts[0]}, "2.91", status=409) == (
        f'Host "{hosts[0]}" is not in the availability zone "west".')
    row = bring_back(cluster, uuid, {"availability_zone": None, "host": hosts[1]}, "2.91")
    assert (row.host, row.availability_zone) == (hosts[1], None)
    for word in ("shelve", "offload"):
        cluster.do(uuid, word)
    assert bring_back(cluster, uuid, {"availability_zone": "west", "host": hosts[2]}, "2.91").host == hosts[2]


def test_where_it_is_not_brought_back(keeping):
    uuid = shelved(keeping)
    said = bring_back(keeping, uuid, {"availability_zone": "nova"}, "2.77", status=409)
    assert said == (f'Specifying an availability zone or a host when unshelving server "{uuid}" with status "SHELVED" '
                    "is not supported. The server status must be SHELVED_OFFLOADED.")
    keeping.do(uuid, "offload")
    said = bring_back(keeping, uuid, {"availability_zone": "moon"}, "2.77", status=400)
    assert said == "The requested availability zone is not available"
    assert bring_back(keeping, uuid, {"host": "moon"}, "2.91", status=400) == "Compute host moon could not be found."
    assert "unshelve_to_host" in bring_back(keeping, uuid, {"host": "moon"}, "2.91", "alice:demo", 403)
    for where, version in (({}, "2.77"), ({"host": "x"}, "2.77"), ({"availability_zone": None}, "2.90"),
                           ({}, "2.91"), ({"host": None}, "2.91"), ({"more": 1}, "2.91"), ("x", "2.91")):
        bring_back(keeping, uuid, where, version, status=400)
    assert keeping.state(uuid) == ("shelved_offloaded", None)
    bring_back(keeping, uuid, None, "2.91")


def test_offloading_is_for_admins(keeping):
    uuid = shelved(keeping)
    assert keeping.http("POST", f"/servers/{uuid}/action", {"shelveOffload": None}).status_int == 403
    assert keeping.http("POST", f"/servers/{uuid}/action", {"shelve": None}).status_int == 409


def test_a_bus_that_takes_no_message(keeping, monkeypatch):
    def broken(*_, **__):
        raise OSError("no bus")

    uuid = keeping.boot()
    app = keeping.embedded.app
    for proxy, method, word, rest in ((app.compute, "shelve_instance", "shelve", "active"),
                                      (app.compute, "shelve_offload_instance", "offload", "shelved"),
                                      (app.conductor, "unshelve_instance", "unshelve", "shelved_offloaded")):
        body, _, _ = keeping._WORDS[word]
        with monkeypatch.context() as patched:
            patched.setattr(proxy, method, broken)
            assert keeping.http("POST", f"/servers/{uuid}/action", body, ADMIN).status_int == 503
        assert keeping.state(uuid) == (rest, None)
        assert image_of(keeping, uuid) is None if rest == "active" else image_of(keeping, uuid)["status"] == "active"
        keeping.do(uuid, word)


def test_the_audit_sees_what_is_left_of_an_offloaded_server(keeping):
    uuid = shelved(keeping)
    row = keeping.row(uuid)
    keeping.do(uuid, "offload")
    keeping.agents.driver.spawn(row.host, uuid, row.flavor())
    keeping.db.write(claims.take, row.host, row.node, uuid, row.flavor(), {})
    said = f"server {uuid} (shelved_offloaded/None): is offloaded,"
    assert {f"{said} its guest is on ['{row.host}']", f"{said} and holds 1 claims"} <= set(keeping.audit())
    periodics.cleanup_leftovers(keeping.agents)
    keeping.db.write(claims.drop_all, uuid)
    assert (keeping.guests(uuid), keeping.audit()) == ({}, [])
