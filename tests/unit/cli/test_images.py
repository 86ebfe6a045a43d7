"""Images of servers, rebuilds and shelving: body, microversion, and what is said."""

import pytest

from novasim.cli import poll

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
NEW = "70a599e0-31e7-49b7-b260-868f441e862b"


@pytest.mark.parametrize(("arguments", "body"), [
    (("image-create", "demo", "copy"), {"createImage": {"name": "copy"}}),
    (("image-create", "demo", "copy", "--metadata", "a=b", "--metadata", "c=d"),
     {"createImage": {"name": "copy", "metadata": {"a": "b", "c": "d"}}}),
    (("backup", "demo", "copy", "daily", "2"),
     {"createBackup": {"name": "copy", "backup_type": "daily", "rotation": 2}}),
])
def test_an_image_is_made(novasim, nova, server_id, request_id, arguments, body):
    nova.on("POST", f"/servers/{server_id}/action", (202, {"image_id": NEW}))
    assert novasim(*arguments) == (0, f"image_id: {NEW}\n{arguments[0]} of demo accepted ({request_id})\n", "")
    assert nova.sent("POST", f"/servers/{server_id}/action") == [body]
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == "compute 2.45"


@pytest.mark.parametrize("rotation", ["-1", "few"])
def test_a_backup_keeps_a_number(novasim, nova, rotation):
    code, _out, err = novasim("backup", "demo", "copy", "daily", rotation)
    assert code == 2
    assert "ROTATION" in err or "unrecognized" in err
    assert nova.requests == []


@pytest.mark.parametrize(("arguments", "body", "version"), [
    (("cirros",), {"imageRef": IMAGE}, None),
    ((NEW, "--name", "new", "--meta", "a=b", "--rebuild-password", "pw", "--preserve-ephemeral"),
     {"imageRef": NEW, "name": "new", "metadata": {"a": "b"}, "adminPass": "pw", "preserve_ephemeral": True}, None),
    (("cirros", "--description", "mine"), {"imageRef": IMAGE, "description": "mine"}, "compute 2.19"),
])
def test_rebuild(novasim, nova, server_id, request_id, arguments, body, version):
    nova.on("POST", f"/servers/{server_id}/action", (202, {"server": {"adminPass": "pw"}}))
    assert novasim("rebuild", "demo", *arguments) == (
        0, f"adminPass: pw\nrebuild of demo accepted ({request_id})\n", "")
    assert nova.sent("POST", f"/servers/{server_id}/action") == [{"rebuild": body}]
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == version


@pytest.mark.parametrize(("arguments", "body", "version"), [
    (("shelve", "demo"), {"shelve": None}, None),
    (("shelve-offload", "demo"), {"shelveOffload": None}, None),
    (("unshelve", "demo"), {"unshelve": None}, None),
    (("unshelve", "demo", "--availability-zone", "west"), {"unshelve": {"availability_zone": "west"}}, "compute 2.77"),
    (("unshelve", "demo", "--host", "cmp-1"), {"unshelve": {"host": "cmp-1"}}, "compute 2.91"),
    (("unshelve", "demo", "--no-availability-zone", "--host", "cmp-1"),
     {"unshelve": {"availability_zone": None, "host": "cmp-1"}}, "compute 2.91"),
])
def test_shelving(novasim, nova, server_id, request_id, arguments, body, version):
    assert novasim(*arguments) == (0, f"{arguments[0]} of demo accepted ({request_id})\n", "")
    assert nova.sent("POST", f"/servers/{server_id}/action") == [body]
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == version


@pytest.mark.parametrize(("arguments", "going", "status"), [
    (("shelve",), ("SHELVED", "shelving_offloading"), "SHELVED_OFFLOADED"),
    (("shelve-offload",), ("SHELVED", "shelving_offloading"), "SHELVED_OFFLOADED"),
    (("unshelve",), ("SHELVED_OFFLOADED", "unshelving"), "ACTIVE")])
def test_poll(novasim, nova, server_of, server_id, request_id, monkeypatch, arguments, going, status):
    monkeypatch.setattr(poll.pauses, "__defaults__", (0.001, 0.002))
    nova.on("GET", f"/servers/{server_id}", {"server": server_of(status=going[0], task=going[1])},
            {"server": server_of(status=status)})
    code, out, err = novasim(*arguments, "demo", "--poll")
    assert (code, out) == (0, f"demo is {status} on cmp-1 ({request_id})\n")
    assert "/".join(going) in err


@pytest.mark.parametrize("message", [None, "Error"])
def test_poll_asks_whether_the_image_was_made(novasim, nova, server_of, server_id, request_id, monkeypatch, message):
    """The server looks the same before and after, well or not."""
    monkeypatch.setattr(poll.pauses, "__defaults__", (0.001, 0.002))
    nova.on("POST", f"/servers/{server_id}/action", (202, {"image_id": NEW}))
    nova.on("GET", f"/servers/{server_id}", {"server": server_of(task="image_uploading")}, {"server": server_of()})
    nova.on("GET", f"/servers/{server_id}/os-instance-actions/{request_id}", {"instanceAction": {
        "message": message, "events": [{"result": "Error", "details": "no space"}] if message else []}})
    code, out, err = novasim("image-create", "demo", "copy", "--poll")
    assert code == (1 if message else 0)
    assert ("no space" in err) == bool(message)
