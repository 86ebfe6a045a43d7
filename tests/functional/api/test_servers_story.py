"""Servers by REST: made, listed, shown, changed, switched, locked, deleted."""

from __future__ import annotations

import base64

import pytest

from novasim import states
from novasim.db import actions, claims, hosts, migrations, quotas

BOB, EVE = "bob:p1", "eve:p2"
IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"


def create(cloud, version=None, user=BOB, beside=None, **fields):
    server = {"name": "vm", "flavorRef": "1", "imageRef": IMAGE} | fields
    return cloud.call("POST", "/servers", {"server": server} | (beside or {}), version, user)


def test_create_makes_rows_quota_action_and_one_message(cloud):
    answer = create(cloud, metadata={"a": "b"}, user_data=base64.b64encode(b"#!").decode(), availability_zone="nova",
                    accessIPv4="1.2.3.4", config_drive=True, beside={"os:scheduler_hints": {"custom": "hint"}})
    assert answer.status == 202
    made = answer.body["server"]
    assert set(made) == {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}
    assert answer.headers["Location"] == f"http://localhost/v2.1/servers/{made['id']}"
    assert len(made["adminPass"]) == 12
    [(method, context, _, sent)] = cloud.conductor.sent
    assert method == "build_instances"
    assert context.request_id == answer.headers["x-compute-request-id"]
    [instance] = sent["instances"]
    assert (instance.uuid, instance.id) == (made["id"], 1)
    assert instance.system_metadata["instance_type_flavorid"] == "1"
    assert instance.system_metadata["image_architecture"] == "x86_64"
    assert (sent["image"]["id"], sent["filter_properties"]) == (IMAGE, {"scheduler_hints": {"custom": "hint"}})
    assert (sent["admin_password"], sent["injected_files"]) == (made["adminPass"], [])
    row = cloud.row(made["id"])
    assert (row.vm_state, row.task_state, row.availability_zone) == ("building", "scheduling", "nova")
    assert (row.metadata, row.access_ip_v4, row.config_drive) == ({"a": "b"}, "1.2.3.4", "True")
    assert cloud.db.read(quotas.usage, "p1") == {"cores": (1, 0), "instances": (1, 0), "ram": (512, 0)}
    shown = cloud.get(f"/servers/{made['id']}", user=BOB).body["server"]
    assert (shown["status"], shown["hostId"], shown["OS-EXT-AZ:availability_zone"]) == ("BUILD", "", "nova")
    assert cloud.hops[0]["what"] == "create accepted"


def test_several_servers_at_once(cloud):
    answer = create(cloud, min_count=2, max_count="3", return_reservation_id="True")
    assert list(answer.body) == ["reservation_id"]
    listed = cloud.get(f"/servers?reservation_id={answer.body['reservation_id']}&sort_key=launch_index&sort_dir=asc",
                       user=BOB).body["servers"]
    assert [server["name"] for server in listed] == ["vm-1", "vm-2", "vm-3"]
    assert len(cloud.conductor.sent[0][3]["instances"]) == 3


def test_max_count_shrinks_to_the_quota_but_min_count_does_not(cloud):
    assert create(cloud, min_count=2, max_count=30).status == 202
    assert cloud.db.read(quotas.usage, "p1")["instances"] == (10, 0)
    answer = create(cloud, min_count=1, max_count=2)
    assert (answer.status, answer.message) == (
        403, "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances")
    assert create(cloud, user=EVE).status == 202


