"""Answers have the keys and JSON types of the published samples of the Compute API, version by version.

The samples lie beside the project, not in it; without them these tests are skipped, and the ones below, which
pin at which versions an answer changes at all, still run.
"""

from __future__ import annotations

import json
from typing import Any

import published_samples
import pytest
from published_samples import SAMPLES, differences, sample_versions

from novasim import states
from novasim.api import microversion
from novasim.db import migrations
from novasim.launch import seed
from novasim.objects import Migration

ADMIN, USER = "admin:admin", "bob:p1"
# (sample folder, sample file) -> path. "{server}" and so on are filled in by the story below.
READS = {
    ("servers", "server-get-resp.json"): "/servers/{server}",
    ("servers", "servers-details-resp.json"): "/servers/detail",
    ("servers", "servers-list-resp.json"): "/servers",
    ("servers", "servers-list-with-changes-before.json"): "/servers?changes-before=2116-10-10T12:00:00Z",
    ("servers", "servers-details-with-changes-before.json"): "/servers/detail?changes-before=2116-10-10T12:00:00Z",
    ("servers", "servers-list-status-resp.json"): "/servers?status=verify_resize",
    ("servers-sort", "server-sort-keys-list-resp.json"): "/servers?sort_key=display_name&sort_dir=asc",
    ("flavors", "flavor-get-resp.json"): "/flavors/3",
    ("flavors", "flavors-detail-resp.json"): "/flavors/detail",
    ("flavors", "flavors-list-resp.json"): "/flavors",
    ("flavor-extra-specs", "flavor-extra-specs-list-resp.json"): "/flavors/3/os-extra_specs",
    ("flavor-extra-specs", "flavor-extra-specs-get-resp.json"): "/flavors/3/os-extra_specs/hw:numa_nodes",
    ("flavor-access", "flavor-access-list-resp.json"): "/flavors/priv/os-flavor-access",
    ("limits", "limit-get-resp.json"): "/limits",
    ("images", "images-list-get-resp.json"): "/images",
    ("images", "images-details-get-resp.json"): "/images/detail",
    ("images", "image-get-resp.json"): "/images/155d900f-4e14-4e4c-a73d-069cbf4541e6",
    ("os-services", "services-list-get-resp.json"): "/os-services",
    ("os-hypervisors", "hypervisors-list-resp.json"): "/os-hypervisors",
    ("os-hypervisors", "hypervisors-detail-resp.json"): "/os-hypervisors/detail",
    ("os-hypervisors", "hypervisors-show-resp.json"): "/os-hypervisors/{hypervisor}",
    ("os-hypervisors", "hypervisors-detail-with-servers-resp.json"):
        "/os-hypervisors/detail?with_servers=1&hypervisor_hostname_pattern=cmp-2",
    ("os-hypervisors", "hypervisors-show-with-servers-resp.json"): "/os-hypervisors/{hypervisor}?with_servers=1",
    ("os-hypervisors", "hypervisors-statistics-resp.json"): "/os-hypervisors/statistics",
    ("os-migrations", "migrations-get.json"): "/os-migrations",
    ("os-migrations", "migrations-get-with-limit.json"): "/os-migrations?limit=1",
    ("os-migrations", "migrations-get-with-marker.json"): "/os-migrations?marker={migration}",
    ("os-migrations", "migrations-get-with-changes-since.json"): "/os-migrations?changes-since=2016-06-23T13:42:01Z",
    ("os-migrations", "migrations-get-with-changes-before.json"): "/os-migrations?changes-before=2116-01-29T13:42:02Z",
    ("os-migrations", "migrations-get-with-user-or-project-id.json"): "/os-migrations?user_id=bob&project_id=p1",
    ("server-migrations", "migrations-index.json"): "/servers/{moving}/migrations",
    ("server-migrations", "migrations-get.json"): "/servers/{moving}/migrations/2",
    ("os-instance-actions", "instance-actions-list-resp.json"): "/servers/{server}/os-instance-actions",
    ("os-instance-actions", "instance-actions-list-with-limit-resp.json"):
        "/servers/{server}/os-instance-actions?limit=1",
    ("os-instance-actions", "instance-actions-list-with-marker-resp.json"):
        "/servers/{server}/os-instance-actions?marker={request}",
    ("os-instance-actions", "instance-actions-list-with-changes-since.json"):
        "/servers/{server}/os-instance-actions?changes-since=2016-06-23T13:42:01Z",
    ("os-instance-actions", "instance-actions-list-with-changes-before.json"):
        "/servers/{server}/os-instance-actions?changes-before=2116-06-23T13:42:01Z",
    ("os-instance-actions", "instance-action-get-resp.json"): "/servers/{server}/os-instance-actions/{request}",
    ("os-instance-actions", "instance-action-get-non-admin-resp.json"):
        "/servers/{server}/os-instance-actions/{request}",
    ("os-quota-sets", "quotas-show-get-resp.json"): "/os-quota-sets/p1",
    ("os-quota-sets", "quotas-show-detail-get-resp.json"): "/os-quota-sets/p1/detail",
    ("os-quota-sets", "quotas-show-defaults-get-resp.json"): "/os-quota-sets/p1/defaults",
    ("os-quota-sets", "user-quotas-show-get-resp.json"): "/os-quota-sets/p1?user_id=bob",
    ("os-quota-class-sets", "quota-classes-show-get-resp.json"): "/os-quota-class-sets/default",
    ("os-aggregates", "aggregates-list-get-resp.json"): "/os-aggregates",
    ("os-aggregates", "aggregates-get-resp.json"): "/os-aggregates/1",
    ("os-server-groups", "server-groups-list-resp.json"): "/os-server-groups",
    ("os-server-groups", "server-groups-get-resp.json"): "/os-server-groups/{group}",
    ("os-availability-zone", "availability-zone-list-resp.json"): "/os-availability-zone",
    ("os-availability-zone", "availability-zone-detail-resp.json"): "/os-availability-zone/detail",
    ("server-ips", "server-ips-resp.json"): "/servers/{server}/ips",
    ("server-ips", "server-ips-network-resp.json"): "/servers/{server}/ips/private",
    ("os-attach-interfaces", "attach-interfaces-list-resp.json"): "/servers/{server}/os-interface",
    ("os-attach-interfaces", "attach-interfaces-show-resp.json"): "/servers/{server}/os-interface/{port}",
    ("server-metadata", "server-metadata-all-resp.json"): "/servers/{server}/metadata",
    ("server-metadata", "server-metadata-resp.json"): "/servers/{server}/metadata/foo",
}
HINTS = {"same_host": "48e6a9f6-30af-47e0-bc04-acaed113bb4e"}
# Requests that no version takes: they have fields of 2.90 and lack what has been required since 2.37.
UNSENT = ("v2.90", "v2.94")


