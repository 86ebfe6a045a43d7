"""Everything but actions at /v2: what it answers, what it refuses, what it does not have."""

from __future__ import annotations

import json

import pytest

from novasim.api import availability_zones
from novasim.db import quotas

ADMIN = "admin:p1"
IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
NEW = {"name": "vm", "flavorRef": "1", "imageRef": IMAGE}


def test_a_server_is_created_listed_shown_renamed_and_deleted(cloud, v2):
    made = v2.call("POST", "/servers", {"server": NEW | {"name": " vm ", "flavorRef": "http://x/flavors/1", "more": 1},
                                        "unknown": 1})
    assert made.status == 202
    server = made.body["server"]
    links = [{"rel": "self", "href": f"http://localhost/v2/p1/servers/{server['id']}"},
             {"rel": "bookmark", "href": f"http://localhost/p1/servers/{server['id']}"}]
    assert (server["links"], made.headers["Location"]) == (links, links[0]["href"])
    assert v2.get("/servers").body == {"servers": [{"id": server["id"], "name": "vm", "links": links}]}
    shown = v2.get(f"/servers/{server['id']}").body["server"]
    assert shown == v2.get("/servers/detail").body["servers"][0]
    assert shown["flavor"] == {"id": "1", "links": [{"rel": "bookmark", "href": "http://localhost/p1/flavors/1"}]}
    assert not {"locked", "description", "tags", "host_status"} & set(shown)
    renamed = v2.call("PUT", f"/servers/{server['id']}", {"server": {"name": "new", "description": "came later"}})
    assert (renamed.status, renamed.body["server"]["name"]) == (200, "new")
    assert v2.call("DELETE", f"/servers/{server['id']}").status == 204


@pytest.mark.parametrize(("body", "code", "message"), [
    (None, 422, "Unable to process the contained instructions"),
    ([], 422, "Unable to process the contained instructions"),
    ({}, 422, "Unable to process the contained instructions"),
    ({"server": None}, 422, "Unable to process the contained instructions"),
    ({"server": {}}, 400, "Server name is not defined"),
    ({"server": {"flavorRef": "1"}}, 400, "Server name is not defined"),
    ({"server": NEW | {"name": "  "}}, 400, "Server name is an empty string"),
    ({"server": NEW | {"name": 1}}, 400, "Server name is not a string or unicode"),
    ({"server": {"name": "a"}}, 400, "Missing flavorRef attribute"),
    ({"server": NEW | {"flavorRef": "none"}}, 400, "Invalid flavorRef provided."),
    ({"server": NEW | {"flavorRef": "off"}}, 400, "Invalid flavorRef provided."),
    ({"server": NEW | {"imageRef": "none"}}, 400, "Can not find requested image"),
    ({"server": NEW | {"min_count": 2, "max_count": 1}}, 400, "min_count must be <= max_count"),
    ({"server": NEW | {"availability_zone": "mars"}}, 400, "The requested availability zone is not available"),
    ({"server": NEW | {"OS-DCF:diskConfig": "auto"}}, 400, "OS-DCF:diskConfig must be either 'MANUAL' or 'AUTO'."),
    ({"server": NEW | {"metadata": []}}, 400, None), ({"server": NEW | {"min_count": "many"}}, 400, None),
])
def test_creates_that_are_refused(v2, body, code, message):
    answer = v2.call("POST", "/servers", raw=b"" if body is None else json.dumps(body).encode())
    assert (answer.status, answer.message) == (code, message or answer.message)


def test_quota_refusals_are_413(cloud, v2):
    cloud.db.write(quotas.set_limits, "p1", {"instances": 0, "metadata_items": 1})
    answer = v2.call("POST", "/servers", {"server": NEW})
    assert (answer.status, answer.headers["Retry-After"], answer.message) == (
        413, "0", "Quota exceeded for instances: Requested 1, but already used 0 of 0 instances")
    answer = v2.call("POST", "/servers", {"server": NEW | {"metadata": {"a": "1", "b": "2"}}})
    assert (answer.status, answer.message) == (413, "Quota exceeded, too many metadata_items: at most 1 are allowed")
    assert answer.body["overLimit"]["retryAfter"] == "0"
    assert cloud.call("POST", "/servers", {"server": NEW}, user="bob:p1").status == 403


@pytest.mark.parametrize(("path", "message"), [
    ("/servers?changes-since=soon", "Invalid changes-since value"),
    ("/servers/detail?limit=x", "limit param must be a positive integer"),
    ("/flavors?limit=-1", "limit param must be a positive integer"),
    ("/flavors?minRam=x", "Invalid minRam filter [x]"),
])
def test_queries_that_are_refused(v2, path, message):
    answer = v2.get(path)
    assert (answer.status, answer.message) == (400, message)