@pytest.mark.parametrize(("fields", "message"), [
    ({"flavorRef": "none"}, "Flavor none could not be found."),
    ({"flavorRef": "off"}, "Flavor off could not be found."),
    ({"flavorRef": "priv"}, "Flavor priv could not be found."),
    ({"imageRef": "00000000-0000-0000-0000-000000000000"}, "Can not find requested image"),
    ({"imageRef": ""}, "Can not find requested image"),
    ({"imageRef": "a2459075-d96c-40d5-893e-577ff92e721c"}, "Flavor's memory is too small for requested image."),
    ({"availability_zone": "mars"}, "The requested availability zone is not available"),
    ({"min_count": 3, "max_count": 2}, "min_count must be <= max_count"),
    ({"key_name": "mykey"}, "Invalid key_name provided."),
    ({"security_groups": [{"name": "web"}]}, "Unable to find security_group with name or id 'web'"),
    ({"name": ""}, "Invalid input for field/attribute name. Value: . '' is too short"),
    ({"colour": "red"}, None),
    ({"metadata": {"k": 1}}, "Invalid input for field/attribute k. Value: 1. 1 is not of type 'string'"),
    ({"accessIPv4": "1.2.3"}, "Invalid input for field/attribute accessIPv4. Value: 1.2.3. '1.2.3' is not a 'ipv4'"),
    ({"block_device_mapping_v2": [{"source_type": "volume", "uuid": "x"}]}, None),
])
def test_create_refuses_by_name(cloud, fields, message):
    answer = create(cloud, **fields)
    assert answer.status == 400
    assert answer.message == message if message else next(iter(fields)).split("_v2")[0].replace(
        "block_device_mapping", "Block Device Mapping") in answer.message
    assert not cloud.conductor.sent
    assert cloud.get("/servers?all_tenants=1").body == {"servers": []}


@pytest.mark.spec("3.12/2.37")
def test_networks_by_version(make_cloud):
    cloud = make_cloud(**{"network.enabled": False})
    assert create(cloud, "2.36").status == 202
    answer = create(cloud, "2.37")
    assert (answer.status, "'networks' is a required property" in answer.message) == (400, True)
    unknown = [{"uuid": "3cb9bc59-5699-4588-a4b1-b87f96708bc6"}]
    for networks, status in (("none", 202), ("auto", 202), ([], 202), (unknown, 400)):
        assert create(cloud, "2.37", networks=networks).status == status
    assert create(cloud, "2.37", networks="all").status == 400


@pytest.mark.spec("3.12/2.19", "3.12/2.57", "3.12/2.90")
def test_fields_come_and_go_with_versions(cloud):
    assert create(cloud, "2.18", description="d").status == 400
    made = create(cloud, "2.19", description="d").body["server"]["id"]
    assert cloud.get(f"/servers/{made}", version="2.19").body["server"]["description"] == "d"
    files = [{"path": "/etc/motd", "contents": "aGk="}]
    assert create(cloud, "2.1", personality=files).status == 202
    assert cloud.conductor.sent[-1][3]["injected_files"] == [["/etc/motd", "aGk="]]
    assert create(cloud, "2.57", networks="none", personality=files).status == 400
    assert create(cloud, "2.89", networks="none", hostname="h1").status == 400
    made = create(cloud, "2.90", networks="none", hostname="h1").body["server"]["id"]
    assert cloud.row(made).hostname == "h1"
    assert create(cloud, "2.93", networks="none", hostname="h1.example.com").status == 400
    assert create(cloud, "2.94", networks="none", hostname="h1.example.com").status == 202
    assert create(cloud, "2.51", networks="none", tags=["a"]).status == 400


@pytest.mark.spec("3.12/2.74")
def test_hosts_can_be_forced_or_asked_for_by_admins(cloud):
    assert create(cloud, availability_zone="nova:cmp-2").status == 403
    assert create(cloud, "2.74", networks="none", host="cmp-2").status == 403
    assert create(cloud, user="admin:admin", availability_zone="nova:cmp-2:cmp-2").status == 202
    assert cloud.conductor.sent[-1][3]["filter_properties"] == {
        "scheduler_hints": {}, "force_hosts": ["cmp-2"], "force_nodes": ["cmp-2"]}
    assert create(cloud, "2.74", "admin:admin", networks="none", hypervisor_hostname="cmp-3").status == 202
    assert cloud.conductor.sent[-1][3]["filter_properties"] == {
        "scheduler_hints": {}, "requested_destination": {"host": "cmp-3"}}
    for fields in ({"host": "no"}, {"host": "cmp-1", "hypervisor_hostname": "cmp-2"}):
        answer = create(cloud, "2.74", "admin:admin", networks="none", **fields)
        assert (answer.status, "could not be found" in answer.message) == (400, True)


