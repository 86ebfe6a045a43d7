"""What a microversion changes, asked for just below it and at it."""

from datetime import timedelta

import pytest

from novasim import states
from novasim.db import actions, hosts

BOB = "bob:p1"


@pytest.mark.spec("3.12/2.38")
@pytest.mark.parametrize("user", [BOB, "admin:p1"])
def test_an_unknown_status(cloud, user):
    server = cloud.boot()
    for path in ("/servers", "/servers/detail"):
        answer = cloud.get(f"{path}?status=foo", version="2.37", user=user)
        assert (answer.status, answer.body) == (200, {"servers": []})
        answer = cloud.get(f"{path}?status=foo", version="2.38", user=user)
        assert (answer.status, answer.body) == (400, {"badRequest": {
            "code": 400, "message": "Invalid status value: foo"}})
        for version in ("2.37", "2.38", "2.96"):
            for status, found in (("active", [server]), ("ERROR", [])):
                answer = cloud.get(f"{path}?status={status}", version=version, user=user)
                assert [one["id"] for one in answer.body["servers"]] == found


NETWORKS = {"fixed_ips", "floating_ips", "security_groups", "security_group_rules"}
GROUPS = {"server_groups", "server_group_members"}


@pytest.mark.spec("3.12/2.50")
def test_the_resources_of_a_quota_class(cloud):
    path = "/os-quota-class-sets/default"
    before, after = (cloud.get(path, version=version).body["quota_class_set"].keys() for version in ("2.49", "2.50"))
    assert (before - after, after - before) == (NETWORKS, GROUPS)
    for name in sorted(NETWORKS | GROUPS):
        for version, known in (("2.49", name in NETWORKS), ("2.50", name in GROUPS)):
            answer = cloud.call("PUT", path, {"quota_class_set": {name: 3}}, version)
            assert answer.status == (200 if known else 400), (name, version, answer.text)
            if known:
                assert answer.body["quota_class_set"].keys() == (before if version == "2.49" else after) - {"id"}
            else:
                assert f"Additional properties are not allowed ({name!r} was unexpected)" in answer.message


def test_tags_in_a_create(cloud):
    """They are taken from 2.52 on."""
    def create(version, tags):
        return cloud.call("POST", "/servers", {"server": {
            "name": "vm", "flavorRef": "1", "imageRef": cloud.image, "networks": "none", "tags": tags}}, version, BOB)

    assert "Additional properties are not allowed ('tags' was unexpected)" in create("2.51", []).message
    assert create("2.52", []).status == 202
    tagged = create("2.52", ["web"])
    assert tagged.status == 202
    path = f"/servers/{tagged.body['server']['id']}/tags"
    assert cloud.call("GET", path, None, "2.52", BOB).body == {"tags": ["web"]}
    for tags in (["a,b"], [""], ["x" * 61], ["t"] * 51, "web"):
        assert create("2.52", tags).message.startswith("Invalid input for field/attribute tags")


@pytest.fixture
def two_days(cloud):
    """One server of the first of January and one of the third: each was created and moved in its day."""
    found = []
    for _ in range(2):
        cloud.db.write(hosts.heartbeat, ["cmp-1", "cmp-2", "cmp-3"], "nova-compute")
        server = cloud.boot()
        cloud.resized(server)
        found.append(server)
        cloud.clock.advance(timedelta(days=2).total_seconds())
    return found


