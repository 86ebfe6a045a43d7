"""createImage and createBackup, from the request to the image that a server can be booted from, and all that can come
between."""

import pytest
from cluster_fixture import ADMIN, SMALL, TINY, USER
from holding import Held, Kept, take_up_at_start

from novasim import states
from novasim.conductor import recovery
from novasim.db import images
from novasim.sim.clock import ManualClock

CIRROS, ALPINE = "155d900f-4e14-4e4c-a73d-069cbf4541e6", "70a599e0-31e7-49b7-b260-868f441e862b"
BODIES = {"image": {"createImage": {"name": "copy", "metadata": {"why": "test"}}},
          "backup": {"createBackup": {"name": "copy", "backup_type": "daily", "rotation": 2}}}
ACTIONS = {"image": "createImage", "backup": "createBackup"}
EVENTS = {"image": "compute_snapshot_instance", "backup": "compute_backup_instance"}
METHODS = {"image": "snapshot_instance", "backup": "backup_instance"}
FIRST = {"image": "image_snapshot_pending", "backup": "image_backup"}


def made_of(cluster, uuid):
    """The images that were made of a server, oldest first."""
    return cluster.db.read(images.list_page, None, {"instance_uuid": uuid})


def ask(cluster, uuid, word="image", version="2.1", **values):
    [(action, body)] = BODIES[word].items()
    answer = cluster.http("POST", f"/servers/{uuid}/action", {action: body | values}, version=version)
    assert answer.status_int == 202, answer.text
    return answer


def take(cluster, uuid, word="image", until="image made", **values):
    mark = cluster.watch.mark()
    answer = ask(cluster, uuid, word, **values)
    cluster.watch.wait(until, mark, instance_uuid=uuid)
    return answer


@pytest.mark.spec("2.3/createImage")
def test_an_image_of_a_server(cluster):
    uuid = cluster.boot(SMALL, name="origin")
    mark = cluster.watch.mark()
    answer = take(cluster, uuid)
    [image] = made_of(cluster, uuid)
    assert answer.headers["Location"].endswith(f"/v2.1/images/{image['id']}")
    assert (image["name"], image["status"], image["project_id"], image["min_disk"]) == ("copy", "active", "demo", 20)
    assert image["size"] > 0
    assert image["properties"].items() >= {"image_type": "snapshot", "base_image_ref": CIRROS, "instance_uuid": uuid,
                                           "why": "test"}.items()
    assert cluster.state(uuid) == ("active", None)
    record = cluster.record(uuid, answer.headers["x-openstack-request-id"])
    assert (record["action"], record["message"]) == ("createImage", None)
    assert [(hop["event"], hop["result"]) for hop in record["events"]] == [("compute_snapshot_instance", "Success")]
    steps = [hop["task_state"] for hop in cluster.watch.hops[mark:] if hop["kind"] in ("http", "step")]
    assert steps == ["image_snapshot_pending", "image_snapshot", "-"]
    other = cluster.boot(SMALL, imageRef=image["id"])
    assert cluster.row(other).image_ref == image["id"]
    take(cluster, other)
    assert made_of(cluster, other)[0]["properties"]["base_image_ref"] == CIRROS


@pytest.mark.spec("3.12/2.45")
@pytest.mark.spec("3.12/2.45")
def test_the_answer_by_version(cluster):
    uuid = cluster.boot()
    for word in ("image", "backup"):
        old, new = take(cluster, uuid, word, version="2.44"), take(cluster, uuid, word, version="2.45")
        assert (old.body, new.headers.get("Location")) == (b"", None)
        assert old.headers["Location"].rsplit("/", 1)[-1] != new.json["image_id"]
        assert new.json["image_id"] in [image["id"] for image in made_of(cluster, uuid)]
    assert "Location" not in take(cluster, uuid, "backup", rotation=0).headers


@pytest.mark.parametrize("before", ["stop", "pause", "suspend"])
def test_a_server_at_rest_stays_at_rest(cluster, before):
    uuid = cluster.boot()
    mark = cluster.watch.mark()
    cluster.action(uuid, {f"os-{before}" if before == "stop" else before: None})
    cluster.watch.wait(f"compute_{before}_instance", mark, instance_uuid=uuid)
    state, guests = cluster.state(uuid), cluster.guests(uuid)
    take(cluster, uuid)
    assert (cluster.state(uuid), cluster.guests(uuid)) == (state, guests)


