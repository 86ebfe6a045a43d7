"""Projects do not reach each other, and readers change nothing, over every route that there is.

One world, in which project1 has one of each thing; then everything is asked that the table of routes has, by whoever
should be refused. What the tables of the database hold is compared before and after, and no message may go out.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from identity_door import Door
from two_projects import KEY, OWN_IMAGE, VOLUME, World

from novasim.api import gone
from novasim.api.microversion import Ranged
from novasim.api.routes import ROUTES
from novasim.api.server_actions import ACTIONS
from novasim.db import simulated_hosts

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
# A valid body of each action; the others say nothing.
ACTION_BODIES: dict[str, Any] = {
    "resize": {"flavorRef": "2"}, "os-migrateLive": {"host": None, "block_migration": "auto"}, "evacuate": {},
    "reboot": {"type": "SOFT"}, "changePassword": {"adminPass": "x"}, "rebuild": {"imageRef": IMAGE},
    "createImage": {"name": "i"}, "createBackup": {"name": "b", "backup_type": "daily", "rotation": 1},
    "os-resetState": {"state": "error"}, "addFixedIp": {"networkId": VOLUME},
    "removeFixedIp": {"address": "10.0.0.9"}, "addSecurityGroup": {"name": "default"},
    "removeSecurityGroup": {"name": "default"}, "os-getConsoleOutput": {"length": 3},
    "os-getVNCConsole": {"type": "novnc"}, "os-getSPICEConsole": {"type": "spice-html5"},
    "addFloatingIp": {"address": "172.24.4.7"}, "removeFloatingIp": {"address": "172.24.4.7"},
    "os-getRDPConsole": {"type": "rdp-html5"}, "os-getSerialConsole": {"type": "serial"}}
# From 2.53 on it is another request.
SERVICE_BY_ID = ("PUT", "/os-services/{service_id}", {"status": "disabled"})
ATTACHMENT = {"volumeAttachment": {"volumeId": VOLUME}}
META, ONE_META = {"metadata": {"k": "v"}}, {"meta": {"k": "v"}}
# Valid bodies of each request that has one: what is refused is refused for who asks, not for what is wrong.
BODIES: dict[tuple[str, str], list[Any]] = {
    ("POST", "/flavors"): [{"flavor": {"name": "f", "ram": 1, "vcpus": 1, "disk": 1}}],
    ("PUT", "/flavors/{flavor_id}"): [{"flavor": {"description": "d"}}],
    ("POST", "/flavors/{flavor_id}/action"): [{"addTenantAccess": {"tenant": "t"}},
                                              {"removeTenantAccess": {"tenant": "t"}}],
    ("POST", "/flavors/{flavor_id}/os-extra_specs"): [{"extra_specs": {"k": "v"}}],
    ("PUT", "/flavors/{flavor_id}/os-extra_specs/{key}"): [{"k": "v"}],
    ("POST", "/images/{image_id}/metadata"): [META], ("PUT", "/images/{image_id}/metadata"): [META],
    ("PUT", "/images/{image_id}/metadata/{key}"): [ONE_META],
    ("POST", "/os-aggregates"): [{"aggregate": {"name": "a"}}],
    ("PUT", "/os-aggregates/{aggregate_id}"): [{"aggregate": {"name": "b"}}],
    ("POST", "/os-aggregates/{aggregate_id}/action"): [
        {"add_host": {"host": "cmp-1"}}, {"remove_host": {"host": "cmp-1"}}, {"set_metadata": META}],
    ("POST", "/os-aggregates/{aggregate_id}/images"): [{"cache": [{"id": IMAGE}]}],
    ("PUT", "/os-hosts/{host_name}"): [{"status": "enable"}],
    ("POST", "/os-keypairs"): [{"keypair": {"name": "key", "public_key": KEY}}],
    ("PUT", "/os-quota-class-sets/{class_name}"): [{"quota_class_set": {"cores": 5}}],
    ("PUT", "/os-quota-sets/{project_id}"): [{"quota_set": {"cores": 5}}],
    ("POST", "/os-simulator/faults"): [{"fault": {"at": "rpc.send", "do": "drop"}}],
    ("POST", "/os-simulator/hosts"): [{"scale": {"count": 4}}],
    ("POST", "/os-simulator/hosts/action"): [{name: {"hosts": ["cmp-1"]}} for name in simulated_hosts.ACTIONS],
    ("POST", "/os-server-external-events"): [{"events": [{"name": "network-changed", "server_uuid": VOLUME}]}],
    ("POST", "/os-assisted-volume-snapshots"): [{"snapshot": {
        "volume_id": VOLUME, "create_info": {"snapshot_id": VOLUME, "type": "qcow2", "new_file": "f"}}}],
    ("POST", "/os-floating-ips"): [{"pool": "public"}],
    ("POST", "/os-security-groups"): [{"security_group": {"name": "g", "description": "d"}}],
    ("PUT", "/os-security-groups/{security_group_id}"): [{"security_group": {"name": "h", "description": "d"}}],
    ("POST", "/os-security-group-rules"): [{"security_group_rule": {
        "parent_group_id": VOLUME, "ip_protocol": "tcp", "from_port": 1, "to_port": 2}}],
    ("POST", "/os-server-groups"): [{"server_group": {"name": "g", "policies": ["affinity"]}}],
    ("PUT", "/os-services/{service_id}"): [{"host": "cmp-1", "binary": "nova-compute"}],
    **dict.fromkeys((("POST", "/servers"), ("POST", "/os-volumes_boot")), [
        {"server": {"name": "s", "flavorRef": "1", "imageRef": IMAGE, "networks": "none"}}]),
    ("PUT", "/servers/{server_id}"): [{"server": {"name": "n"}}],
    ("POST", "/servers/{server_id}/action"): [{name: ACTION_BODIES.get(name)} for name in ACTIONS],
    ("POST", "/servers/{server_id}/metadata"): [META], ("PUT", "/servers/{server_id}/metadata"): [META],
    ("PUT", "/servers/{server_id}/metadata/{key}"): [ONE_META],
    ("POST", "/servers/{server_id}/migrations/{migration_id}/action"): [{"force_complete": None}],
    ("POST", "/servers/{server_id}/remote-consoles"): [{"remote_console": {"protocol": "vnc", "type": "novnc"}}],
    ("POST", "/servers/{server_id}/os-interface"): [{"interfaceAttachment": {"net_id": VOLUME}}],
    ("POST", "/servers/{server_id}/os-volume_attachments"): [ATTACHMENT],
    ("PUT", "/servers/{server_id}/tags"): [{"tags": ["a"]}], ("PUT", "/servers/{server_id}/tags/{tag}"): [None],
    ("POST", "/servers/{server_id}/shares"): [{"share": {"share_id": VOLUME}}],
    ("PUT", "/servers/{server_id}/os-volume_attachments/{volume_id}"): [ATTACHMENT],
}
# Names in paths whose thing belongs to project1 in this world.
OWNED = ("server_id", "server_group_id", "image_id", "flavor_id", "project_id", "security_group_id", "floating_ip_id")
# Says nothing of the project that it names.
HARMLESS = {("GET", "/os-quota-sets/{project_id}/defaults")}


def requests() -> list[tuple[str, str, Any, str]]:
    """(method, path, body, version) of every request that the table has; in ranges, at both ends."""
    found = []
    for path, methods in ROUTES.items():
        for method, entry in methods.items():
            plain = not isinstance(entry, tuple)
            if gone.is_refusal(getattr(entry, "handler", entry)):
                # It says the same to everybody.
                continue
            ranges = [Ranged(entry, 37, 37)] if plain else [entry] if isinstance(entry, Ranged) else entry
            for version in sorted({end for one in ranges for end in (one.since, one.until)}):
                by_id = (method, path) == SERVICE_BY_ID[:2] and version >= 53
                bodies = [SERVICE_BY_ID[2]] if by_id else BODIES.get((method, path), [None])
                found += [(method, path, body, f"2.{_version(path, body, version)}") for body in bodies]
    return found


def _version(path: str, body: Any, version: int) -> int:
    """One that has the request, which for an action may be another than the URL's."""
    if path != "/servers/{server_id}/action":
        return version
    action = ACTIONS[next(iter(body))]
    return max(action.since, min(version, action.until))


