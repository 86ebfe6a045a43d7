"""Rebuild: what the server is afterwards, and after each thing that can break."""

import base64

import pytest
from cluster_fixture import ADMIN, SMALL, TINY
from holding import Held, take_up_at_start

from novasim.conductor import recovery
from novasim.db import images
from novasim.sim.clock import ManualClock

CIRROS = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
OTHER = "a2459075-d96c-40d5-893e-577ff92e721c"


@pytest.fixture
def cluster(make_cluster):
    """A cluster with a second image, and a clock that is set by hand."""
    made = make_cluster(clock=ManualClock(), **{"conductor.recovery_after": 10})
    made.db.write(images.create, OTHER, "other", 1000, 512, 1, {"os_distro": "other"})
    return made


def ask(cluster, uuid, status=202, version="2.1", **values):
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"rebuild": {"imageRef": OTHER} | values},
                          version=version)
    assert answer.status_int == status, answer.text
    return answer


def rebuild(cluster, uuid, until="rebuilt", **values):
    mark = cluster.watch.mark()
    answer = ask(cluster, uuid, **values)
    cluster.watch.wait(until, mark, instance_uuid=uuid)
    return answer


def about_its_image(row):
    return {key: value for key, value in row.system_metadata.items() if key.startswith("image_")}


@pytest.mark.spec("2.3/rebuild")
def test_a_server_is_made_anew(cluster):
    uuid = cluster.boot(metadata={"old": "yes"})
    before, held, quota = cluster.row(uuid), cluster.held(uuid), cluster.quota()
    cluster.clock.advance(5)
    mark = cluster.watch.mark()
    answer = rebuild(cluster, uuid, name="new", metadata={"new": "yes"}, adminPass="s3cret", accessIPv4="1.2.3.4",
                     **{"OS-DCF:diskConfig": "AUTO"})
    shown = answer.json["server"]
    assert answer.headers["Location"].endswith(f"/servers/{uuid}")
    assert (shown["status"], shown["adminPass"], shown["name"], shown["metadata"], shown["image"]["id"]) == (
        "REBUILD", "s3cret", "new", {"new": "yes"}, OTHER)
    row = cluster.row(uuid)
    assert (row.vm_state, row.task_state, row.power_state, row.image_ref) == ("active", None, 1, OTHER)
    assert (row.display_name, row.access_ip_v4, row.auto_disk_config, row.metadata) == (
        "new", "1.2.3.4", True, {"new": "yes"})
    assert about_its_image(row) == {"image_min_ram": "512", "image_min_disk": "1", "image_os_distro": "other"}
    assert (row.host, row.launched_at > before.launched_at) == (before.host, True)
    assert (cluster.held(uuid), cluster.quota(), cluster.guests(uuid)) == (held, quota, {(row.host, "guest"): 1})
    record = cluster.record(uuid, answer.headers["x-openstack-request-id"])
    assert (record["action"], record["message"]) == ("rebuild", None)
    assert [(hop["event"], hop["result"]) for hop in reversed(record["events"])] == [
        ("rebuild_server", "Success"), ("compute_rebuild_instance", "Success")]
    sent = [hop["what"] for hop in cluster.watch.hops[mark:] if hop["what"].startswith("send")]
    assert sent == ["send rebuild_instance", "send rebuild_instance"]
    assert "s3cret" not in str(cluster.watch.hops)


def test_what_is_not_named_stays(cluster):
    uuid = cluster.boot(metadata={"old": "yes"}, accessIPv4="1.2.3.4")
    before = cluster.row(uuid)
    answer = rebuild(cluster, uuid, imageRef=f"http://anywhere/images/{CIRROS}")
    row = cluster.row(uuid)
    assert (row.display_name, row.metadata, row.access_ip_v4, row.image_ref) == (
        before.display_name, {"old": "yes"}, "1.2.3.4", CIRROS)
    assert answer.json["server"]["adminPass"]


def test_a_stopped_server_stays_stopped(cluster):
    uuid = cluster.stopped()
    assert rebuild(cluster, uuid).json["server"]["status"] == "REBUILD"
    assert (cluster.status(uuid), cluster.guests(uuid)) == ("SHUTOFF", {(cluster.row(uuid).host, "guest"): 4})


def test_a_server_in_error_is_active_again(cluster):
    uuid = cluster.boot()
    cluster.action(uuid, {"os-resetState": {"state": "error"}}, ADMIN)
    assert rebuild(cluster, uuid).json["server"]["status"] == "REBUILD"
    assert cluster.status(uuid) == "ACTIVE"


@pytest.mark.spec("3.12/2.54")
def test_fields_that_came_later(cluster):
    uuid = cluster.boot()
    data = base64.b64encode(b"hello").decode()
    rebuild(cluster, uuid, version="2.94", description="mine", user_data=data, hostname="a.example", key_name=None,
            trusted_image_certificates=None)
    row = cluster.row(uuid)
    assert (row.display_description, row.user_data, row.hostname, row.key_name) == ("mine", data, "a.example", None)
    rebuild(cluster, uuid, version="2.94", description=None, user_data=None)
    assert (cluster.row(uuid).display_description, cluster.row(uuid).user_data) == (None, None)