@pytest.mark.spec("2.3/createBackup")
def test_the_newest_backups_of_a_type_are_kept(cluster):
    uuid = cluster.boot()
    for number in range(4):
        take(cluster, uuid, "backup", name=f"daily-{number}")
    take(cluster, uuid, "backup", name="weekly", backup_type="weekly", rotation=1)
    take(cluster, uuid)
    assert [image["name"] for image in made_of(cluster, uuid)] == ["daily-2", "daily-3", "weekly", "copy"]
    assert made_of(cluster, uuid)[0]["properties"].items() >= {"image_type": "backup", "backup_type": "daily"}.items()
    take(cluster, uuid, "backup", rotation=0)
    assert [image["name"] for image in made_of(cluster, uuid)] == ["weekly", "copy"]


@pytest.mark.parametrize("word", BODIES)
def test_a_hypervisor_that_fails(cluster, word):
    uuid = cluster.boot()
    cluster.faults.add({"at": "virt.snapshot", "do": {"raise": "no space"}, "times": 1})
    answer = take(cluster, uuid, word, until=f"{EVENTS[word]} failed")
    record = cluster.record(uuid, answer.headers["x-openstack-request-id"])
    assert (cluster.state(uuid), made_of(cluster, uuid), cluster.fault(uuid)) == (("active", None), [], "no space")
    assert (record["action"], record["message"]) == (ACTIONS[word], "Error")
    assert [(hop["event"], hop["result"]) for hop in record["events"]] == [(EVENTS[word], "Error")]
    take(cluster, uuid, word)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("word", BODIES)
def test_a_delete_in_the_middle(cluster, monkeypatch, word, after):
    uuid = cluster.boot()
    held = Held(monkeypatch, cluster, "snapshot", after)
    ask(cluster, uuid, word)
    held.wait()
    cluster.delete(uuid)
    assert made_of(cluster, uuid) == []
    held.release()
    cluster.stop()
    cluster.start()
    assert (made_of(cluster, uuid), cluster.all_guests()) == ([], [])


@pytest.mark.parametrize("word", BODIES)
def test_a_reset_in_the_middle(cluster, monkeypatch, word):
    """The server can be worked on at once; the image that nobody waits for does not come."""
    uuid = cluster.boot()
    held = Held(monkeypatch, cluster, "snapshot")
    ask(cluster, uuid, word)
    held.wait()
    cluster.action(uuid, {"os-resetState": {"state": "active"}}, ADMIN)
    assert made_of(cluster, uuid) == []
    take(cluster, uuid)
    held.release()
    cluster.stop()
    cluster.start()
    assert [image["status"] for image in made_of(cluster, uuid)] == ["active"]


@pytest.mark.spec("8.12/snapshot")
@pytest.mark.parametrize("word", BODIES)
def test_a_restart_in_the_middle(cluster, monkeypatch, word):
    take_up_at_start(monkeypatch)
    uuid = cluster.boot()
    held = Held(monkeypatch, cluster, "snapshot", after=True)
    request = ask(cluster, uuid, word).headers["x-openstack-request-id"]
    held.wait()
    assert [image["status"] for image in made_of(cluster, uuid)] == ["saving"]
    held.die()
    cluster.restart()
    record = cluster.record(uuid, request)
    assert (cluster.state(uuid), made_of(cluster, uuid)) == (("active", None), [])
    assert (record["message"], record["events"][0]["result"]) == ("Error", "Error")


@pytest.mark.parametrize("word", BODIES)
def test_a_lost_message(make_cluster, word):
    cluster = make_cluster(clock=ManualClock(), **{"conductor.recovery_after": 10})
    uuid = cluster.boot()
    cluster.faults.add({"at": "rpc.send", "match": {"method": METHODS[word]}, "do": "drop", "times": 1})
    request = ask(cluster, uuid, word).headers["x-openstack-request-id"]
    assert cluster.row(uuid).task_state == FIRST[word]
    assert recovery.recover(cluster.orchestrator) == 0, "it is given its time"
    cluster.clock.advance(10)
    assert recovery.recover(cluster.orchestrator) == 1
    assert (cluster.state(uuid), made_of(cluster, uuid)) == (("active", None), [])
    assert cluster.record(uuid, request)["message"] == "Error"