@pytest.fixture
def world(make_cloud: Any) -> World:
    return World(Door(make_cloud))


def refusals(world: World, token: str, asked: list[tuple[str, str, Any, str]], fine: tuple[int, ...]) -> dict[str, str]:
    """What was not refused, or not without a trace."""
    found, before = {}, world.holds()
    world.cloud.conductor.sent.clear()
    for method, path, body, version in asked:
        answer = world.call(method, path, body, token, version)
        if answer.status not in fine or world.tells(answer):
            found[f"{method} {path} {body} {version}"] = f"{answer.status} {answer.text[:200]}"
    after = world.holds()
    assert {name for name in before if before[name] != after[name]} == set()
    assert world.cloud.conductor.sent + world.cloud.compute.sent == []
    return found


def test_every_request_has_a_body():
    """A new route is asked here too, and so is a new action."""
    written = {(method, path) for method, path, _, _ in requests() if method in ("POST", "PUT", "PATCH")}
    assert written == BODIES.keys()


def test_the_owner_is_understood(world):
    """The bodies are good: what is refused below is so for who asks."""
    bad = {}
    for method, path, body, version in requests():
        if method in ("POST", "PUT") and "server_id" in path:
            answer = world.call(method, path, body, world.admin, version)
            if answer.status == 400 and "Invalid input" in answer.text:
                bad[path, str(body)] = answer.text
    assert bad == {}