@pytest.mark.spec("3.12/legacy-header")
def test_unknown_filters_and_states_are_tolerated(cloud, v2):
    server = cloud.boot()
    for query in ("unknown=1", "locked=1", "changes-before=x", "limit=5"):
        assert v2.get(f"/servers?{query}").body["servers"][0]["id"] == server
    assert v2.get("/servers?status=NONSENSE").body == {"servers": []}
    assert v2.get("/os-migrations?unknown=1", user=ADMIN).body == {"migrations": []}


def test_paging_keeps_the_project_in_its_links(cloud, v2):
    cloud.boot(), cloud.boot()
    body = v2.get("/servers?limit=1").body
    [link] = body["servers_links"]
    assert link["href"].startswith("http://localhost/v2/p1/servers?limit=1&marker=")
    assert len(v2.get(link["href"].removeprefix("http://localhost/v2/p1")).body["servers"]) == 1


def test_flavors(v2):
    assert v2.get("/flavors/none").body == {"itemNotFound": {
        "code": 404, "message": "The resource could not be found."}}
    flavor = {"name": "x", "ram": 64, "vcpus": 1, "disk": 1, "id": "x", "more": 1}
    made = v2.call("POST", "/flavors", {"flavor": flavor}, user=ADMIN)
    assert made.body["flavor"]["links"][0]["href"] == "http://localhost/v2/p1/flavors/x"
    assert "description" not in made.body["flavor"]
    assert v2.call("PUT", "/flavors/x", {"flavor": {"description": "d"}}, user=ADMIN).status == 405
    specs = v2.call("POST", "/flavors/x/os-extra_specs", {"extra_specs": {"a": "1"}, "more": 1}, user=ADMIN)
    assert (specs.status, specs.body) == (200, {"extra_specs": {"a": "1"}})
    answer = v2.call("PUT", "/flavors/x/os-extra_specs/b", {"a": "1"}, user=ADMIN)
    assert (answer.status, answer.message) == (400, "Request body and URI mismatch")
    assert v2.call("POST", "/flavors/1/action", {"fly": {}}, user=ADMIN).message == "There is no such action: fly"
    assert v2.call("DELETE", "/flavors/x", user=ADMIN).status == 202


def test_services_are_changed_by_name(cloud, v2):
    body = {"host": "cmp-1", "binary": "nova-compute"}
    for verb in ("enable", "disable", "disable-log-reason"):
        for bad in ({}, {"host": "cmp-1"}, {"binary": "nova-compute"}, []):
            assert v2.call("PUT", f"/os-services/{verb}", bad, user=ADMIN).status == 422
    for reason in (None, "", " ", "x" * 256, 1):
        answer = v2.call("PUT", "/os-services/disable-log-reason", body | {"disabled_reason": reason}, user=ADMIN)
        assert (answer.status, answer.message) == (422, "Unable to process the contained instructions")
    answer = v2.call("PUT", "/os-services/disable-log-reason", body | {"disabled_reason": "disk"}, user=ADMIN)
    assert answer.body == {"service": body | {"status": "disabled", "disabled_reason": "disk"}}
    answer = v2.call("PUT", "/os-services/enable", body | {"disabled_reason": "ignored"}, user=ADMIN)
    assert answer.body == {"service": body | {"status": "enabled"}}
    assert v2.call("PUT", "/os-services/enable", body | {"host": "none"}, user=ADMIN).status == 404
    for verb in ("force-down", "dance"):
        answer = v2.call("PUT", f"/os-services/{verb}", body, user=ADMIN)
        assert (answer.status, answer.message) == (404, "Unknown action")
    [row] = [row for row in v2.get("/os-services?host=cmp-1", user=ADMIN).body["services"]]
    assert isinstance(row["id"], int)
    assert "forced_down" not in row


def test_hypervisors_say_less(v2):
    assert v2.get("/os-hypervisors", user=ADMIN).body["hypervisors"][0] == {"id": 1, "hypervisor_hostname": "cmp-1"}
    shown = v2.get("/os-hypervisors/1", user=ADMIN).body["hypervisor"]
    assert shown["service"] == {"id": 1, "host": "cmp-1"}
    assert not {"state", "status"} & set(shown)
    assert isinstance(shown["cpu_info"], str)
    assert v2.get("/os-hypervisors/99", user=ADMIN).message == "Hypervisor with ID '99' could not be found."
    assert v2.get("/os-hypervisors/statistics", user=ADMIN).body["hypervisor_statistics"]["count"] == 3


def test_migrations_have_the_fields_of_2014(cloud, v2):
    first, second = cloud.boot(), cloud.boot()
    cloud.resized(first), cloud.resized(second, "2", "cmp-3")
    shown = v2.get("/os-migrations", user=ADMIN).body["migrations"]
    assert [row["instance_uuid"] for row in shown] == [first, second], "the oldest first"
    assert set(shown[0]) == {
        "id", "source_node", "dest_node", "source_compute", "dest_compute", "dest_host", "status", "instance_uuid",
        "old_instance_type_id", "new_instance_type_id", "created_at", "updated_at"}
    assert len(v2.get("/os-migrations?host=cmp-3&status=finished", user=ADMIN).body["migrations"]) == 1
    assert v2.get("/os-migrations").status == 403