@pytest.fixture
def story(cloud):
    """A cluster in which each kind of thing exists; what fills the placeholders of READS."""
    cloud.db.write(seed.add_networks)
    moving = cloud.boot(hints=HINTS)
    server = cloud.boot(metadata={"foo": "bar"}, hints=HINTS)
    port = cloud.get(f"/servers/{server}/os-interface").body["interfaceAttachments"][0]["port_id"]
    migration = cloud.resized(server)
    request = cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"][0]["request_id"]
    cloud.play_event(request, server, "conductor_migrate_server")
    cloud.call("POST", "/flavors/priv/action", {"addTenantAccess": {"tenant": "p1"}})
    cloud.call("POST", "/os-aggregates", {"aggregate": {"name": "a", "availability_zone": "nova"}})
    cloud.call("POST", "/os-aggregates/1/action", {"add_host": {"host": "cmp-3"}})
    group = cloud.call("POST", "/os-server-groups", {"server_group": {"name": "test", "policies": ["anti-affinity"]}})
    cloud.call("POST", "/flavors/3/os-extra_specs", {"extra_specs": {"hw:numa_nodes": "1"}})
    cloud.db.write(migrations.create, Migration(
        uuid="", instance_uuid=moving, status=states.MIG_RUNNING, migration_type=states.LIVE_MIGRATION,
        source_compute="cmp-1", source_node="cmp-1", dest_compute="cmp-2", dest_node="cmp-2", user_id="bob",
        project_id="p1", old_instance_type_id=1, new_instance_type_id=1))
    return {"server": server, "moving": moving, "request": request, "migration": migration.uuid, "port": port,
            "group": group.body["server_group"]["id"]}


def fill(cloud, story, path: str, version: int) -> str:
    hypervisor = cloud.get("/os-hypervisors", version=f"2.{version}").body["hypervisors"][1]["id"]
    return path.format(**story, hypervisor=hypervisor)