@pytest.mark.spec("3.12/2.66")
def test_what_changed_before(cloud, two_days):
    first, second = two_days
    between = "2026-01-02T00:00:00Z"

    def ids(path, key, version="2.66"):
        answer = cloud.get(path, version=version, user="admin:p1")
        assert answer.status == 200, answer.text
        [listed] = (value for name, value in answer.body.items() if not name.endswith("links"))
        return sorted(one[key] for one in listed)

    for path, key in (("/servers", "id"), ("/servers/detail", "id"), ("/os-migrations", "instance_uuid")):
        assert ids(f"{path}?changes-before={between}", key) == [first]
        assert ids(f"{path}?changes-since={between}", key) == [second]
        assert ids(f"{path}?changes-since=2026-01-01T00:00:00Z&changes-before={between}", key) == [first]
        assert ids(f"{path}?changes-before=2027-01-01T00:00:00Z", key) == sorted(two_days)
    done = f"/servers/{second}/os-instance-actions"
    assert ids(f"{done}?changes-before={between}", "action") == []
    assert ids(f"{done}?changes-before=2027-01-01T00:00:00Z", "action") == ["create", "resize"]
    # Below it there is none: a list that knows its parameters says so, the others go on as if it was not there.
    assert ids(f"/servers?changes-before={between}", "id", "2.65") == sorted(two_days)
    for path in ("/os-migrations", done):
        answer = cloud.get(f"{path}?changes-before={between}", version="2.65")
        assert (answer.status, answer.message) == (
            400, "Additional properties are not allowed ('changes-before' was unexpected)")
    for path in ("/servers", "/servers/detail", "/os-migrations", done):
        answer = cloud.get(f"{path}?changes-since={between}&changes-before=2026-01-01T00:00:00Z", version="2.66")
        assert (answer.status, answer.message) == (
            400, "The value of changes-since must be less than or equal to changes-before.")
        answer = cloud.get(f"{path}?changes-before=yesterday", version="2.66")
        assert (answer.status, answer.message) == (400, "Invalid input for query parameters changes-before. Value: "
                                                        "yesterday. 'yesterday' is not a 'date-time'")


@pytest.mark.spec("3.12/2.75")
@pytest.mark.parametrize("path", [
    "/servers", "/servers/detail", "/flavors", "/flavors/detail", "/os-services", "/os-server-groups", "/limits",
    "/os-quota-sets/p1", "/os-quota-sets/p1/detail"])
def test_an_unknown_parameter(cloud, path):
    assert cloud.get(f"{path}?colour=red", version="2.74").status == 200
    answer = cloud.get(f"{path}?colour=red", version="2.75")
    assert (answer.status, answer.body) == (400, {"badRequest": {
        "code": 400, "message": "Additional properties are not allowed ('colour' was unexpected)"}})


@pytest.mark.spec("3.12/2.75")
def test_no_swap_and_no_servers_are_shown_as_such(cloud):
    for path in ("/flavors/1", "/flavors/detail"):
        for version, swap in (("2.74", ""), ("2.75", 0)):
            body = cloud.get(path, version=version).body
            assert body.get("flavor", body.get("flavors", [None])[0])["swap"] == swap
    for path in ("/os-hypervisors?with_servers=1", "/os-hypervisors/detail?with_servers=1"):
        for version, shown in (("2.74", None), ("2.75", [])):
            assert cloud.get(path, version=version).body["hypervisors"][0].get("servers") == shown


@pytest.mark.spec("3.12/2.75")
@pytest.mark.parametrize("user", [BOB, "admin:p1"])
def test_a_server_is_shown_alike_by_show_update_and_rebuild(cloud, user):
    server = cloud.boot()
    for version, alike in (("2.74", False), ("2.75", True), ("2.96", True)):
        shown = cloud.get(f"/servers/{server}", version=version, user=user).body["server"]
        updated = cloud.call("PUT", f"/servers/{server}", {"server": {"name": "b"}}, version, user).body["server"]
        assert (updated.keys() == shown.keys()) is alike
        answer = cloud.act(cloud.boot(), "rebuild", {"imageRef": cloud.image}, version=version, user=user)
        rebuilt = answer.body["server"].keys() - {"adminPass", "user_data"}
        assert (rebuilt == shown.keys() - {"OS-EXT-SRV-ATTR:user_data"}) is alike


def test_parameters_of_hypervisors_are_known_from_2_53_on(cloud):
    for version, status in (("2.33", 200), ("2.52", 200), ("2.53", 400)):
        assert cloud.get("/os-hypervisors?colour=red", version=version).status == status