def test_instance_actions(cloud, v2):
    server = cloud.boot()
    v2.act(server, "resize", {"flavorRef": "3"})
    newest = v2.get(f"/servers/{server}/os-instance-actions").body["instanceActions"][0]
    assert set(newest) == {"action", "instance_uuid", "request_id", "user_id", "project_id", "start_time", "message"}
    path = f"/servers/{server}/os-instance-actions/{newest['request_id']}"
    assert "events" not in v2.get(path).body["instanceAction"]
    assert v2.get(path, user=ADMIN).body["instanceAction"]["events"] == []
    answer = v2.get(f"/servers/{server}/os-instance-actions/none")
    assert (answer.status, answer.message) == (404, "The resource could not be found.")


def test_limits_and_quotas_have_the_resources_of_2014(cloud, v2):
    absolute = v2.get("/limits").body["limits"]["absolute"]
    assert {"maxTotalCores", "maxSecurityGroups", "totalCoresUsed"} <= set(absolute)
    assert not {"maxServerGroups", "maxServerGroupMembers", "totalServerGroupsUsed"} & set(absolute)
    assert v2.get("/limits").body["limits"]["rate"] == []
    server = cloud.boot()
    v2.act(server, "resize", {"flavorRef": "3"})
    assert [v2.get(f"/limits{query}").body["limits"]["absolute"]["totalCoresUsed"]
            for query in ("", "?reserved=1")] == [1, 2]
    shown = v2.get("/os-quota-sets/p1").body["quota_set"]
    assert (shown["id"], shown["cores"], "server_groups" in shown) == ("p1", 20, False)
    answer = v2.call("PUT", "/os-quota-sets/p1", {"quota_set": {"cores": 30, "tenant_id": "p1"}}, user=ADMIN)
    assert (answer.status, answer.body["quota_set"]["cores"]) == (200, 30)
    assert v2.call("DELETE", "/os-quota-sets/p1", user=ADMIN).status == 202


@pytest.mark.parametrize(("body", "message"), [
    ({}, "Missing argument 'quota_set' in the request body"),
    ({"quota_set": {"wheels": 4, "server_groups": 1, "cores": 1}}, "Bad key(s) server_groups,wheels in quota_set"),
    ({"quota_set": {"cores": -2}}, "Quota limit must be -1 or greater."),
    ({"quota_set": {"cores": "-7"}}, "Quota limit must be -1 or greater."),
])
def test_quotas_that_are_refused(v2, body, message):
    answer = v2.call("PUT", "/os-quota-sets/p1", body, user=ADMIN)
    assert (answer.status, answer.message) == (400, message)


def test_metadata(cloud, v2):
    server = cloud.boot()
    answer = v2.call("POST", f"/servers/{server}/metadata", {"metadata": {"a": "1"}, "more": 1})
    assert answer.body == {"metadata": {"a": "1"}}
    assert v2.call("PUT", f"/servers/{server}/metadata/b", {"meta": {"b": "2"}}).body == {"meta": {"b": "2"}}
    assert v2.call("PUT", f"/servers/{server}/metadata/c", {"meta": {"b": "2"}}).status == 400
    assert v2.call("DELETE", f"/servers/{server}/metadata/a").status == 204
    assert v2.get(f"/servers/{server}/metadata").body == {"metadata": {"b": "2"}}
    cloud.set(server, vm_state="error")
    assert v2.call("DELETE", f"/servers/{server}/metadata/b").message == (
        "Cannot 'delete metadata' while instance is in vm_state error")


def test_what_came_later_is_not_there(cloud, v2):
    server = cloud.boot()
    for path in (f"/servers/{server}/migrations", "/os-simulator/journal", "/os-quota-sets/p1/detail", "/nothing"):
        answer = v2.get(path, user=ADMIN)
        assert (answer.status, list(answer.body)) == (404, ["itemNotFound"]), path
    assert v2.call("PATCH", "/servers").headers["Allow"] == "GET, POST"


def test_an_unexpected_error_says_nothing(v2, monkeypatch, caplog):
    monkeypatch.setattr(availability_zones, "_by_zone", lambda *_: 1 / 0)
    answer = v2.get("/os-availability-zone")
    assert (answer.status, answer.body) == (500, {"computeFault": {
        "code": 500,
        "message": "The server has either erred or is incapable of performing the requested operation."}})
    assert "ZeroDivisionError" in caplog.text


def test_requests_stand_in_the_journal(cloud, v2):
    server = cloud.boot()
    v2.act(server, "resize", {"flavorRef": "3"})
    v2.act(server, "resize", {"flavorRef": "3"})
    assert [hop["what"] for hop in cloud.hops] == ["resize accepted", "answered 409"]
    assert {hop["method"] for hop in cloud.hops} == {f"POST /v2/p1/servers/{server}/action"}