@pytest.mark.parametrize("word", BODIES)
def test_a_late_message_does_nothing(cluster, monkeypatch, word):
    uuid = cluster.boot()
    kept = Kept(monkeypatch, cluster.embedded.app.compute, METHODS[word])
    ask(cluster, uuid, word)
    kept.wait()
    cluster.action(uuid, {"os-resetState": {"state": "active"}}, ADMIN)
    mark = cluster.watch.mark()
    kept.send()
    cluster.watch.wait(f"receive {METHODS[word]}", mark)
    cluster.stop()
    cluster.start()
    assert (cluster.state(uuid), made_of(cluster, uuid)) == (("active", None), [])


@pytest.mark.parametrize("word", BODIES)
def test_a_message_that_comes_twice(cluster, word):
    uuid = cluster.boot()
    cluster.faults.add({"at": "rpc.send", "match": {"method": METHODS[word]}, "do": "duplicate"})
    take(cluster, uuid, word)
    cluster.stop()
    cluster.start()
    assert [image["status"] for image in made_of(cluster, uuid)] == ["active"]


def test_a_bus_that_takes_no_message(cluster, monkeypatch):
    def broken(*_, **__):
        raise OSError("no bus")

    uuid = cluster.boot()
    monkeypatch.setattr(cluster.embedded.app.compute, "snapshot_instance", broken)
    assert cluster.http("POST", f"/servers/{uuid}/action", BODIES["image"]).status_int == 503
    assert (cluster.state(uuid), made_of(cluster, uuid)) == (("active", None), [])


def test_an_image_that_is_deleted_while_it_is_made(cluster, monkeypatch):
    uuid = cluster.boot()
    held = Held(monkeypatch, cluster, "snapshot")
    ask(cluster, uuid)
    held.wait()
    image_id = made_of(cluster, uuid)[0]["id"]
    assert cluster.http("DELETE", f"/images/{image_id}").status_int == 204
    held.release()
    cluster.watch.wait("compute_snapshot_instance failed", instance_uuid=uuid)
    assert (cluster.state(uuid), cluster.fault(uuid)) == (("active", None), f"Image {image_id} could not be found.")


@pytest.mark.spec("3.12/2.36")
def test_the_proxy_ends(cluster):
    for method, path in (("GET", "/images"), ("GET", "/images/detail"), ("GET", f"/images/{CIRROS}"),
                         ("DELETE", f"/images/{CIRROS}")):
        assert cluster.http(method, path, token=ADMIN, version="2.36").status_int == 404, path
        assert cluster.http(method, path, token=ADMIN, version="2.35").status_int in (200, 204), path


def test_only_its_project_sees_an_image(cluster):
    uuid = cluster.boot()
    image_id = take(cluster, uuid, version="2.45").json["image_id"]
    assert [image["id"] for image in cluster.get("/images")["images"]] == [CIRROS, ALPINE, image_id]
    assert [image["id"] for image in cluster.get("/images", "eve:other")["images"]] == [CIRROS, ALPINE]
    assert len(cluster.get("/images", ADMIN)["images"]) == 3
    for method, path in (("GET", f"/images/{image_id}"), ("DELETE", f"/images/{image_id}"),
                         ("GET", f"/images/{image_id}/metadata")):
        assert cluster.http(method, path, token="eve:other").status_int == 404
    body = {"server": {"name": "vm", "flavorRef": TINY, "imageRef": image_id}}
    assert cluster.http("POST", "/servers", body, "eve:other").status_int == 400
    assert cluster.http("DELETE", f"/images/{image_id}").status_int == 204
    assert cluster.http("GET", f"/images/{image_id}").status_int == 404
    assert cluster.http("DELETE", f"/images/{CIRROS}").status_int == 403
    assert cluster.http("POST", "/servers", body, USER).status_int == 400


