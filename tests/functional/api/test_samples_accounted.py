"""Every published sample is asked for by a test: the tables of the tests of samples, and what is here, name all files
of a folder. What cannot be so in a cluster of the simulator has its reason here.
"""

import importlib.util
import json
from pathlib import Path

import published_samples
import pytest
from published_samples import SAMPLES, differences, sample_versions

from novasim import states
from novasim.api import microversion
from novasim.launch import seed

pytestmark = published_samples.needed
NEWEST = microversion.MAX
VOLUME = "a26887c6-c47b-4654-abb5-dfadf7d3f803"


def beside(name):
    """Another file of tests."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


READS, WRITES, GUESTS = map(beside, ("test_samples", "test_samples_writes", "test_samples_guests"))


def requests(folder, name, until=NEWEST):
    yield from WRITES.requests(folder, name.removesuffix(".json"), until)


# Hypervisors as they were looked for -------------------------------------------------------------------------------

@pytest.mark.parametrize(("name", "until", "before", "since"), [
    ("hypervisors-search-resp.json", 52, "/cmp-1/search", "?hypervisor_hostname_pattern=cmp-1"),
    ("hypervisors-with-servers-resp.json", 52, "/cmp-1/servers", "?with_servers=1&hypervisor_hostname_pattern=cmp-1"),
    ("hypervisors-without-servers-resp.json", 52, "/cmp-2/servers", "?with_servers=0")])
def test_hypervisors_by_name(cloud, name, until, before, since):
    cloud.boot()
    for version, path in sample_versions("os-hypervisors", name):
        url = f"/os-hypervisors{before if version <= until else since}"
        answer = cloud.get(url, version=f"2.{version}")
        assert answer.status == 200, answer.text
        assert not differences(answer.body, json.loads(path.read_text())), (version, path)


def test_how_long_hypervisors_are_up(cloud):
    for version, path in sample_versions("os-hypervisors", "hypervisors-uptime-resp.json"):
        [first, *_] = cloud.get("/os-hypervisors", version=f"2.{version}").body["hypervisors"]
        answer = cloud.get(f"/os-hypervisors/{first['id']}/uptime", version=f"2.{version}")
        assert answer.status == 200, answer.text
        assert not differences(answer.body, json.loads(path.read_text())), path


# Interfaces, images, servers in rescue -----------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["attach-interfaces-create-req.json", "attach-interfaces-create-net_id-req.json"])
def test_interfaces_are_attached(cloud, name):
    cloud.db.write(seed.add_networks)
    [network] = [one for one in cloud.get("/os-networks").body["networks"] if one["label"] == "private"]
    for number, (version, path) in enumerate(requests("os-attach-interfaces", name)):
        port = cloud.call("POST", "@/network/v2.0/ports", {"port": {"network_id": network["id"]}}).body["port"]
        body = json.loads(path.read_text())
        attachment = body["interfaceAttachment"]
        attachment |= {"port_id": port["id"]} if "port_id" in attachment else {"net_id": network["id"]}
        if "fixed_ips" in attachment:
            attachment["fixed_ips"] = [{"ip_address": f"10.0.0.{100 + number}"}]
        answer = cloud.call("POST", f"/servers/{cloud.boot()}/os-interface", body, f"2.{version}")
        assert answer.status == 200, (path, answer.text)
        answered = max(pair for pair in sample_versions(
            "os-attach-interfaces", "attach-interfaces-create-resp.json") if pair[0] <= version)[1]
        assert not differences(answer.body, json.loads(answered.read_text())), path


@pytest.mark.parametrize(("name", "path"), [("image-metadata-get.json", ""), ("image-meta-key-get.json", "/k"),
                                            ("image-metadata-get-resp.json", "")])
def test_metadata_of_images(cloud, name, path):
    url = f"/images/{cloud.image}/metadata"
    assert cloud.call("PUT", f"{url}/k", {"meta": {"k": "v"}}).status == 200
    for version, file in sample_versions("images", name):
        answer = cloud.get(url + path, version=f"2.{version}")
        assert answer.status == 200, answer.text
        # Its keys are those of the image.
        assert answer.body.keys() == json.loads(file.read_text()).keys()


@pytest.mark.parametrize(("name", "vm_state"), [("server-get-resp-rescue.json", states.RESCUED),
                                                ("server-get-resp-unrescue.json", states.ACTIVE)])
def test_servers_in_rescue(cloud, name, vm_state):
    cloud.db.write(seed.add_networks)
    server = cloud.boot()
    cloud.set(server, vm_state=vm_state)
    for version, path in sample_versions("os-rescue", name):
        answer = cloud.get(f"/servers/{server}", version=f"2.{version}", user="bob:p1")
        assert not differences(answer.body, json.loads(path.read_text())), path


def test_floating_ips_are_given_and_taken(cloud):
    cloud.db.write(seed.add_networks)
    server, user = cloud.boot(), "bob:p1"
    given, taken = (json.loads((SAMPLES / "servers" / f"server-action-{verb}floatingip-req.json").read_text())
                    for verb in ("add", "remove"))
    [fixed] = cloud.get(f"/servers/{server}/ips/private", user=user).body["private"]
    floating = cloud.call("POST", "/os-floating-ips", {"pool": "public"}, user=user).body["floating_ip"]["ip"]
    given["addFloatingIp"] |= {"address": floating, "fixed_address": fixed["addr"]}
    taken["removeFloatingIp"] |= {"address": floating}
    for body in (given, taken):
        assert cloud.call("POST", f"/servers/{server}/action", body, "2.43", user).status == 202
        assert cloud.call("POST", f"/servers/{server}/action", body, "2.44", user).status == 404


def test_live_migrations_of_the_samples_are_begun(cloud):
    cloud.api.quota_defaults |= {"instances": -1, "cores": -1, "ram": -1}
    for version, path in requests("server-migrations", "live-migrate-server.json"):
        body = WRITES.adapted(cloud, json.loads(path.read_text()))
        answer = cloud.call("POST", f"/servers/{cloud.boot()}/action", body, f"2.{version}")
        assert answer.status == 202, (path, answer.text)


# What there is not --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("name", "method"), [
    ("attach-volume-to-server-req.json", "POST"), ("update-volume-req.json", "PUT"),
    ("update-volume-attachment-delete-flag-req.json", "PUT")])
def test_requests_about_volumes_are_understood(cloud, name, method):
    """Each is a good request, about a volume that nobody can find."""
    server = cloud.boot()
    for version, path in requests("os-volume_attachments", name):
        body = json.loads(path.read_text())
        volume = body["volumeAttachment"]["volumeId"] if "flag" in name or method == "POST" else VOLUME
        url = f"/servers/{server}/os-volume_attachments{f'/{volume}' * (method == 'PUT')}"
        answer = cloud.call(method, url, body, f"2.{version}")
        assert (answer.status, answer.message) == (404, f"Volume {volume} could not be found."), path


def test_lists_of_volumes_are_empty(cloud):
    server = cloud.boot()
    for version, path in sample_versions("os-volume_attachments", "list-volume-attachments-resp.json"):
        answer = cloud.get(f"/servers/{server}/os-volume_attachments", version=f"2.{version}")
        assert answer.body == dict.fromkeys(json.loads(path.read_text()), [])


@pytest.mark.parametrize(("name", "status"), [
    ("admin-actions-inject-network-info.json", 202), ("admin-actions-reset-network.json", 410)])
def test_actions_on_the_network_inside_of_a_guest(cloud, name, status):
    body = json.loads((SAMPLES / "os-admin-actions" / name).read_text())
    assert cloud.call("POST", f"/servers/{cloud.boot()}/action", body).status == status


# All of it ----------------------------------------------------------------------------------------------------------

# Folder -> files that tests of their own ask for, here or beside.
ELSEWHERE = {
    "extension-info": ["extensions-get-resp", "extensions-list-resp", "extensions-list-resp-v21-compatible"],
    "images": [f"image-{what}" for what in (
        "meta-key-get", "metadata-get-resp", "meta-key-put-req", "meta-key-put-resp", "metadata-post-req",
        "metadata-post-resp", "metadata-put-req", "metadata-put-resp")],
    "os-admin-actions": ["admin-actions-inject-network-info", "admin-actions-reset-network"],
    "os-attach-interfaces": [f"attach-interfaces-create-{what}" for what in ("net_id-req", "req", "resp")],
    "os-create-backup": ["create-backup-req", "create-backup-resp"],
    "os-hypervisors": [f"hypervisors-{what}-resp" for what in ("search", "uptime", "with-servers",
                                                               "without-servers")],
    "os-instance-usage-audit-log": [f"inst-usage-audit-log-{what}-get-resp" for what in ("index", "show")],
    "os-keypairs": [f"keypairs-{what}" for what in (
        "get-resp", "import-post-req", "import-post-resp", "list-resp", "post-req", "post-resp", "list-user1-resp",
        "list-user2-resp")],
    "os-preserve-ephemeral-rebuild": ["server-action-rebuild-preserve-ephemeral",
                                      "server-action-rebuild-preserve-ephemeral-resp"],
    "os-server-tags": ["server-tags-index-resp", "server-tags-put-all-req", "server-tags-put-all-resp",
                       "server-tags-show-details-resp", "servers-tags-details-resp"],
    "os-rescue": ["server-get-resp-rescue", "server-get-resp-unrescue"],
    "os-server-diagnostics": ["server-diagnostics-get-resp"],
    "os-server-external-events": ["event-create-req", "event-create-resp"],
    "os-server-password": ["get-password-resp"],
    "os-server-topology": ["servers-topology-resp", "servers-topology-resp-user"],
    "os-simple-tenant-usage": [f"simple-tenant-usage-get{what}" for what in ("", "-detail", "-specific", "-all")],
    "servers": ["server-action-rebuild", "server-action-rebuild-resp", "server-action-create-image",
                "server-action-create-image-resp", "server-create-resp", "server-put-req", "server-put-resp",
                "server-action-addfloatingip-req", "server-action-removefloatingip-req",
                "server-update-req", "server-update-resp", "server-groups-post-req", "server-groups-post-resp",
                *(f"server-create-req{what}" for what in (
                    "", "-v237", "-v257", "-with-host-and-node", "-with-only-host", "-with-only-node"))],
    "os-volume_attachments": ["attach-volume-to-server-req", "list-volume-attachments-resp", "update-volume-req",
                              "update-volume-attachment-delete-flag-req"],
    "server-migrations": ["force_complete", "live-migrate-server"],
    "versions": ["v2-version-get-resp", "v21-version-get-resp", "versions-get-resp"],
}
# Folder -> files that no answer here can be like.
NEVER = {
    # There is one cell, and it is there.
    "servers": ["server-get-down-cell-resp"],
    # No volume is attached to anything.
    "os-volume_attachments": ["attach-volume-to-server-resp", "volume-attachment-detail-resp"],
}
TABLES = ("limits", "os-multiple-create", "os-quota-class-sets", "os-quota-sets", "os-server-groups",
          "server-ips", "server-metadata", "servers-sort", "flavors", "flavor-access", "flavor-extra-specs",
          "flavor-manage", "os-admin-password", "os-aggregates",
          "os-availability-zone", "os-console-output", "os-deferred-delete", "os-evacuate", "os-instance-actions",
          "os-lock-server", "os-migrate-server", "os-migrations", "os-pause-server", "os-remote-consoles",
          "os-services", "os-shelve", "os-suspend-server")


def in_tables():
    """(folder, file) of what the tables of the other tests name."""
    found = set(READS.READS)
    for folder, name in WRITES.ACTIONS:
        found |= {(folder, f"{name}.json"), (folder, f"{WRITES.ANSWERS.get(name, name + '-resp')}.json")}
    for folder, request, answer in WRITES.WRITES:
        found |= {(folder, f"{request}.json"), (folder, f"{answer}.json")}
    for (folder, request), (answer, *_) in GUESTS.POSTS.items():
        found |= {(folder, request), (folder, answer)}
    return found


@pytest.mark.parametrize("folder", sorted({*ELSEWHERE, *TABLES}))
def test_no_sample_is_forgotten(folder):
    known = {name for where, name in in_tables() if where == folder}
    known |= {f"{name}.json" for name in ELSEWHERE.get(folder, []) + NEVER.get(folder, [])}
    assert {path.name for path in (SAMPLES / folder).rglob("*.json")} - known == set()


def test_no_folder_is_forgotten():
    folders = {path.name for path in SAMPLES.iterdir() if path.is_dir()}
    assert folders == {*ELSEWHERE, *(folder for folder, _ in in_tables())}