@published_samples.needed
@pytest.mark.parametrize(("folder", "name"), READS)
def test_answer_is_shaped_like_the_sample(cloud, story, folder, name):
    seen = 0
    for version, path in sample_versions(folder, name):
        for_user = "non-admin" in name or (folder == "servers" and version >= 90)
        url = fill(cloud, story, READS[folder, name], version)
        answer = cloud.get(url, version=f"2.{version}", user=USER if for_user else ADMIN)
        assert answer.status == 200, (version, answer.text)
        odd = differences(answer.body, json.loads(path.read_text()))
        assert not odd, (version, odd)
        seen += 1
    assert seen


@published_samples.needed
@pytest.mark.parametrize("name", ["server-update-resp.json", "server-put-resp.json"])
def test_update_is_shaped_like_the_sample(cloud, name):
    cloud.api.quota_defaults |= {"instances": -1, "cores": -1, "ram": -1}
    cloud.db.write(seed.add_networks)
    for version, path in sample_versions("servers", name):
        user = USER if version >= 90 else ADMIN
        request = json.loads((path.parent / name.replace("resp", "req")).read_text())
        # That of 2.104 is of a server without hints.
        server = cloud.boot(hints={} if version >= 104 else HINTS)
        answer = cloud.call("PUT", f"/servers/{server}", request, f"2.{version}", user)
        assert answer.status == 200, answer.text
        assert not differences(answer.body, json.loads(path.read_text())), version


@published_samples.needed
def test_create_takes_the_sample_requests_and_answers_as_the_samples(cloud):
    cloud.api.quota_defaults |= {"instances": -1, "cores": -1, "ram": -1}
    cloud.db.write(seed.add_networks)
    asked = json.loads((SAMPLES / "servers" / "v2.71" / "server-groups-post-req.json").read_text())
    made = cloud.call("POST", "/os-server-groups", asked, "2.71").body
    assert not differences(
        made, json.loads((SAMPLES / "servers" / "v2.71" / "server-groups-post-resp.json").read_text()))
    group, taken = made["server_group"]["id"], 0
    # Of the first ones, some are for later; and what is partial in 2.69 is no create.
    first = SAMPLES / "servers" / "server-create-resp.json"
    later = [(37, first), (57, first), (69, first.parent / "v2.69" / first.name)]
    for version, path in [*sample_versions("servers", first.name), *later]:
        name = "server-create-req*.json" if path != first else (
            "server-create-req.json" if version == 1 else f"server-create-req-v2{version}.json")
        for request_path in path.parent.glob(name):
            request = json.loads(request_path.read_text())
            devices = request["server"].get("block_device_mapping_v2", [])
            if path.parent.name in UNSENT or any(device["destination_type"] == "volume" for device in devices):
                continue
            answer = cloud.call("POST", "/servers", _ours(request, group), f"2.{version}")
            assert answer.status == 202, (request_path, answer.text)
            assert not differences(answer.body, json.loads(path.read_text())), request_path
            taken += 1
    assert taken == 17


def _ours(request: dict[str, Any], group: str) -> dict[str, Any]:
    """A sample's request, with the ids of this cluster."""
    server = request["server"]
    server |= {"imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6", "flavorRef": "1"}
    server |= {name: "cmp-1" for name in ("host", "hypervisor_hostname") if name in server}
    server |= {name: "nova" for name in ("availability_zone",) if name in server}
    if (hints := request.get("OS-SCH-HNT:scheduler_hints")) is not None:
        hints |= {name: value for name, value in {"group": group, **HINTS}.items() if name in hints}
    return request


@published_samples.needed
@pytest.mark.parametrize(("folder", "name"), [
    ("servers", "server-action-rebuild"),
    ("os-preserve-ephemeral-rebuild", "server-action-rebuild-preserve-ephemeral")])
def test_rebuild_takes_the_sample_requests_and_answers_as_the_samples(cloud, folder, name):
    cloud.api.quota_defaults |= {"instances": -1, "cores": -1, "ram": -1}
    cloud.db.write(seed.add_networks)
    cloud.call("POST", "/os-keypairs", {"keypair": {"name": "new-key"}})
    taken = 0
    for version, path in sample_versions(folder, f"{name}-resp.json"):
        request = json.loads((path.parent / f"{name}.json").read_text())
        body = request["rebuild"] | {"imageRef": cloud.image}
        user = USER if version >= 90 else ADMIN
        answer = cloud.act(cloud.boot(hints=HINTS), "rebuild", body, version=f"2.{version}", user=user)
        assert answer.status == 202, (path, answer.text)
        assert not differences(answer.body, json.loads(path.read_text())), path
        taken += 1
    assert taken