def test_an_unsent_build_leaves_nothing(cloud):
    cloud.conductor.broken = ConnectionError()
    assert create(cloud).status == 503
    assert cloud.get("/servers?all_tenants=1").body == {"servers": []}
    assert cloud.db.read(quotas.usage, "p1")["instances"] == (0, 0)


@pytest.mark.spec("3.2/4")
def test_others_do_not_see_a_server(cloud):
    server = cloud.boot()
    for method, path, body in (("GET", "", None), ("DELETE", "", None), ("PUT", "", {"server": {"name": "x"}}),
                               ("POST", "/action", {"os-stop": None}), ("GET", "/metadata", None),
                               ("GET", "/os-instance-actions", None)):
        answer = cloud.call(method, f"/servers/{server}{path}", body, user=EVE)
        assert (answer.status, answer.message) == (404, f"Instance {server} could not be found."), (method, path)
    assert cloud.get("/servers", user=EVE).body == {"servers": []}
    assert cloud.get("/servers?all_tenants=1", user=EVE).status == 403
    assert len(cloud.get("/servers?all_tenants=1").body["servers"]) == 1
    for name in ("project_id", "tenant_id"):
        assert cloud.get(f"/servers?all_tenants=1&{name}=p1").body["servers"][0]["id"] == server
        # Alone it says nothing, to an admin either.
        assert cloud.get(f"/servers?{name}=p1").body == {"servers": []}
    assert cloud.get("/servers").body == {"servers": []}
    assert cloud.get("/servers/vm").status == 404


def test_pages_and_their_links(cloud):
    made = []
    for number in range(5):
        made.append(cloud.boot(name=f"vm{number}"))
        cloud.clock.advance(1)
    by_name = "&sort_key=display_name&sort_dir=asc"
    for path, sort, expected in (("/servers", "", made[::-1]), ("/servers/detail", by_name, made)):
        found, url = [], f"{path}?limit=2{sort}"
        while url:
            body = cloud.get(url, user=BOB).body
            found += [server["id"] for server in body["servers"]]
            links = body.get("servers_links", [])
            url = links[0]["href"].removeprefix("http://localhost/v2.1") if links else None
        assert found == expected
    answer = cloud.get("/servers?marker=none", user=BOB)
    assert (answer.status, answer.message) == (400, "marker [none] not found")


@pytest.mark.parametrize(("query", "expected"), [
    ("name=^web", ["web1", "web2"]), ("status=ACTIVE", ["web1", "db"]), ("status=shutoff", ["web2"]),
    ("status=ACTIVE&status=SHUTOFF", ["web1", "web2", "db"]), ("flavor=2", ["db"]), ("flavor=none", []),
    ("image=" + IMAGE, ["web1", "web2", "db"]), ("image=x", []), ("status=NONSENSE", []), ("ip=10.0.0.1", []),
    ("deleted=False", ["web1", "web2", "db"]), ("changes-since=2030-01-01T00:00:00Z", []),
    ("changes-since=2020-01-01T00:00:00Z", ["web1", "web2", "db"]), ("host=cmp-2", ["web1", "web2", "db"]),
    ("unknown=1", ["web1", "web2", "db"]),
])
def test_filters_of_a_user(cloud, query, expected):
    for name, flavor, values in (("web1", "1", {}), ("web2", "1", {"vm_state": states.STOPPED}), ("db", "2", {})):
        server = cloud.boot(flavor, name=name)
        if values:
            cloud.set(server, **values)
    listed = cloud.get(f"/servers?{query}&sort_key=created_at&sort_dir=asc", user=BOB).body["servers"]
    assert sorted(server["name"] for server in listed) == sorted(expected)