def test_a_reader_changes_nothing(world):
    asked = [request for request in requests() if request[0] != "GET"]
    assert refusals(world, world.door.token("reader1"), asked, (403,)) == {}, "nor is it for want of the thing"
    assert world.call("GET", "/servers/{server_id}", None, world.door.token("reader1")).status == 200


def test_a_member_of_another_project_reaches_nothing(world):
    asked = [request for request in requests() if any(f"{{{name}}}" in request[1] for name in OWNED)
             and request[:2] not in HARMLESS]
    assert len(asked) > 70
    for stranger in ("member2", "manager2", "reader2"):
        assert refusals(world, world.door.token(stranger), asked, (403, 404)) == {}


QUERIES = [
    "/servers/detail?all_tenants=1", "/servers?all_tenants=True", "/servers/detail?project_id={project_id}",
    "/servers/detail?tenant_id={project_id}&all_tenants=1", "/servers?name=hidden", "/servers?marker={server_id}",
    "/servers/detail?deleted=True", "/limits?tenant_id={project_id}", "/os-server-groups?all_projects=1",
    "/os-migrations?project_id={project_id}", "/os-migrations?instance_uuid={server_id}",
    "/flavors/detail?is_public=None", "/flavors/detail?is_public=False", "/images/detail?server={server_id}",
    "/images?marker={image_id}", "/os-simulator/journal?request_id={request_id}",
    "/os-simple-tenant-usage/{project_id}?start=2020-01-01T00:00:00", "/os-simple-tenant-usage?detailed=1",
    "/os-quota-sets/{project_id}?user_id=x"]


