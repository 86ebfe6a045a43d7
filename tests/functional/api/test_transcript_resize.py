"""The resize family of v2.1 as a client hears it: whole answers, on a cluster that does what it is asked for.

Each story is told at the oldest and at the newest version. What is random is checked for its form, all else for its
value; the tables at the end hold every refusal of the family with its code, name and text.
"""

import hashlib
import re

import pytest
from cluster_fixture import ADMIN, MEDIUM, SMALL, TINY, USER

from novasim import states

VERSIONS = ("2.1", "2.104")
ROOT = "http://localhost"
IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
MISSING = "00000000-0000-0000-0000-000000000000"
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MICROSECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REQUEST = re.compile("req-" + UUID.pattern)
RESERVATION = re.compile("r-[0-9a-z]{8}")
SIZES = {TINY: ("m1.tiny", 512, 1, 1), SMALL: ("m1.small", 2048, 1, 20), MEDIUM: ("m1.medium", 4096, 2, 40)}


def same(answer, expected, where="answer"):
    """See that an answer is what was expected; a pattern stands for a random text of that form."""
    if isinstance(expected, re.Pattern):
        assert isinstance(answer, str), (where, answer)
        assert expected.fullmatch(answer), (where, answer)
    elif isinstance(expected, dict):
        assert isinstance(answer, dict), (where, answer)
        assert answer.keys() == expected.keys(), (where, answer.keys() ^ expected.keys())
        for key, value in expected.items():
            same(answer[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert isinstance(answer, list), (where, answer)
        assert len(answer) == len(expected), (where, answer)
        for number, value in enumerate(expected):
            same(answer[number], value, f"{where}[{number}]")
    else:
        assert (type(answer), answer) == (type(expected), expected), where


def links(path, *more):
    return [{"rel": "self", "href": f"{ROOT}/v2.1{path}"}, {"rel": "bookmark", "href": f"{ROOT}{path}"}, *more]


def flavor(version, flavorid):
    name, ram, vcpus, disk = SIZES[flavorid]
    if version == "2.1":
        return {"id": flavorid, "links": [{"rel": "bookmark", "href": f"{ROOT}/flavors/{flavorid}"}]}
    return {"original_name": name, "ram": ram, "vcpus": vcpus, "disk": disk, "ephemeral": 0, "swap": 0,
            "extra_specs": {}}


def server(cluster, uuid, version, token, flavorid, status, vm_state, task_state, power_state=1):
    """All that GET /servers/{id} says of a server of these stories."""
    row = cluster.row(uuid)
    shown = {
        "id": uuid, "name": row.display_name, "status": status, "tenant_id": "demo", "user_id": "alice",
        "metadata": {}, "hostId": hashlib.sha224(f"demo{row.host}".encode()).hexdigest(),
        "image": {"id": IMAGE, "links": [{"rel": "bookmark", "href": f"{ROOT}/images/{IMAGE}"}]},
        "flavor": flavor(version, flavorid), "created": SECONDS, "updated": SECONDS, "addresses": {},
        "accessIPv4": "", "accessIPv6": "", "links": links(f"/servers/{uuid}"), "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": "nova", "config_drive": "", "key_name": None,
        "security_groups": [{"name": "default"}], "os-extended-volumes:volumes_attached": [],
        "OS-SRV-USG:launched_at": MICROSECONDS, "OS-SRV-USG:terminated_at": None,
        "OS-EXT-STS:vm_state": vm_state, "OS-EXT-STS:task_state": task_state, "OS-EXT-STS:power_state": power_state}
    if status in ("ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"):
        shown["progress"] = row.progress or 0
    attributes = {"host": row.host, "hypervisor_hostname": row.host, "instance_name": f"instance-{row.id:08x}"}
    if version != "2.1":
        shown |= {"locked": False, "description": None, "tags": [], "trusted_image_certificates": None,
                  "server_groups": [], "locked_reason": None, "pinned_availability_zone": None, "scheduler_hints": {},
                  "image": shown["image"] | {"properties": {}},
                  "OS-EXT-SRV-ATTR:hostname": row.display_name}
        attributes |= {"reservation_id": RESERVATION, "launch_index": 0, "kernel_id": "", "ramdisk_id": "",
                       "root_device_name": "/dev/vda", "user_data": None}
    if token == ADMIN:
        shown |= {f"OS-EXT-SRV-ATTR:{name}": value for name, value in attributes.items()}
        shown |= {"host_status": "UP"} if version != "2.1" else {}
    return shown


def check_shown(cluster, uuid, *states_and_flavor, **more):
    """By show and by detail, to its owner and to an admin, at both versions."""
    for version in VERSIONS:
        for token in (USER, ADMIN):
            expected = server(cluster, uuid, version, token, *states_and_flavor, **more)
            answer = cluster.http("GET", f"/servers/{uuid}", None, token, version)
            assert answer.headers["OpenStack-API-Version"] == f"compute {version}"
            same(answer.json, {"server": expected})
            path = "/servers/detail?all_tenants=1" if token == ADMIN else "/servers/detail"
            [one] = [one for one in cluster.get(path, token, version)["servers"] if one["id"] == uuid]
            same(one, {key: value for key, value in expected.items() if key != "server_groups"})


def act(cluster, uuid, body, version, status, token=USER):
    """An action that is taken: no body, and its headers."""
    answer = cluster.http("POST", f"/servers/{uuid}/action", body, token, version)
    assert (answer.status_int, answer.body) == (status, b""), answer.text
    assert "Content-Type" not in answer.headers
    assert REQUEST.fullmatch(answer.headers["x-compute-request-id"])
    assert answer.headers["X-OpenStack-Nova-API-Version"] == version
    assert answer.headers["Vary"] == "OpenStack-API-Version, X-OpenStack-Nova-API-Version"
    return answer.headers["x-openstack-request-id"]


def told(cluster, uuid, body, version, until, status=202, token=USER):
    mark = cluster.watch.mark()
    request = act(cluster, uuid, body, version, status, token)
    cluster.watch.wait(until, mark, instance_uuid=uuid)
    return request


def migration(cluster, uuid, version, status, kind, old, new, source, destination):
    """One of GET /os-migrations; who asked for it is not told before 2.80."""
    row = cluster.move(uuid)
    shown = {"id": row.id, "instance_uuid": uuid, "source_compute": source, "source_node": source,
             "dest_compute": destination, "dest_node": destination, "dest_host": row.dest_host, "status": status,
             "old_instance_type_id": int(old), "new_instance_type_id": int(new), "created_at": MICROSECONDS,
             "updated_at": MICROSECONDS}
    later = {"migration_type": kind, "uuid": UUID, "user_id": row.user_id, "project_id": row.project_id}
    return shown if version == "2.1" else shown | later


def check_migration(cluster, uuid, *told_of_it):
    assert isinstance(cluster.move(uuid).dest_host, str)
    for version in VERSIONS:
        same(cluster.get(f"/os-migrations?instance_uuid={uuid}", ADMIN, version), {"migrations": [
            migration(cluster, uuid, version, *told_of_it)]})
    # Below the server there are live migrations only.
    assert cluster.get(f"/servers/{uuid}/migrations", ADMIN, "2.96") == {"migrations": []}
    answer = cluster.http("GET", f"/servers/{uuid}/migrations/{cluster.move(uuid).id}", None, ADMIN, "2.96")
    assert (answer.status_int, answer.json) == (404, {"itemNotFound": {"code": 404, "message": (
        f"Migration {cluster.move(uuid).id} for server {uuid} is not live-migration.")}})


@pytest.mark.spec("3.3/flavor-ref-type", "3.4/confirm-success")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("stopped", [False, True])
def test_resize_and_confirm(cluster, version, stopped):
    uuid = cluster.boot(TINY)
    rest = (("ACTIVE", "active", None), {}) if not stopped else (("SHUTOFF", "stopped", None), {"power_state": 4})
    if stopped:
        told(cluster, uuid, {"os-stop": None}, version, "compute_stop_instance")
    check_shown(cluster, uuid, TINY, *rest[0], **rest[1])
    source = cluster.row(uuid).host
    resize = told(cluster, uuid, {"resize": {"flavorRef": MEDIUM}}, version, "waiting for confirm or revert")
    destination = cluster.row(uuid).host
    assert destination != source
    check_shown(cluster, uuid, MEDIUM, "VERIFY_RESIZE", "resized", None, **rest[1])
    check_migration(cluster, uuid, "finished", "resize", TINY, MEDIUM, source, destination)
    confirm = told(cluster, uuid, {"confirmResize": None}, version, "confirmed", 204)
    check_shown(cluster, uuid, MEDIUM, *rest[0], **rest[1])
    check_migration(cluster, uuid, "confirmed", "resize", TINY, MEDIUM, source, destination)
    check_actions(cluster, uuid, [("confirmResize", confirm, ["compute_confirm_resize"], source), (
        "resize", resize, ["conductor_migrate_server", "cold_migrate", "compute_prep_resize", "compute_resize_instance",
                           "compute_finish_resize"], destination)])


@pytest.mark.spec("3.4/revert-success")
@pytest.mark.parametrize("version", VERSIONS)
def test_resize_and_revert(cluster, version):
    uuid = cluster.boot(MEDIUM)
    source = cluster.row(uuid).host
    body = {"resize": {"flavorRef": int(SMALL), "OS-DCF:diskConfig": "MANUAL"}}
    told(cluster, uuid, body, version, "waiting for confirm or revert")
    destination = cluster.row(uuid).host
    check_shown(cluster, uuid, SMALL, "VERIFY_RESIZE", "resized", None)
    revert = told(cluster, uuid, {"revertResize": None}, version, "reverted")
    assert cluster.row(uuid).host == source
    check_shown(cluster, uuid, MEDIUM, "ACTIVE", "active", None)
    check_migration(cluster, uuid, "reverted", "resize", MEDIUM, SMALL, source, destination)
    check_actions(cluster, uuid, [("revertResize", revert, ["compute_revert_resize", "compute_finish_revert_resize"],
                                   source)])


@pytest.mark.spec("3.4/migrate-success", "3.4/migrate-host", "3.12/2.56")
@pytest.mark.parametrize(("version", "content"), [
    ("2.1", None), ("2.96", None), ("2.96", {}), ("2.96", {"host": None}), ("2.96", {"host": "named"})])
def test_migrate(cluster, version, content):
    uuid = cluster.boot(TINY)
    source = cluster.row(uuid).host
    named = next(host for host in ("cmp-0001", "cmp-0002", "cmp-0003") if host != source)
    content = {"host": named} if content == {"host": "named"} else content
    migrate = told(cluster, uuid, {"migrate": content}, version, "waiting for confirm or revert", token=ADMIN)
    destination = cluster.row(uuid).host
    assert destination == named if content and content["host"] else destination != source
    check_shown(cluster, uuid, TINY, "VERIFY_RESIZE", "resized", None)
    check_migration(cluster, uuid, "finished", "migration", TINY, TINY, source, destination)
    [shown, _] = cluster.get(f"/servers/{uuid}/os-instance-actions", ADMIN)["instanceActions"]
    same(shown, {"action": "migrate", "instance_uuid": uuid, "request_id": migrate, "user_id": "admin",
                 "project_id": "admin", "start_time": MICROSECONDS, "message": None})


def check_actions(cluster, uuid, newest):
    """The newest actions of a server, newest first: (action, request, events, host of the last event)."""
    for version in VERSIONS:
        more = {"updated_at": MICROSECONDS} if version != "2.1" else {}
        listed = cluster.get(f"/servers/{uuid}/os-instance-actions", USER, version)["instanceActions"]
        for shown, (action, request, events, host) in zip(listed, newest, strict=False):
            row = {"action": action, "instance_uuid": uuid, "request_id": request, "user_id": "alice",
                   "project_id": "demo", "start_time": MICROSECONDS, "message": None} | more
            same(shown, row)
            for token in (USER, ADMIN):
                path = f"/servers/{uuid}/os-instance-actions/{request}"
                told_of_it = cluster.get(path, token, version)["instanceAction"]
                found = told_of_it.pop("events", None)
                same(told_of_it, row)
                if version == "2.1" and token == USER:
                    assert found is None
                    continue
                assert {event["event"] for event in found} >= set(events)
                [last] = [event for event in found if event["event"] == events[-1]]
                same(last, event(version, token, events[-1], host))


def event(version, token, name, host):
    shown = {"event": name, "start_time": MICROSECONDS, "finish_time": MICROSECONDS, "result": "Success"}
    if token == ADMIN:
        shown["traceback"] = None
    if version != "2.1":
        shown["hostId"] = hashlib.sha224(f"demo{host}".encode()).hexdigest()
        shown |= {"host": host, "details": None} if token == ADMIN else {}
    return shown


# --- what is refused ------------------------------------------------------------------------------------------------

NAMES = {400: "badRequest", 403: "forbidden", 404: "itemNotFound", 409: "conflictingRequest"}
SCHEMA = "Invalid input for field/attribute {}. Value: {}. {}"
NOT_BOTH = "Additional properties are not allowed ('{}' was unexpected)"
# Body, answer's code and text; at both versions.
BODIES = [
    ({"resize": {}}, 400, SCHEMA.format("resize", {}, "'flavorRef' is a required property")),
    ({"resize": None}, 400, SCHEMA.format("resize", None, "None is not of type 'object'")),
    ({"resize": {"flavorRef": ""}}, 400, SCHEMA.format("flavorRef", "", "'' is too short")),
    ({"resize": {"flavorRef": None}}, 400, SCHEMA.format("flavorRef", None,
                                                         "None is not of type 'string', 'integer'")),
    ({"resize": {"flavorRef": "2", "x": 1}}, 400, SCHEMA.format("resize", {"flavorRef": "2", "x": 1},
                                                                NOT_BOTH.format("x"))),
    ({"resize": {"flavorRef": "2", "OS-DCF:diskConfig": "auto"}}, 400,
     SCHEMA.format("OS-DCF:diskConfig", "auto", "'auto' is not one of ['AUTO', 'MANUAL']")),
    ({"resize": {"flavorRef": "2"}, "x": 1}, 400, "Malformed request body"), ({}, 400, "Malformed request body"),
    ({"confirmResize": None, "x": 1}, 400, "Malformed request body"),
    ({"resized": {"flavorRef": "2"}}, 400, "There is no such action: resized"),
    ({"resize": {"flavorRef": "nowhere"}}, 400, "Flavor nowhere could not be found."),
    ({"resize": {"flavorRef": 99}}, 400, "Flavor 99 could not be found."),
    ({"resize": {"flavorRef": "1"}}, 400, "When resizing, instances must change flavor!"),
    ({"resize": {"flavorRef": "zero"}}, 400,
     "Server disk was unable to be resized because: Resize to zero disk flavor is not allowed."),
    ({"resize": {"flavorRef": "off"}}, 400, "Flavor off could not be found."),
    ({"confirmResize": None}, 409, "Cannot 'confirmResize' instance {id} while it is in vm_state active"),
    ({"revertResize": None}, 409, "Cannot 'revertResize' instance {id} while it is in vm_state active"),
    ({"os-start": None}, 409, "Cannot 'start' instance {id} while it is in vm_state active"),
    ({"migrate": None}, 403, "Policy doesn't allow os_compute_api:os-migrate-server:migrate to be performed."),
    ({"os-resetState": {"state": "error"}}, 403,
     "Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed."),
    ({"os-resetState": {"state": "on"}}, 400,
     SCHEMA.format("state", "on", "'on' is not one of ['active', 'error']")),
]


def check_refused(answer, code, text, version):
    assert (answer.status, answer.body) == (code, {NAMES[code]: {"code": code, "message": text}})
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["OpenStack-API-Version"] == f"compute {version}"
    assert REQUEST.fullmatch(answer.headers["x-compute-request-id"])


@pytest.mark.spec("3.2/3", "3.3/missing-flavor-ref", "3.3/empty-flavor-ref", "3.3/flavor-ref-type", "3.3/unknown-keys",
                  "3.3/disk-config", "3.3/flavor-not-found", "3.3/same-flavor", "3.3/zero-disk",
                  "3.4/confirm-locked-or-state", "3.4/revert-locked-or-state", "3.4/migrate-policy")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("body", "code", "text"), BODIES)
def test_a_request_that_is_refused(cloud, version, body, code, text):
    uuid = cloud.boot()
    answer = cloud.call("POST", f"/servers/{uuid}/action", body, version, "bob:p1")
    check_refused(answer, code, text.format(id=uuid) if "{id}" in text else text, version)
    assert cloud.row(uuid).task_state is None
    assert not cloud.conductor.sent


# What the server is, action and content, answer's code and text; of an admin.
STATES = [
    ({"vm_state": states.PAUSED}, "resize", {"flavorRef": "x"}, 409,
     "Cannot 'resize' instance {id} while it is in vm_state paused"),
    ({"task_state": states.RESIZE_PREP}, "resize", {"flavorRef": "2"}, 409,
     "Cannot 'resize' instance {id} while it is in task_state resize_prep"),
    ({"vm_state": states.ERROR}, "migrate", None, 409, "Cannot 'migrate' instance {id} while it is in vm_state error"),
    ({"vm_state": states.RESIZED, "task_state": states.RESIZE_REVERTING}, "revertResize", None, 409,
     "Cannot 'revertResize' instance {id} while it is in task_state resize_reverting"),
    ({"vm_state": states.RESIZED}, "confirmResize", None, 400, "Instance has not been resized."),
    ({"vm_state": states.RESIZED}, "revertResize", None, 400, "Instance has not been resized."),
    ({"launched_at": None}, "resize", {"flavorRef": "2"}, 409, "Instance {id} is in an invalid state for 'resize'"),
    ({"host": None}, "resize", {"flavorRef": "2"}, 409, "Instance {id} is not ready"),
    ({"host": None}, "migrate", None, 409, "Instance {id} is not ready"),
]


@pytest.mark.spec("3.3/bad-state", "3.3/not-ready", "3.2/9", "3.4/confirm-no-migration", "3.4/revert-no-migration",
                  "3.4/migrate-bad-state")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("state", "action", "content", "code", "text"), STATES)