@pytest.mark.spec("3.12/2.84", "3.12/2.62")
def test_why_an_event_failed(cloud):
    """The text is what a user would read as the fault; it is for admins, as the traceback is."""
    server = cloud.boot()
    [row] = cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    cloud.db.write(actions.start_event, row["request_id"], server, "compute_prep_resize", "cmp-1")
    cloud.db.write(actions.finish_event, row["request_id"], server, "compute_prep_resize",
                   traceback="Traceback ...", details="no room")
    path = f"/servers/{server}/os-instance-actions/{row['request_id']}"

    def event(version, user):
        [event] = cloud.get(path, version=version, user=user).body["instanceAction"]["events"]
        return event

    assert "details" not in event("2.83", "admin:admin")
    shown = event("2.84", "admin:admin")
    assert (shown["result"], shown["details"], shown["host"]) == ("Error", "no room", "cmp-1")
    assert event("2.84", BOB).keys() == {"event", "start_time", "finish_time", "result", "hostId"}


GOOD = {
    "hw:cpu_policy": "dedicated", "hw:numa_nodes": "2", "hw:numa_cpus.0": "0-3,^2", "hw:numa_mem.1": "512",
    "hw:mem_page_size": "large", "hw:boot_menu": "True", "hw:max_cpu_sockets": "4", "hw_rng:allowed": "true",
    "hw_video:ram_max_mb": "0", "os:secure_boot": "required", "quota:cpu_quota": "-1",
    "quota:disk_write_iops_sec": "100", "quota:vif_inbound_average": "1", "resources:VCPU": "2",
    "resources1:CUSTOM_BAREMETAL": "1", "trait:HW_CPU_X86_AVX": "required", "trait_NIC:CUSTOM_A": "forbidden",
    "pci_passthrough:alias": "gpu:1,nic:2", "capabilities:hypervisor_type": "s== QEMU",
    "aggregate_instance_extra_specs:ssd": "true", "accel:device_profile": "p"}
BAD = {
    "hw:cpu_policy": "mine", "hw:numa_nodes": "0", "hw:numa_cpus.0": "all", "hw:mem_page_size": "huge",
    "hw:boot_menu": "maybe", "hw_rng:allowed": "", "os:secure_boot": "yes", "quota:cpu_shares": "many",
    "resources:VCPU": "-1", "trait:HW_CPU_X86_AVX": "preferred", "pci_passthrough:alias": "gpu"}
UNKNOWN = ("hw:cpu_polciy", "hw:numa_cpus.x", "hw_rng:x", "os:distro", "quota:cpu", "resources:vcpu", "resources:",
           "trait1:x", "aggregate_instance_extra_specs:")


@pytest.mark.spec("3.12/2.86")
def test_extra_specs_that_are_known(cloud):
    base = "/flavors/1/os-extra_specs"
    own = {"colour": "red", "mine:x": "y", "resource:x": "y", "tray:x": "y"}
    assert cloud.call("POST", base, {"extra_specs": GOOD | own}, "2.86").body == {"extra_specs": GOOD | own}
    wrong = [(name, value, f"Validation failed; extra spec {name!r} cannot have the value {value!r}.")
             for name, value in BAD.items()]
    wrong += [(name, "1", f"Validation failed; extra spec {name!r} does not appear to be a valid extra spec.")
              for name in UNKNOWN]
    for name, value, message in wrong:
        for answer in (cloud.call("POST", base, {"extra_specs": {"hw:cpu_policy": "shared", name: value}}, "2.86"),
                       cloud.call("PUT", f"{base}/{name}", {name: value}, "2.86")):
            assert (answer.status, answer.body) == (400, {"badRequest": {"code": 400, "message": message}})
    assert cloud.get(base).body == {"extra_specs": GOOD | own}
    for name, value, _ in wrong:
        assert cloud.call("POST", base, {"extra_specs": {name: value}}, "2.85").status == 200
        assert cloud.call("PUT", f"{base}/{name}", {name: value}, "2.85").status == 200


@pytest.mark.spec("3.12/2.69")
def test_a_host_that_is_down_hides_nothing(cloud):
    """2.69 shows less of what lies in a cell that is down; what is read here lies in one place, and is whole."""
    server = cloud.boot()
    cloud.set(server, vm_state=states.ERROR)
    cloud.clock.advance(3600)
    for path in (f"/servers/{server}", "/servers/detail", "/servers", "/os-services"):
        below, at = (cloud.get(path, version=version, user="admin:p1").body for version in ("2.68", "2.69"))
        assert below == at
    assert {one["state"] for one in at["services"]} == {"down"}