@pytest.mark.parametrize(("version", "values", "field"), [
    ("2.1", {"imageRef": ""}, "imageRef"), ("2.1", {"imageRef": None}, "imageRef"), ("2.1", {"name": ""}, "name"),
    ("2.1", {"description": "x"}, "description"), ("2.53", {"key_name": None}, "key_name"),
    ("2.56", {"user_data": None}, "user_data"), ("2.57", {"user_data": "?"}, "user_data"),
    ("2.57", {"personality": []}, "personality"), ("2.62", {"trusted_image_certificates": None}, "trusted_image"),
    ("2.63", {"trusted_image_certificates": []}, "certificates"), ("2.54", {"key_name": "mine"}, "key_name"),
    ("2.89", {"hostname": "abc"}, "hostname"), ("2.93", {"hostname": "a.example"}, "hostname"),
    ("2.1", {"preserve_ephemeral": "perhaps"}, "preserve_ephemeral"), ("2.1", {"metadata": {"k": 1}}, "k"),
    ("2.1", {"imageRef": "none"}, "Image none could not be found."),
])
def test_bad_bodies(cluster, version, values, field):
    uuid = cluster.boot()
    assert field in ask(cluster, uuid, 400, version, **values).json["badRequest"]["message"]
    assert (cluster.state(uuid), cluster.row(uuid).image_ref) == (("active", None), CIRROS)


def test_an_image_that_does_not_fit(cluster):
    uuid = cluster.boot(TINY)
    for number, (sizes, said) in enumerate({(1024, 0): "memory is too small", (0, 10): "disk is smaller"}.items()):
        image_id = f"00000000-0000-4000-8000-00000000000{number}"
        cluster.db.write(images.create, image_id, "big", 1, *sizes)
        assert said in ask(cluster, uuid, 400, imageRef=image_id).json["badRequest"]["message"]
    image_id = "00000000-0000-4000-8000-000000000009"
    cluster.db.write(images.create, image_id, "mine", 1, project_id="other")
    ask(cluster, uuid, 400, imageRef=image_id)


def test_too_much_metadata(cluster):
    uuid = cluster.boot()
    ask(cluster, uuid, 403, metadata={str(number): "" for number in range(200)})


@pytest.mark.parametrize("point", ["virt.destroy", "virt.spawn"])
def test_a_hypervisor_that_fails(cluster, point):
    uuid = cluster.boot()
    cluster.faults.add({"at": point, "do": {"raise": "no luck"}, "times": 1})
    answer = rebuild(cluster, uuid, until="rebuild failed")
    record = cluster.record(uuid, answer.headers["x-openstack-request-id"])
    assert (cluster.status(uuid), cluster.fault(uuid), len(cluster.held(uuid))) == ("ERROR", "no luck", 1)
    assert (record["message"], record["events"][0]["result"]) == ("Error", "Error")
    rebuild(cluster, uuid)
    assert cluster.status(uuid) == "ACTIVE"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("verb", ["destroy", "spawn"])
def test_a_delete_in_the_middle(cluster, monkeypatch, verb, after):
    uuid = cluster.boot()
    held = Held(monkeypatch, cluster, verb, after)
    ask(cluster, uuid)
    held.wait()
    cluster.delete(uuid)
    held.release()
    cluster.stop()
    cluster.start()
    assert cluster.all_guests() == []


@pytest.mark.parametrize("verb", ["destroy", "spawn"])
@pytest.mark.parametrize("after", [False, True])
def test_a_restart_in_the_middle(cluster, monkeypatch, verb, after):
    take_up_at_start(monkeypatch)
    uuid = cluster.boot()
    held = Held(monkeypatch, cluster, verb, after)
    ask(cluster, uuid)
    held.wait().die()
    cluster.restart()
    assert (cluster.status(uuid), cluster.row(uuid).image_ref) == ("ACTIVE", OTHER)


@pytest.mark.parametrize("topic", ["conductor", "compute"])
def test_a_lost_message(cluster, topic):
    uuid = cluster.boot()
    cluster.faults.add({"at": "rpc.send", "match": {"method": "rebuild_instance", "topic": topic}, "do": "drop",
                        "times": 1})
    mark = cluster.watch.mark()
    ask(cluster, uuid)
    cluster.watch.wait("send rebuild_instance", mark, topic=topic)
    assert recovery.recover(cluster.orchestrator) == 0, "it is given its time"
    cluster.clock.advance(10)
    assert recovery.recover(cluster.orchestrator) == 1
    cluster.watch.wait("rebuilt", mark, instance_uuid=uuid)
    assert cluster.status(uuid) == "ACTIVE"


def test_messages_that_come_twice(cluster):
    uuid = cluster.boot()
    cluster.faults.add({"at": "rpc.send", "do": "duplicate"})
    rebuild(cluster, uuid)
    cluster.stop()
    cluster.start()
    assert (cluster.state(uuid), len(cluster.guests(uuid))) == (("active", None), 1)


def _broken(*_, **__):
    raise OSError("no bus")


def test_a_bus_that_takes_no_message(cluster, monkeypatch):
    """What the row said of the new server is put back: there is none."""
    uuid = cluster.boot(SMALL, metadata={"old": "yes"})
    before = cluster.row(uuid)
    monkeypatch.setattr(cluster.embedded.app.conductor, "rebuild_instance", _broken)
    ask(cluster, uuid, 503, name="new", metadata={})
    row = cluster.row(uuid)
    assert (row.vm_state, row.task_state, row.image_ref, row.display_name, row.metadata) == (
        "active", None, CIRROS, before.display_name, {"old": "yes"})
    assert row.system_metadata == before.system_metadata


def test_a_host_that_cannot_be_asked(cluster, monkeypatch):
    uuid = cluster.boot()
    before = about_its_image(cluster.row(uuid))
    monkeypatch.setattr(cluster.orchestrator.compute, "rebuild_instance", _broken)
    answer = rebuild(cluster, uuid, until="rebuild restored")
    row = cluster.row(uuid)
    assert (row.vm_state, row.task_state, row.image_ref, about_its_image(row)) == ("active", None, CIRROS, before)
    assert cluster.record(uuid, answer.headers["x-openstack-request-id"])["message"] == "Error"
