"""Volumes of servers in a cluster without block storage: none is there and none is found, but all is checked before."""

import pytest

VOLUME = "a07f71dc-8151-4e7d-a0cc-cd24a3f11113"
OTHER = "227cc671-f30b-4488-96fd-7d0bf13648d8"
USER = "bob:p1"


def attachment(**more):
    return {"volumeAttachment": {"volumeId": VOLUME} | more}


@pytest.fixture
def server(cloud):
    return cloud.boot()


ASSISTED = {"snapshot": {"volume_id": VOLUME, "create_info": {"snapshot_id": OTHER, "type": "qcow2", "new_file": "f"}}}


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), [
    ("POST", "", ASSISTED, 404, f"Volume {VOLUME} could not be found."), ("POST", "", {}, 400, "snapshot"),
    ("POST", "", {"snapshot": {"volume_id": VOLUME}}, 400, "create_info"),
    ("DELETE", f"/{OTHER}?delete_info={{\"volume_id\":\"{VOLUME}\"}}", None, 404, f"Volume {VOLUME}"),
    ("DELETE", f"/{OTHER}", None, 400, "delete_info"), ("DELETE", f"/{OTHER}?delete_info=x", None, 400, "no JSON"),
    ("DELETE", f"/{OTHER}?delete_info=[]", None, 400, "object"),
    ("DELETE", f"/{OTHER}?delete_info={{}}", None, 400, "volume_id")])
def test_snapshots_with_the_help_of_a_server(cloud, method, path, body, status, text):
    answer = cloud.call(method, f"/os-assisted-volume-snapshots{path}", body)
    assert (answer.status, text in answer.message) == (status, True), answer.text
    assert cloud.call(method, f"/os-assisted-volume-snapshots{path}", body, user=USER).status in (400, 403)


def test_there_are_none(cloud, server):
    assert cloud.get(f"/servers/{server}/os-volume_attachments", user=USER).body == {"volumeAttachments": []}
    answer = cloud.get(f"/servers/{server}/os-volume_attachments/{VOLUME}", user=USER)
    assert (answer.status, answer.message) == (404, f"Volume {VOLUME} could not be found.")


@pytest.mark.parametrize(("method", "path", "body", "version", "named"), [
    ("POST", "", attachment(), "2.1", VOLUME), ("POST", "", attachment(device="/dev/vdb"), "2.1", VOLUME),
    ("POST", "", attachment(device=None, tag="x"), "2.49", VOLUME),
    ("POST", "", attachment(delete_on_termination=True), "2.79", VOLUME),
    ("PUT", f"/{OTHER}", attachment(), "2.1", OTHER), ("PUT", f"/{OTHER}", attachment(), "2.85", OTHER),
    ("PUT", f"/{VOLUME}", attachment(delete_on_termination=False, id=VOLUME), "2.85", VOLUME),
    ("DELETE", f"/{VOLUME}", None, "2.1", VOLUME)])
def test_no_volume_is_found(cloud, server, method, path, body, version, named):
    answer = cloud.call(method, f"/servers/{server}/os-volume_attachments{path}", body, version)
    assert (answer.status, answer.message) == (404, f"Volume {named} could not be found.")
    assert cloud.row(server).task_state is None


@pytest.mark.spec("3.12/2.79")
@pytest.mark.parametrize(("method", "body", "version", "text"), [
    ("POST", {}, "2.1", "'volumeAttachment' is a required property"),
    ("POST", {"volumeAttachment": {}}, "2.1", "'volumeId' is a required property"),
    ("POST", {"volumeAttachment": {"volumeId": "x"}}, "2.1", "'x' is not a 'uuid'"),
    ("POST", attachment(device="sda"), "2.1", "Invalid input for field/attribute device"),
    ("POST", attachment(tag="x"), "2.48", "'tag' was unexpected"),
    ("POST", attachment(delete_on_termination=True), "2.78", "'delete_on_termination' was unexpected"),
    ("PUT", attachment(device="/dev/vdb"), "2.84", "'device' was unexpected"),
    ("PUT", {"volumeAttachment": {"volumeId": 5}}, "2.85", "Invalid input for field/attribute volumeId")])
def test_a_body_that_is_wrong(cloud, server, method, body, version, text):
    path = f"/servers/{server}/os-volume_attachments" + (f"/{VOLUME}" if method == "PUT" else "")
    answer = cloud.call(method, path, body, version)
    assert answer.status == 400
    assert text in answer.message


def test_who_may(cloud, server):
    path = f"/servers/{server}/os-volume_attachments"
    assert cloud.call("PUT", f"{path}/{OTHER}", attachment(), user=USER).status == 403
    assert cloud.call("PUT", f"{path}/{VOLUME}", attachment(), "2.85", user=USER).status == 404
    for method, suffix, body in (("GET", "", None), ("POST", "", attachment()), ("DELETE", f"/{VOLUME}", None)):
        answer = cloud.call(method, path + suffix, body, user="eve:p2")
        assert (answer.status, answer.message) == (404, f"Instance {server} could not be found.")


@pytest.mark.spec("2.3/attach-volume")
@pytest.mark.parametrize(("version", "status"), [("2.19", 409), ("2.20", 404)])
def test_of_a_shelved_server_since_2_20(cloud, server, version, status):
    cloud.set(server, vm_state="shelved")
    path = f"/servers/{server}/os-volume_attachments"
    assert cloud.call("POST", path, attachment(), version).status == status
    assert cloud.call("DELETE", f"{path}/{VOLUME}", version=version).status == status


def test_a_query_that_is_wrong(cloud, server):
    path = f"/servers/{server}/os-volume_attachments"
    assert cloud.get(f"{path}?limit=x").status == 400
    assert cloud.get(f"{path}?wrong=1", version="2.74").status == 200
    assert cloud.get(f"{path}?wrong=1", version="2.75").status == 400


@pytest.mark.parametrize("device", [
    {"source_type": "volume", "uuid": VOLUME, "destination_type": "volume"},
    {"source_type": "snapshot", "uuid": VOLUME},
    {"source_type": "blank", "destination_type": "volume", "volume_size": 1},
    {"source_type": "image", "uuid": "155d900f-4e14-4e4c-a73d-069cbf4541e6", "destination_type": "volume"}])
def test_no_server_is_made_on_a_volume(cloud, device):
    """By either name of the URL; it makes one that asks for none."""
    body = {"server": {"name": "s", "flavorRef": "1", "imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6"}}
    for path in ("/servers", "/os-volumes_boot"):
        asked = {"server": body["server"] | {"block_device_mapping_v2": [device | {"boot_index": 0}]}}
        answer = cloud.call("POST", path, asked, user=USER)
        assert (answer.status, "Block Device Mapping is Invalid" in answer.message) == (400, True)
        legacy = {"server": body["server"] | {"block_device_mapping": [{"volume_id": VOLUME, "device_name": "vda"}]}}
        assert cloud.call("POST", path, legacy, user=USER).status == 400
        assert cloud.call("POST", path, body, user=USER).status == 202