@pytest.mark.parametrize(("query", "version", "message"), [
    ("limit=x", "2.1", "Invalid input for query parameters limit. Value: x. 'x' does not match '^[0-9]*$'"),
    ("limit=-1", "2.1", None), ("changes-since=yesterday", "2.1", None), ("deleted=maybe", "2.1", None),
    ("sort_key=colour", "2.1", None), ("name=[", "2.1", None), ("sort_dir=up", "2.1", None),
    ("status=NONSENSE", "2.38", "Invalid status value: NONSENSE"),
    ("unknown=1", "2.75", "Additional properties are not allowed ('unknown' was unexpected)"),
    ("changes-since=2026-01-02T00:00:00Z&changes-before=2026-01-01T00:00:00Z", "2.66", None),
])
def test_wrong_filters_are_named(cloud, query, version, message):
    answer = cloud.get(f"/servers?{query}", version=version)
    assert answer.status == 400
    assert answer.message == message if message else query.partition("=")[0] in answer.message


def test_update(cloud):
    server = cloud.boot()
    fields = {"name": "new", "description": "words", "accessIPv6": "80fe:0:0::0.0.0.0", "OS-DCF:diskConfig": "AUTO"}
    answer = cloud.call("PUT", f"/servers/{server}", {"server": fields}, "2.19", BOB)
    assert answer.status == 200
    shown = answer.body["server"]
    assert (shown["name"], shown["description"], shown["accessIPv6"], shown["OS-DCF:diskConfig"]) == (
        "new", "words", "80fe::", "AUTO")
    assert "OS-EXT-STS:vm_state" not in shown
    assert cloud.call("PUT", f"/servers/{server}", {"server": {"name": ""}}, user=BOB).status == 400
    assert cloud.call("PUT", f"/servers/{server}", {"server": {"hostname": "h9"}}, "2.90", BOB).body["server"][
        "OS-EXT-SRV-ATTR:hostname"] == "h9"


def test_a_failed_server_tells_why(cloud):
    server = cloud.boot()
    cloud.set(server, vm_state=states.ERROR)
    cloud.db.write(actions.add_fault, server, ValueError("No valid host was found."), "cmp-1", "far traceback")
    fault = cloud.get(f"/servers/{server}", user=BOB).body["server"]["fault"]
    assert fault == {"code": 500, "created": "2026-01-01T12:00:00Z", "message": "No valid host was found."}
    assert cloud.get(f"/servers/{server}").body["server"]["fault"]["details"] == "far traceback"
    assert "progress" not in cloud.get(f"/servers/{server}").body["server"]
    cloud.set(server, vm_state=states.ACTIVE)
    assert "fault" not in cloud.get(f"/servers/{server}").body["server"]


@pytest.mark.parametrize(("action", "content", "vm_state", "method", "task", "name"), [
    ("os-stop", None, states.ACTIVE, "stop_instance", "powering-off", "stop"),
    ("os-start", None, states.STOPPED, "start_instance", "powering-on", "start"),
    ("reboot", {"type": "soft"}, states.ACTIVE, "reboot_instance", "rebooting", "reboot"),
    ("reboot", {"type": "HARD"}, states.ERROR, "reboot_instance", "rebooting_hard", "reboot"),
])
def test_power_actions(cloud, action, content, vm_state, method, task, name):
    server = cloud.boot()
    cloud.set(server, vm_state=vm_state)
    answer = cloud.act(server, action, content, user=BOB)
    assert (answer.status, answer.text) == (202, "")
    [(sent, _, args, arguments)] = cloud.compute.sent
    assert (sent, args, arguments["instance"].task_state) == (method, ("cmp-1",), task)
    if name == "reboot":
        assert (arguments["reboot_type"], arguments["block_device_info"]) == (content["type"].upper(), None)
    done = cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"][0]
    assert (done["action"], done["request_id"]) == (name, answer.headers["x-compute-request-id"])
    assert cloud.act(server, "os-stop", user=BOB).status == 409