@pytest.mark.parametrize("stranger", ["member2", "reader2"])
def test_lists_of_another_project_say_nothing(world, stranger):
    token = world.door.token(stranger)
    asked = [("GET", path, None, version) for method, path, _, version in requests()
             if method == "GET" and not any(f"{{{name}}}" in path for name in OWNED)]
    asked += [("GET", path, None, version) for path in QUERIES for version in ("2.1", "2.35", "2.104")]
    assert refusals(world, token, asked, (200, 400, 403, 404)) == {}
    assert "hidden-name" in world.call("GET", "/servers/detail", None, world.owner).text, "it is there to be seen"
    assert "hidden-remark" in world.call("GET", "/os-keypairs", None, world.owner).text
    assert "hidden-flavor" in world.call("GET", "/flavors/detail", None, world.owner).text


def test_without_a_token_nothing_is_answered(world):
    for token in ("", "admin:admin", "member1:project1"):
        assert refusals(world, token, requests(), (401,)) == {}


def test_another_projects_things_cannot_be_made_use_of(world):
    token = world.door.token("member2")
    good = {"name": "s", "flavorRef": "1", "imageRef": IMAGE, "networks": "none"}
    for change in ({"imageRef": OWN_IMAGE}, {"flavorRef": "own"}, {"key_name": "key"}):
        assert world.call("POST", "/servers", {"server": good | change}, token).status in (400, 404)
    hint = {"server": good, "os:scheduler_hints": {"group": world.ids["server_group_id"]}}
    assert world.call("POST", "/servers", hint, token).status in (400, 404)
    own = world.cloud.boot(user=token)
    for body in ({"resize": {"flavorRef": "own"}}, {"rebuild": {"imageRef": OWN_IMAGE}},
                 {"rescue": {"rescue_image_ref": OWN_IMAGE}}):
        assert world.call("POST", f"/servers/{own}/action", body, token).status in (400, 404), body


def test_a_manager_migrates_what_is_its_projects(world):
    path, manager = "/servers/{server_id}/action", world.door.token("manager1")
    for body in ({"migrate": None}, {"os-migrateLive": {"host": None, "block_migration": "auto"}}):
        assert world.call("POST", path, body, world.owner, "2.56").status == 403, "a member does not"
    for body in ({"migrate": {"host": "cmp-2"}}, {"os-migrateLive": {"host": "cmp-2", "block_migration": "auto"}}):
        assert world.call("POST", path, body, manager, "2.56").status == 403, "nor does it choose the host"
    assert world.call("POST", path, {"migrate": None}, manager, "2.56").status == 202


@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", "/os-quota-sets/{nobody}", None), ("GET", "/os-quota-sets/{nobody}/detail", None),
    ("PUT", "/os-quota-sets/{nobody}", {"quota_set": {"cores": 1}}),
    ("POST", "/flavors/{flavor_id}/action", {"addTenantAccess": {"tenant": "0" * 32}})])
def test_a_project_that_there_is_none_of_is_named(world, method, path, body):
    world.ids["nobody"] = "0" * 32
    answer = world.call(method, path, body, world.admin)
    assert (answer.status, answer.message) == (400, f"Project ID {'0' * 32} is not a valid project.")
    named = {"addTenantAccess": {"tenant": world.door.ids("projects", world.admin)["project2"]}} if body and (
        "addTenantAccess" in body) else body
    world.ids["nobody"] = world.ids["project_id"]
    assert world.call(method, path, named, world.admin).status == 200, "one that is there"


def test_quotas_are_those_of_the_projects_id(world):
    other = world.door.token("member2")
    assert world.call("GET", "/limits", None, world.owner).body["limits"]["absolute"]["maxTotalCores"] == 19
    assert world.call("GET", "/limits", None, world.owner).body["limits"]["absolute"]["totalInstancesUsed"] == 1
    assert world.call("GET", "/limits", None, other).body["limits"]["absolute"]["maxTotalCores"] == 20
    assert world.call("GET", "/limits", None, other).body["limits"]["absolute"]["totalInstancesUsed"] == 0
    server = world.call("GET", "/servers/{server_id}", None, world.owner).body["server"]
    assert re.fullmatch("[0-9a-f]{32}", server["tenant_id"])
    assert re.fullmatch("[0-9a-f]{32}", server["user_id"])