@published_samples.needed
@pytest.mark.parametrize(("folder", "request_name", "answer_name"), [
    ("servers", "server-action-create-image.json", "server-action-create-image-resp.json"),
    ("os-create-backup", "create-backup-req.json", "create-backup-resp.json")])
def test_images_are_made_as_in_the_samples(cloud, folder, request_name, answer_name):
    for version, path in [*sample_versions(folder, request_name), (44, SAMPLES / folder / request_name)]:
        answer = cloud.call("POST", f"/servers/{cloud.boot()}/action", json.loads(path.read_text()), f"2.{version}")
        assert answer.status == 202, answer.text
        if version < 45:
            assert (answer.body, "/images/" in answer.headers["Location"]) == (None, True)
        else:
            assert not differences(answer.body, json.loads((path.parent / answer_name).read_text()))


@published_samples.needed
def test_metadata_of_images_is_changed_as_in_the_samples(cloud):
    path = f"/images/{cloud.image}/metadata"
    for method, where, name in (("POST", path, "image-metadata-post"), ("PUT", path, "image-metadata-put"),
                                ("PUT", f"{path}/auto_disk_config", "image-meta-key-put")):
        request, answer = (json.loads((SAMPLES / "images" / f"{name}-{end}.json").read_text())
                           for end in ("req", "resp"))
        given = cloud.call(method, where, request)
        assert given.status == 200, given.text
        assert given.body.keys() == answer.keys()
        assert given.body.items() >= request.items() or method == "POST"


@published_samples.needed
def test_version_documents_are_shaped_like_the_samples(cloud):
    for name, path in (("v21-version-get-resp.json", "@/v2.1/"), ("v2-version-get-resp.json", "@/v2/"),
                       ("versions-get-resp.json", "@/")):
        sample = json.loads((SAMPLES / "versions" / name).read_text())
        assert not differences(cloud.get(path).body, sample), name


def shape(value: Any) -> Any:
    """The keys of an answer, without its values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


@pytest.mark.spec("3.12/2.3", "3.12/2.9", "3.12/2.16", "3.12/2.19", "3.12/2.23", "3.12/2.26", "3.12/2.28",
                  "3.12/2.47", "3.12/2.51", "3.12/2.55", "3.12/2.57", "3.12/2.58", "3.12/2.59", "3.12/2.61",
                  "3.12/2.62", "3.12/2.69", "3.12/2.71", "3.12/2.73", "3.12/2.80", "3.12/2.84", "3.12/2.88",
                  "3.12/2.90", "3.12/2.96", "3.12/2.102")
@pytest.mark.parametrize(("path", "user", "changes"), [
    ("/servers/{server}", ADMIN, [3, 9, 16, 19, 26, 47, 63, 71, 73, 96, 98, 100]),
    ("/servers/{server}", USER, [9, 19, 26, 47, 63, 71, 73, 90, 96, 98, 100]),
    ("/servers/detail", ADMIN, []),
    ("/servers", USER, []),
    ("/flavors/1", USER, [55, 61, 102]),
    ("/flavors", USER, [55]),
    ("/limits", USER, [36, 39, 57]),
    ("/os-services", ADMIN, [11]),
    ("/os-hypervisors/detail", ADMIN, [28, 88]),
    ("/os-migrations", ADMIN, [23, 59, 80]),
    ("/servers/{server}/os-instance-actions", USER, [58]),
    ("/servers/{server}/os-instance-actions/{request}", USER, [51, 58, 62]),
    ("/servers/{server}/os-instance-actions/{request}", ADMIN, [58, 62, 84]),
    ("/os-quota-sets/p1", ADMIN, [36, 57]),
])
def test_an_answer_changes_at_its_versions_and_no_others(cloud, story, path, user, changes):
    found, before = [], None
    for version in range(microversion.MIN, microversion.MAX + 1):
        answer = cloud.get(path.format(**story), version=f"2.{version}", user=user)
        assert answer.status == 200, (version, answer.text)
        now = shape(answer.body)
        # cpu_info turns from text into an object without keys of its own here.
        if path == "/os-hypervisors/detail":
            now["text"] = isinstance(answer.body["hypervisors"][0].get("cpu_info"), str)
        if before is not None and now != before:
            found.append(version)
        before = now
    assert found == changes