def test_power_actions_are_refused_in_other_states_and_undone_when_unsent(cloud):
    server = cloud.boot()
    answer = cloud.act(server, "os-start", user=BOB)
    assert (answer.status, answer.message) == (
        409, f"Cannot 'start' instance {server} while it is in vm_state active")
    cloud.compute.broken = ConnectionError()
    assert cloud.act(server, "os-stop", user=BOB).status == 503
    assert cloud.row(server).task_state is None
    cloud.set(server, host=None)
    assert cloud.act(server, "os-stop", user=BOB).message == f"Instance {server} is not ready"


@pytest.mark.spec("2.3/locked", "3.12/2.73")
def test_locks(cloud):
    server = cloud.boot()
    assert cloud.act(server, "lock", {"locked_reason": "mine"}, user=BOB, version="2.73").status == 202
    shown = cloud.get(f"/servers/{server}", version="2.73", user=BOB).body["server"]
    assert (shown["locked"], shown["locked_reason"], cloud.row(server).locked_by) == (True, "mine", "owner")
    assert cloud.act(server, "os-stop", user=BOB).message == f"Instance {server} is locked"
    assert cloud.call("DELETE", f"/servers/{server}", user=BOB).status == 409
    assert cloud.act(server, "os-stop").status == 202
    assert cloud.act(server, "lock").status == 202
    assert cloud.row(server).locked_by == "admin"
    assert cloud.act(server, "lock", user=BOB).status == 202
    assert cloud.row(server).locked_by == "admin"
    answer = cloud.act(server, "unlock", user=BOB)
    assert (answer.status, answer.message) == (
        403, "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed.")
    assert cloud.act(server, "unlock").status == 202
    assert cloud.row(server).locked is False
    done = cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    assert [action["action"] for action in done] == ["unlock", "lock", "stop", "lock", "create"]


def test_reset_state(cloud):
    server = cloud.boot()
    cloud.set(server, task_state=states.RESIZE_PREP)
    assert cloud.act(server, "os-resetState", {"state": "error"}, user=BOB).status == 403
    assert cloud.act(server, "os-resetState", {"state": "paused"}).status == 400
    assert cloud.act(server, "os-resetState", {"state": "error"}).status == 202
    assert (cloud.row(server).vm_state, cloud.row(server).task_state) == ("error", None)
    assert cloud.act(server, "os-resetState", {"state": "active"}).status == 202
    assert cloud.row(server).vm_state == "active"


@pytest.mark.spec("5.9/delete-again")
@pytest.mark.parametrize("how", ["DELETE", "forceDelete"])
def test_delete_tells_the_host_and_can_be_repeated(cloud, how):
    server = cloud.boot()

    def delete():
        if how == "DELETE":
            return cloud.call("DELETE", f"/servers/{server}", user=BOB)
        return cloud.act(server, how, user=BOB)

    first = delete()
    assert first.status == (204 if how == "DELETE" else 202)
    assert cloud.row(server).task_state == states.DELETING
    assert cloud.get(f"/servers/{server}", user=BOB).status == 200
    assert delete().status == first.status
    assert [(sent[0], sent[2]) for sent in cloud.compute.sent] == [("terminate_instance", ("cmp-1",))] * 2
    done = [action["action"] for action in cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]]
    assert done == ["delete", "create"]


@pytest.mark.spec("5.9/delete-no-host", "5.9/delete-host-down", "3.12/2.21")
@pytest.mark.parametrize("why", ["no host yet", "host down"])
def test_delete_without_a_living_host_settles_the_records(cloud, why):
    server = cloud.boot(host=None if why == "no host yet" else "cmp-1")
    if why == "host down":
        cloud.clock.advance(100)
    assert cloud.call("DELETE", f"/servers/{server}", user=BOB).status == 204
    assert cloud.get(f"/servers/{server}", user=BOB).status == 404
    assert cloud.db.read(quotas.usage, "p1") == {"cores": (0, 0), "instances": (0, 0), "ram": (0, 0)}
    assert cloud.db.read(claims.sums) == {}
    assert cloud.get(f"/servers/{server}/os-instance-actions", version="2.21").status == 200
    assert cloud.get(f"/servers/{server}/os-instance-actions", version="2.20").status == 404
    [gone] = cloud.get("/servers/detail?deleted=True&all_tenants=1").body["servers"]
    assert (gone["id"], gone["status"]) == (server, "DELETED")
    assert cloud.get("/servers?deleted=True", user=BOB).status == 403
    assert cloud.call("DELETE", f"/servers/{server}", user=BOB).status == 404