def test_a_server_that_refuses(cloud, version, state, action, content, code, text):
    uuid = cloud.boot()
    cloud.set(uuid, **state)
    check_refused(cloud.act(uuid, action, content, version=version), code, text.format(id=uuid), version)


@pytest.mark.spec("3.3/locked", "3.2/7", "3.2/4", "3.3/instance-missing")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("action", "content"), [
    ("resize", {"flavorRef": "2"}), ("confirmResize", None), ("revertResize", None), ("os-stop", None)])
def test_a_server_that_is_locked_or_is_not_there(cloud, version, action, content):
    uuid = cloud.boot()
    assert cloud.act(uuid, "lock", version=version, user="bob:p1").status == 202
    check_refused(cloud.act(uuid, action, content, version=version, user="bob:p1"), 409,
                  f"Instance {uuid} is locked", version)
    for missing, user in ((MISSING, "bob:p1"), (uuid, "eve:p2")):
        check_refused(cloud.act(missing, action, content, version=version, user=user), 404,
                      f"Instance {missing} could not be found.", version)


@pytest.mark.spec("3.4/migrate-host")
@pytest.mark.parametrize(("version", "host", "code", "text"), [
    ("2.56", "nowhere", 400, "Compute host nowhere could not be found."),
    ("2.96", "nowhere", 400, "Compute host nowhere could not be found."),
    ("2.96", "cmp-1", 400, "Cannot migrate to the host where the server exists."),
    ("2.96", "", 400, SCHEMA.format("host", "", "'' is too short")),
    ("2.96", 5, 400, SCHEMA.format("host", 5, "5 is not of type 'string', 'null'")),
    ("2.96", "a b", 400, None)])
def test_a_host_that_cannot_be_had(cloud, version, host, code, text):
    answer = cloud.act(cloud.boot(), "migrate", {"host": host}, version=version)
    text = text or SCHEMA.format("host", host, f"{host!r} does not match '^[a-zA-Z0-9\\\\-._@]*$'")
    check_refused(answer, code, text, version)


@pytest.mark.spec("3.3/over-quota", "S7")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_quota_that_is_used_up(cloud, version):
    uuid = cloud.boot()
    cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"cores": 1, "ram": 512}})
    text = "Quota exceeded for cores, ram: Requested 1, 3584, but already used 1, 512 of 1, 512 cores, ram"
    check_refused(cloud.act(uuid, "resize", {"flavorRef": "3"}, version=version), 403, text, version)
