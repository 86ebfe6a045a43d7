"""Instance actions: the list of a server's, and one with its events."""

import json


def test_list(novasim, nova, server_id, request_id):
    nova.on("GET", f"/servers/{server_id}/os-instance-actions", {"instanceActions": [
        {"action": "resize", "request_id": request_id, "message": None,
         "start_time": "2026-01-01T00:00:00.000000", "user_id": "admin", "project_id": "admin"}]})
    shown = json.loads(novasim("instance-action-list", "demo", "-f", "json")[1])
    assert (shown[0]["Action"], shown[0]["Request ID"]) == ("resize", request_id)
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == "compute 2.21"


def test_show_of_a_deleted_server(novasim, nova, server_id, request_id):
    events = [{"event": "compute_prep_resize", "result": None, "start_time": "t2", "finish_time": None},
              {"event": "cold_migrate", "result": "Success", "start_time": "t0", "finish_time": "t1"}]
    nova.on("GET", f"/servers/{server_id}/os-instance-actions/{request_id}", {"instanceAction": {
        "action": "resize", "request_id": request_id, "events": events, "links": []}})
    shown = json.loads(novasim("instance-action", server_id, request_id, "-f", "json")[1])
    assert shown == {"action": "resize", "events": events, "request_id": request_id}
    assert [one["path"] for one in nova.requests] == [
        f"/v2.1/servers/{server_id}/os-instance-actions/{request_id}"]
    lines = novasim("instance-action", server_id, request_id)[1].splitlines()
    assert [line.split("|")[2].strip() for line in lines if "t0" in line or "t2" in line] == [
        "cold_migrate Success t0 t1", "compute_prep_resize unfinished t2"]