def test_an_unfinished_image_boots_nothing(cluster, monkeypatch):
    uuid = cluster.boot()
    held = Held(monkeypatch, cluster, "snapshot")
    image_id = ask(cluster, uuid, version="2.45").json["image_id"]
    held.wait()
    shown = cluster.get(f"/images/{image_id}")["image"]
    assert (shown["status"], shown["server"]["id"]) == ("SAVING", uuid)
    assert [image["id"] for image in cluster.get("/images?status=SAVING")["images"]] == [image_id]
    assert [image["id"] for image in cluster.get("/images?type=base")["images"]] == [CIRROS, ALPINE]
    assert [image["id"] for image in cluster.get(f"/images?server={uuid}")["images"]] == [image_id]
    assert cluster.get("/images?status=NONE")["images"] == []
    body = {"server": {"name": "vm", "flavorRef": TINY, "imageRef": image_id}}
    answer = cluster.http("POST", "/servers", body)
    assert (answer.status_int, answer.json["badRequest"]["message"]) == (400, f"Image {image_id} is not active.")
    held.release()
    cluster.watch.wait("image made")
    assert cluster.get(f"/images/{image_id}")["image"]["status"] == "ACTIVE"


def test_while_one_is_made_no_other_begins(cluster, monkeypatch):
    uuid = cluster.boot()
    held = Held(monkeypatch, cluster, "snapshot")
    ask(cluster, uuid)
    held.wait()
    answer = cluster.http("POST", f"/servers/{uuid}/action", BODIES["backup"])
    assert answer.status_int == 409
    assert answer.json["conflictingRequest"]["message"].startswith(
        f"Cannot 'createBackup' instance {uuid} while it is in task_state {states.IMAGE_SNAPSHOT}"[:60])
    held.release()
    cluster.watch.wait("image made")
    assert len(made_of(cluster, uuid)) == 1


@pytest.mark.parametrize(("body", "field"), [
    ({"createImage": {}}, "name"), ({"createImage": {"name": ""}}, "name"),
    ({"createImage": {"name": "x" * 256}}, "name"), ({"createImage": {"name": "x", "metadata": {"k": 1}}}, "k"),
    ({"createImage": {"name": "x", "more": 1}}, "more"),
    ({"createBackup": {"name": "x", "rotation": 1}}, "backup_type"),
    ({"createBackup": {"name": "x", "backup_type": "d"}}, "rotation"),
    ({"createBackup": {"name": "x", "backup_type": "d", "rotation": -1}}, "rotation"),
    ({"createBackup": {"name": "x", "backup_type": "d", "rotation": "many"}}, "rotation"),
])
def test_bad_bodies(cluster, body, field):
    uuid = cluster.boot()
    answer = cluster.http("POST", f"/servers/{uuid}/action", body)
    assert answer.status_int == 400
    assert field in answer.json["badRequest"]["message"]


def test_too_much_metadata(cluster):
    uuid = cluster.boot()
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"createImage": {
        "name": "x", "metadata": {str(number): "" for number in range(200)}}})
    assert (answer.status_int, cluster.state(uuid), made_of(cluster, uuid)) == (403, ("active", None), [])


@pytest.mark.spec("3.12/2.39")
def test_metadata_of_an_image(cluster):
    uuid = cluster.boot()
    path = f"/images/{take(cluster, uuid, version='2.45').json['image_id']}/metadata"
    assert cluster.get(path)["metadata"]["why"] == "test"
    assert cluster.http("POST", path, {"metadata": {"more": "yes"}}).json["metadata"].items() >= {
        "why": "test", "more": "yes"}.items()
    assert cluster.http("PUT", path, {"metadata": {"only": "this"}}).json == {"metadata": {"only": "this"}}
    assert cluster.http("PUT", f"{path}/key", {"meta": {"key": "v"}}).json == {"meta": {"key": "v"}}
    assert cluster.http("PUT", f"{path}/key", {"meta": {"other": "v"}}).status_int == 400
    assert cluster.get(f"{path}/key") == {"meta": {"key": "v"}}
    assert cluster.http("DELETE", f"{path}/key").status_int == 204
    assert cluster.http("DELETE", f"{path}/key").status_int == 404
    assert cluster.http("GET", f"{path}/key").status_int == 404
    assert cluster.http("GET", path, version="2.38").status_int == 200
    assert cluster.http("GET", path, version="2.39").status_int == 404
    assert cluster.http("PUT", f"/images/{CIRROS}/metadata", {"metadata": {}}).status_int == 403
