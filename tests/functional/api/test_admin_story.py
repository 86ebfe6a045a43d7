"""What administrators look at and set: flavors, services, hypervisors, migrations, quotas, zones, images."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from novasim.db import hosts, models

BOB = "bob:p1"


def test_flavors_are_made_shown_and_deleted(cloud):
    made = cloud.call("POST", "/flavors", {"flavor": {
        "name": "big", "ram": "1024", "vcpus": 2, "disk": 10, "swap": 64, "OS-FLV-EXT-DATA:ephemeral": 5,
        "rxtx_factor": 2.0}}, "2.75").body["flavor"]
    assert len(made["id"]) == 36
    assert (made["ram"], made["swap"], made["OS-FLV-EXT-DATA:ephemeral"], made["rxtx_factor"]) == (1024, 64, 5, 2.0)
    assert cloud.get(f"/flavors/{made['id']}", user=BOB).status == 200
    assert cloud.call("PUT", f"/flavors/{made['id']}", {"flavor": {"description": "d"}}, "2.55").body["flavor"][
        "description"] == "d"
    assert cloud.call("DELETE", f"/flavors/{made['id']}").status == 202
    answer = cloud.get(f"/flavors/{made['id']}")
    assert (answer.status, answer.message) == (404, f"Flavor {made['id']} could not be found.")
    assert cloud.call("DELETE", f"/flavors/{made['id']}").status == 404


@pytest.mark.parametrize(("fields", "status", "message"), [
    ({"name": "m1.tiny"}, 409, "Flavor with name m1.tiny already exists."),
    ({"id": "1"}, 409, "Flavor with ID 1 already exists."),
    ({"ram": 0}, 400, "Invalid input for field/attribute ram. Value: 0. 0 is less than the minimum of 1"),
    ({"vcpus": "x"}, 400, None), ({"disk": -1}, 400, None), ({"rxtx_factor": 0}, 400, None), ({"id": " a"}, 400, None),
    ({"name": ""}, 400, None), ({"colour": 1}, 400, None), ({"description": "d"}, 400, None),
])
def test_flavors_that_cannot_be_made(cloud, fields, status, message):
    body = {"flavor": {"name": "new", "ram": 1, "vcpus": 1, "disk": 0} | fields}
    answer = cloud.call("POST", "/flavors", body)
    assert answer.status == status
    assert answer.message == message if message else next(iter(fields)) in answer.message
    assert cloud.call("POST", "/flavors", body, user=BOB).status == (403 if status == 409 else 400)


def ids(answer):
    assert answer.status == 200, answer.text
    return [flavor["id"] for flavor in answer.body["flavors"]]


def test_lists_of_flavors(cloud):
    public = ["1", "2", "3", "off", "zero"]
    assert ids(cloud.get("/flavors", user=BOB)) == public
    assert ids(cloud.get("/flavors/detail?is_public=None")) == ["1", "2", "3", "off", "priv", "zero"]
    assert ids(cloud.get("/flavors?is_public=false")) == ["priv"]
    assert ids(cloud.get("/flavors?is_public=false", user=BOB)) == public
    assert ids(cloud.get("/flavors?minRam=2048&minDisk=30")) == ["3"]
    assert ids(cloud.get("/flavors?sort_key=memory_mb&sort_dir=desc&limit=2")) == ["3", "2"]
    page = cloud.get("/flavors?limit=2")
    assert page.body["flavors_links"][0]["href"] == "http://localhost/v2.1/flavors?limit=2&marker=2"
    assert ids(cloud.get("/flavors?limit=2&marker=2")) == ["3", "off"]
    assert cloud.get("/flavors?minRam=x").message == "Invalid minRam filter [x]"
    for query in ("limit=x", "marker=none", "sort_key=colour", "is_public=maybe"):
        answer = cloud.get(f"/flavors?{query}")
        assert (answer.status, query.partition("=")[0] in answer.message) == (400, True)


def test_extra_specs(cloud):
    base = "/flavors/1/os-extra_specs"
    assert cloud.call("POST", base, {"extra_specs": {"a": "1", "hw:x": 2}}).body == {
        "extra_specs": {"a": "1", "hw:x": "2"}}
    assert cloud.get(base, user=BOB).body == {"extra_specs": {"a": "1", "hw:x": "2"}}
    assert cloud.call("PUT", base + "/a", {"a": "3"}).body == {"a": "3"}
    assert cloud.get(base + "/a", user=BOB).body == {"a": "3"}
    assert cloud.call("PUT", base + "/a", {"b": "3"}).message == "Request body and URI mismatch"
    assert cloud.call("PUT", base + "/a", {"a": "1", "b": "3"}).message == "Request body contains too many items"
    assert cloud.call("POST", base, {"extra_specs": {"a/b": "1"}}).status == 400
    assert cloud.call("POST", base, {"extra_specs": {"a": "1"}}, user=BOB).status == 403
    answer = cloud.call("DELETE", base + "/a")
    assert (answer.status, answer.body) == (200, None)
    answer = cloud.get(base + "/a")
    assert (answer.status, answer.message) == (404, "Flavor 1 has no extra specs with key a.")
    assert cloud.call("DELETE", base + "/a").status == 404
    assert cloud.get("/flavors/1", version="2.61").body["flavor"]["extra_specs"] == {"hw:x": "2"}


def test_access_to_private_flavors(cloud):
    assert cloud.get("/flavors/priv", user=BOB).status == 404
    give, take = {"addTenantAccess": {"tenant": "p1"}}, {"removeTenantAccess": {"tenant": "p1"}}
    assert cloud.call("POST", "/flavors/priv/action", give).body == {
        "flavor_access": [{"flavor_id": "priv", "tenant_id": "p1"}]}
    assert cloud.call("POST", "/flavors/priv/action", give).status == 409
    assert "priv" in ids(cloud.get("/flavors", user=BOB))
    assert cloud.call("POST", "/flavors/priv/action", take).body == {"flavor_access": []}
    assert cloud.call("POST", "/flavors/priv/action", take).status == 404
    assert cloud.call("POST", "/flavors/1/action", give, "2.7").status == 409
    assert cloud.get("/flavors/1/os-flavor-access").status == 404
    assert cloud.call("POST", "/flavors/priv/action", {"fly": {}}).message == "There is no such action: fly"


@pytest.mark.spec("3.12/2.11")
def test_services_below_2_53(cloud):
    body = {"host": "cmp-1", "binary": "nova-compute"}
    assert cloud.call("PUT", "/os-services/disable", body).body == {"service": body | {"status": "disabled"}}
    assert cloud.call("PUT", "/os-services/disable-log-reason", body | {"disabled_reason": "old"}).body == {
        "service": body | {"status": "disabled", "disabled_reason": "old"}}
    [shown] = cloud.get("/os-services?host=cmp-1").body["services"]
    assert (shown["id"], shown["status"], shown["disabled_reason"], shown["zone"]) == (1, "disabled", "old", "nova")
    assert cloud.call("PUT", "/os-services/enable", body).body == {"service": body | {"status": "enabled"}}
    assert cloud.call("PUT", "/os-services/force-down", body | {"forced_down": True}).status == 404
    assert cloud.call("PUT", "/os-services/force-down", body | {"forced_down": True}, "2.11").body == {
        "service": body | {"forced_down": True}}
    assert cloud.get("/os-services?host=cmp-1").body["services"][0]["state"] == "down"
    for action, given, status in (("fly", body, 404), ("enable", {"host": "cmp-1"}, 400),
                                  ("enable", body | {"host": "no"}, 404),
                                  ("disable-log-reason", body | {"disabled_reason": ""}, 400),
                                  ("disable", {"host": "ctl", "binary": "nova-conductor"}, 400)):
        assert cloud.call("PUT", f"/os-services/{action}", given).status == status
    assert cloud.call("PUT", "/os-services/enable", body, user=BOB).status == 403
    assert cloud.get("/os-services", user=BOB).status == 403


@pytest.mark.spec("3.12/2.53")
def test_services_from_2_53(cloud):
    [shown] = cloud.get("/os-services?binary=nova-compute&host=cmp-1", version="2.53").body["services"]
    path = f"/os-services/{shown['id']}"
    changed = cloud.call("PUT", path, {"status": "disabled", "disabled_reason": "old"}, "2.53").body["service"]
    assert changed == shown | {"status": "disabled", "disabled_reason": "old"}
    for body, status in (({}, 400), ({"disabled_reason": "x"}, 400),
                         ({"status": "enabled", "disabled_reason": "x"}, 400), ({"status": "off"}, 400),
                         ({"status": "enabled"}, 200)):
        assert cloud.call("PUT", path, body, "2.53").status == status, body
    assert cloud.call("PUT", "/os-services/enable", {"host": "a", "binary": "b"}, "2.53").status == 400
    missing = "00000000-0000-0000-0000-000000000000"
    assert cloud.call("PUT", f"/os-services/{missing}", {"status": "enabled"}, "2.53").status == 404


def test_a_service_is_deleted_when_its_host_is_empty(cloud):
    server = cloud.boot()
    assert cloud.call("DELETE", "/os-services/1").status == 409
    cloud.set(server, host=None)
    migration = cloud.boot(host="cmp-2")
    cloud.resized(migration, dest="cmp-1")
    cloud.set(migration, host="cmp-2")
    assert cloud.call("DELETE", "/os-services/1").status == 409
    assert cloud.call("DELETE", "/os-services/3").status == 204
    assert [row["host"] for row in cloud.get("/os-services?binary=nova-compute").body["services"]] == ["cmp-1", "cmp-2"]
    assert len(cloud.get("/os-hypervisors").body["hypervisors"]) == 2
    assert cloud.call("DELETE", "/os-services/x").status == 400


@pytest.mark.spec("8.11/service-up", "3.12/2.16")
def test_silent_services_are_down(cloud):
    cloud.clock.advance(61)
    cloud.db.write(hosts.heartbeat, ["cmp-1"], "nova-compute")
    shown = {row["host"]: row["state"] for row in cloud.get("/os-services").body["services"]}
    assert shown == {"cmp-1": "up", "cmp-2": "down", "cmp-3": "down", "ctl": "down"}
    server = cloud.boot()
    def status():
        return cloud.get(f"/servers/{server}", version="2.16").body["server"]["host_status"]
    assert status() == "UP"
    assert "host_status" not in cloud.get(f"/servers/{server}", version="2.16", user=BOB).body["server"]
    cloud.call("PUT", "/os-services/disable", {"host": "cmp-1", "binary": "nova-compute"})
    assert status() == "MAINTENANCE"
    cloud.clock.advance(61)
    assert status() == "UNKNOWN"
    down = {"host": "cmp-1", "binary": "nova-compute", "forced_down": True}
    assert cloud.call("PUT", "/os-services/force-down", down, "2.11").status == 200
    assert status() == "DOWN"


@pytest.mark.spec("3.12/2.28", "3.12/2.88")
def test_hypervisors_show_what_is_used(cloud):
    server = cloud.boot("3")
    [first, *_] = cloud.get("/os-hypervisors/detail").body["hypervisors"]
    assert (first["vcpus_used"], first["memory_mb_used"], first["local_gb_used"]) == (2, 4096, 40)
    assert (first["running_vms"], first["current_workload"]) == (1, 0), "before any host takes stock"
    assert first["service"] == {"id": 1, "host": "cmp-1", "disabled_reason": None}
    assert cloud.get("/os-hypervisors/1").body["hypervisor"] == first
    sums = cloud.get("/os-hypervisors/statistics").body["hypervisor_statistics"]
    assert (sums["count"], sums["vcpus"], sums["vcpus_used"]) == (3, 48, 2)
    assert (sums["running_vms"], sums["current_workload"]) == (1, 0)
    assert cloud.get("/os-hypervisors/cmp-1/servers").body["hypervisors"][0]["servers"] == [
        {"uuid": server, "name": "vm"}]
    assert len(cloud.get("/os-hypervisors/cmp/search").body["hypervisors"]) == 3
    assert cloud.get("/os-hypervisors/mars/search").message == "No hypervisor matching 'mars' could be found."
    for path, version, status in (("cmp-1", "2.1", 404), ("99", "2.1", 404), ("1", "2.53", 400),
                                  ("1/uptime", "2.88", 404), ("statistics", "2.88", 404), ("cmp/search", "2.53", 404)):
        assert cloud.get(f"/os-hypervisors/{path}", version=version).status == status, path
    assert cloud.get("/os-hypervisors/99").message == "Hypervisor with ID '99' could not be found."
    assert cloud.get("/os-hypervisors", user=BOB).status == 403


def test_how_long_a_hypervisor_is_up(cloud):
    cloud.clock.advance(2 * 86400 + 3 * 3600 + 61)
    down = cloud.get("/os-hypervisors/1/uptime")
    assert (down.status, down.message) == (400, "Compute service of cmp-1 is unavailable at this time.")
    cloud.db.write(hosts.heartbeat, ["cmp-1"], "nova-compute")
    assert cloud.get("/os-hypervisors/1/uptime").body["hypervisor"] == {
        "id": 1, "hypervisor_hostname": "cmp-1", "state": "up", "status": "enabled",
        "uptime": " 15:01:01 up 2 days, 3:01,  0 users,  load average: 0.00, 0.00, 0.00"}


def test_hosts_before_2_43(cloud):
    cloud.boot("3")
    assert cloud.get("/os-hosts").body["hosts"][0] == {"host_name": "cmp-1", "service": "compute", "zone": "nova"}
    assert [host["host_name"] for host in cloud.get("/os-hosts?zone=internal").body["hosts"]] == ["ctl"]
    assert cloud.get("/os-hosts?zone=mars").body == {"hosts": []}
    shown = {row["resource"].pop("project"): row["resource"] for row in cloud.get("/os-hosts/cmp-1").body["host"]}
    used = {"host": "cmp-1", "cpu": 2, "memory_mb": 4096, "disk_gb": 40}
    assert shown == {"(total)": {"host": "cmp-1", "cpu": 16, "memory_mb": 65536, "disk_gb": 1000},
                     "(used_now)": used, "(used_max)": used, "p1": used}
    assert cloud.call("PUT", "/os-hosts/cmp-1", {"status": "disable"}).body == {"host": "cmp-1", "status": "disabled"}
    assert "cmp-1" not in [host["host_name"] for host in cloud.get("/os-hosts").body["hosts"]]
    assert cloud.call("PUT", "/os-hosts/cmp-1", {"status": "Enable"}).body["status"] == "enabled"
    for method, path, body, version, user, status in (
            ("PUT", "cmp-1", {"status": "invalid"}, "2.1", "admin:admin", 400), ("PUT", "cmp-1", {}, "2.1", BOB, 400),
            ("PUT", "cmp-1", {"maintenance_mode": "enable"}, "2.1", "admin:admin", 501),
            ("PUT", "mars", {"status": "enable"}, "2.1", "admin:admin", 404),
            ("PUT", "cmp-1", {"status": "enable"}, "2.1", BOB, 403), ("GET", "mars", None, "2.1", "admin:admin", 404),
            ("GET", "cmp-1/reboot", None, "2.1", "admin:admin", 501),
            ("GET", "mars/shutdown", None, "2.1", "admin:admin", 404), ("GET", "cmp-1/startup", None, "2.1", BOB, 403),
            ("GET", "cmp-1", None, "2.43", "admin:admin", 404), ("GET", "cmp-1", None, "2.1", BOB, 403)):
        assert cloud.call(method, f"/os-hosts/{path}", body, version, user).status == status, (method, path, status)


@pytest.mark.spec("3.12/2.33")
def test_pages_of_hypervisors(cloud):
    for version in ("2.33", "2.53"):
        page = cloud.get("/os-hypervisors?limit=2", version=version).body
        marker = page["hypervisors"][1]["id"]
        assert page["hypervisors_links"][0]["href"].endswith(f"/os-hypervisors?limit=2&marker={marker}")
        rest = cloud.get(f"/os-hypervisors?limit=2&marker={marker}", version=version).body
        assert ([item["hypervisor_hostname"] for item in rest["hypervisors"]], "hypervisors_links" in rest) == (
            ["cmp-3"], False)
        assert cloud.get("/os-hypervisors?marker=77", version=version).message == "marker [77] not found"
    shown = cloud.get("/os-hypervisors?hypervisor_hostname_pattern=cmp-2", version="2.53").body["hypervisors"]
    assert [item["hypervisor_hostname"] for item in shown] == ["cmp-2"]
    assert cloud.get("/os-hypervisors?hypervisor_hostname_pattern=x", version="2.53").status == 404


@pytest.mark.spec("3.12/2.59")
def test_migrations_are_filtered_and_paged(cloud):
    moved = []
    for dest in ("cmp-2", "cmp-3"):
        server = cloud.boot()
        cloud.resized(server, "2", dest)
        moved.append(server)
        cloud.clock.advance(1)

    def found(query, version="2.1"):
        answer = cloud.get(f"/os-migrations?{query}", version=version)
        assert answer.status == 200, answer.text
        return [row["instance_uuid"] for row in answer.body["migrations"]]

    assert found("") == moved
    assert found("", "2.59") == moved[::-1]
    assert found("host=cmp-3") == moved[1:]
    assert found("status=finished&source_compute=cmp-1") == moved
    assert found("status=error") == []
    assert found(f"instance_uuid={moved[0]}") == moved[:1]
    page = cloud.get("/os-migrations?limit=1", version="2.59").body
    url = page["migrations_links"][0]["href"].partition("?")[2]
    assert found(url, "2.59") == moved[:1]
    assert cloud.get("/os-migrations?marker=none", version="2.59").status == 400
    assert cloud.get("/os-migrations?colour=red", version="2.59").status == 400
    assert cloud.get("/os-migrations?changes-before=2026-01-01T00:00:00Z", version="2.65").status == 400
    assert found("changes-before=2026-01-01T00:00:00Z", "2.66") == []
    assert cloud.get("/os-migrations", user=BOB).status == 403


@pytest.mark.spec("3.12/2.51")
def test_events_of_an_action_by_eye_and_version(cloud):
    server = cloud.boot()
    request = cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"][0]["request_id"]
    cloud.play_event(request, server, "compute_run_instance")
    path = f"/servers/{server}/os-instance-actions/{request}"
    assert "events" not in cloud.get(path, user=BOB).body["instanceAction"]
    [event] = cloud.get(path, user=BOB, version="2.62").body["instanceAction"]["events"]
    assert (event["event"], event["result"], "traceback" in event, "host" in event) == (
        "compute_run_instance", "Success", False, False)
    [event] = cloud.get(path, version="2.84").body["instanceAction"]["events"]
    assert (event["host"], event["details"], event["traceback"]) == ("cmp-1", None, None)
    answer = cloud.get(f"/servers/{server}/os-instance-actions/req-none")
    assert (answer.status, answer.message) == (404, "Action req-none not found")


def test_quotas_and_limits(cloud):
    cloud.boot()
    assert cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"cores": "5", "force": "True"}}).body["quota_set"][
        "cores"] == 5
    limits = cloud.get("/limits", user=BOB).body["limits"]["absolute"]
    assert (limits["maxTotalCores"], limits["totalCoresUsed"], limits["totalRAMUsed"]) == (5, 1, 512)
    assert cloud.get("/limits?tenant_id=p1").body["limits"]["absolute"]["maxTotalCores"] == 5
    assert cloud.get("/limits?tenant_id=p2", user=BOB).status == 403
    detail = cloud.get("/os-quota-sets/p1/detail", user=BOB).body["quota_set"]["cores"]
    assert detail == {"limit": 5, "in_use": 1, "reserved": 0}
    assert cloud.get("/os-quota-sets/p1", user="eve:p2").status == 403
    assert cloud.get("/os-quota-sets/p1/defaults", user=BOB).body["quota_set"]["cores"] == 20
    for values in ({"cores": -2}, {"colour": 1}, {"cores": "x"}, {"ram": 1}):
        answer = cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": values})
        assert (answer.status, next(iter(values)) in answer.message) == (400, True), values
    assert cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"ram": 1, "force": True}}).status == 200
    assert cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"cores": 1}}, user=BOB).status == 403
    assert cloud.call("PUT", "/os-quota-sets/p1?user_id=bob", {"quota_set": {"cores": 6}}).status == 400
    assert cloud.call("PUT", "/os-quota-sets/p1?user_id=bob", {"quota_set": {"cores": 2}}).status == 200
    assert cloud.get("/os-quota-sets/p1?user_id=bob").body["quota_set"]["cores"] == 2
    assert cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"fixed_ips": 1}}, "2.36").status == 400
    assert cloud.call("DELETE", "/os-quota-sets/p1").status == 202
    assert cloud.get("/os-quota-sets/p1").body["quota_set"]["cores"] == 20


def test_zones_come_from_aggregates(cloud):
    def into_a_zone(tx):
        tx.execute(insert(models.aggregates).values(id=1, uuid="a" * 36, name="a", created_at=tx.now))
        tx.execute(insert(models.aggregate_hosts).values(host="cmp-2", aggregate_id=1))
        tx.execute(insert(models.aggregate_metadata).values(aggregate_id=1, key="availability_zone", value="east"))

    assert cloud.get("/os-availability-zone", user=BOB).body["availabilityZoneInfo"] == [
        {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}]
    cloud.db.write(into_a_zone)
    cloud.clock.advance(10)
    zones = cloud.get("/os-availability-zone/detail").body["availabilityZoneInfo"]
    assert [(zone["zoneName"], sorted(zone["hosts"])) for zone in zones] == [
        ("east", ["cmp-2"]), ("internal", ["ctl"]), ("nova", ["cmp-1", "cmp-3"])]
    assert zones[0]["hosts"]["cmp-2"]["nova-compute"] == {
        "active": True, "available": True, "updated_at": "2026-01-01T12:00:00.000000"}
    server = cloud.boot(host="cmp-2", availability_zone="east")
    shown = cloud.get(f"/servers/{server}", version="2.96", user=BOB).body["server"]
    assert (shown["OS-EXT-AZ:availability_zone"], shown["pinned_availability_zone"]) == ("east", "east")
    assert cloud.get("/os-availability-zone/detail", user=BOB).status == 403


def test_images_until_2_35(cloud):
    listed = cloud.get("/images", version="2.35").body["images"]
    assert [image["name"] for image in listed] == ["cirros", "big"]
    assert [image["name"] for image in cloud.get("/images/detail?name=big").body["images"]] == ["big"]
    assert len(cloud.get(f"/images?limit=1&marker={listed[0]['id']}").body["images"]) == 1
    shown = cloud.get(f"/images/{listed[1]['id']}").body["image"]
    assert (shown["status"], shown["minRam"], shown["minDisk"]) == ("ACTIVE", 1024, 10)
    assert cloud.get("/images/none").status == 404
    assert cloud.get("/images", version="2.36").status == 404
