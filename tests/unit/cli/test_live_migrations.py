"""live-migration, evacuate and their kin: what is sent, in which microversion, and what is shown."""

import json

import pytest


@pytest.mark.parametrize(("arguments", "body", "version"), [
    (("live-migration", "demo"), {"os-migrateLive": {"host": None, "block_migration": "auto"}}, "2.34"),
    (("live-migration", "demo", "cmp-2", "--block-migrate"),
     {"os-migrateLive": {"host": "cmp-2", "block_migration": True}}, "2.34"),
    (("evacuate", "demo"), {"evacuate": {}}, "2.14"),
    (("evacuate", "demo", "cmp-2"), {"evacuate": {"host": "cmp-2"}}, "2.29")])
def test_sends(novasim, nova, server_id, request_id, arguments, body, version):
    assert novasim(*arguments) == (0, f"{arguments[0]} of demo accepted ({request_id})\n", "")
    assert nova.sent("POST", f"/servers/{server_id}/action") == [body]
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == f"compute {version}"


MIGRATION = {"id": 7, "status": "running", "source_compute": "cmp-1", "dest_compute": "cmp-2",
             "memory_total_bytes": 100, "memory_remaining_bytes": 40, "server_uuid": "x"}


def test_list_and_show(novasim, nova, server_id):
    nova.on("GET", f"/servers/{server_id}/migrations", {"migrations": [MIGRATION]})
    nova.on("GET", f"/servers/{server_id}/migrations/7", {"migration": MIGRATION})
    code, out, _ = novasim("server-migration-list", "demo", "-f", "json")
    assert code == 0
    [row] = json.loads(out)
    assert (row["Id"], row["Status"], row["Remaining Memory Bytes"]) == (7, "running", 40)
    code, out, _ = novasim("server-migration-show", "demo", "7", "-f", "json")
    assert (code, json.loads(out)) == (0, MIGRATION)
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == "compute 2.23"


def test_abort_and_force_complete(novasim, nova, server_id, request_id):
    path = f"/servers/{server_id}/migrations/7"
    nova.on("DELETE", path, None)
    nova.on("POST", path + "/action", None)
    assert novasim("live-migration-abort", "demo", "7") == (
        0, f"live-migration-abort of demo accepted ({request_id})\n", "")
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == "compute 2.65"
    assert novasim("live-migration-force-complete", "demo", "7") == (
        0, f"live-migration-force-complete of demo accepted ({request_id})\n", "")
    assert nova.sent("POST", path + "/action") == [{"force_complete": None}]


def test_a_whole_host(novasim, nova, server_id):
    nova.on("GET", "/servers", {"servers": [{"id": server_id}, {"id": "b"}]})
    nova.on("POST", "/servers/b/action", (409, {"conflictingRequest": {"code": 409, "message": "busy"}}))
    code, out, _ = novasim("host-evacuate", "cmp-1", "--target-host", "cmp-2", "-f", "json")
    assert code == 0
    assert json.loads(out) == [
        {"Server UUID": server_id, "Evacuate Accepted": True, "Error Message": ""},
        {"Server UUID": "b", "Evacuate Accepted": False, "Error Message": "busy"}]
    assert nova.sent("POST", f"/servers/{server_id}/action") == [{"evacuate": {"host": "cmp-2"}}]
    nova.on("GET", "/servers", {"servers": []})
    assert novasim("host-evacuate", "cmp-9")[::2] == (1, "novasim: there are no servers on cmp-9\n")