@pytest.mark.spec("5.9/delete-quota", "5.9/delete-resized")
@pytest.mark.parametrize("flavor", ["2", "3"])
def test_delete_in_the_middle_of_a_move_gives_all_back(cloud, flavor):
    server = cloud.boot("3" if flavor == "2" else "2")
    migration = cloud.resized(server, flavor)
    cloud.db.write(hosts.update_service, cloud.db.read(hosts.services, "cmp-2")[0].id, forced_down=True)
    assert cloud.call("DELETE", f"/servers/{server}", user=BOB).status == 204
    assert cloud.db.read(quotas.usage, "p1") == {"cores": (0, 0), "instances": (0, 0), "ram": (0, 0)}
    assert cloud.db.read(claims.sums) == {}
    assert cloud.db.read(migrations.in_progress, server) is None
    assert cloud.db.read(migrations.get, migration.id).status != states.FINISHED


def test_metadata(cloud):
    server = cloud.boot(metadata={"a": "1", "b": "2"})
    base = f"/servers/{server}/metadata"
    assert cloud.get(base, user=BOB).body == {"metadata": {"a": "1", "b": "2"}}
    assert cloud.call("POST", base, {"metadata": {"b": "3", "c": "4"}}, user=BOB).body == {
        "metadata": {"a": "1", "b": "3", "c": "4"}}
    assert cloud.call("PUT", base, {"metadata": {"d": "5"}}, user=BOB).body == {"metadata": {"d": "5"}}
    assert cloud.call("PUT", base + "/e", {"meta": {"e": "6"}}, user=BOB).body == {"meta": {"e": "6"}}
    assert cloud.call("PUT", base + "/e", {"meta": {"f": "6"}}, user=BOB).message == "Request body and URI mismatch"
    assert cloud.get(base + "/e", user=BOB).body == {"meta": {"e": "6"}}
    assert cloud.call("DELETE", base + "/e", user=BOB).status == 204
    assert cloud.call("DELETE", base + "/e", user=BOB).status == 404
    assert cloud.get(base + "/e", user=BOB).message == "Metadata item was not found"
    many = {f"k{number}": "v" for number in range(129)}
    assert cloud.call("PUT", base, {"metadata": many}, user=BOB).status == 403
    assert cloud.get(base, user=BOB).body == {"metadata": {"d": "5"}}
    cloud.set(server, vm_state=states.ERROR)
    assert cloud.call("POST", base, {"metadata": {}}, user=BOB).status == 409


def test_addresses_and_live_migrations_are_empty(cloud):
    server = cloud.boot()
    assert cloud.get(f"/servers/{server}/ips", user=BOB).body == {"addresses": {}}
    assert cloud.get(f"/servers/{server}/ips/private", user=BOB).status == 404
    assert cloud.get(f"/servers/{server}/migrations").status == 404
    assert cloud.get(f"/servers/{server}/migrations", version="2.23").body == {"migrations": []}
    answer = cloud.get(f"/servers/{server}/migrations/7", version="2.23")
    assert answer.message == f"Migration 7 not found for instance {server}"


@pytest.mark.parametrize("network", [False, True])
def test_a_get_costs_one_statement(make_cloud, network):
    from sqlalchemy import event
    cloud = make_cloud(**{"network.enabled": network})
    server = cloud.boot()
    cloud.get(f"/servers/{server}", user=BOB)
    seen = []
    event.listen(cloud.db._reader, "before_cursor_execute", lambda *args: seen.append(args[2]))
    assert cloud.get(f"/servers/{server}", user=BOB).status == 200
    assert len(seen) == 1
    seen.clear()
    assert len(cloud.get("/servers/detail", user=BOB).body["servers"]) == 1
    assert len(seen) == 3 + network     # the row, its metadata, the zone of its host; its addresses
