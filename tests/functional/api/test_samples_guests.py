"""What agents and sums over servers answer is shaped as the published samples: on a cluster, since who is asked must be
there."""

import json

import published_samples
import pytest
from cluster_fixture import ADMIN, MEDIUM
from published_samples import SAMPLES, differences, sample_versions

from novasim.api import microversion

pytestmark = published_samples.needed


def sample(path):
    return json.loads(path.read_text())


def shaped_like(answer, path, status=200):
    assert answer.status_int == status, (path, answer.text)
    assert not differences(answer.json, sample(path)), path


# (folder, sample of the request) -> the sample of the answer, path below the server; and the last version.
POSTS = {
    ("os-console-output", "console-output-post-req.json"): ("console-output-post-resp.json", "action", 1),
    **{("os-remote-consoles", f"get-{name}-console-post-req.json"): (f"get-{name}-console-post-resp.json", "action", 5)
       for name in ("rdp", "serial", "spice", "vnc")},
    **{("os-remote-consoles", f"create-{name}-console-req.json"): (
        f"create-{name}-console-resp.json", "remote-consoles", 0) for name in ("vnc", "mks", "spice-direct")},
    # Its answer has no sample of its own.
    ("os-remote-consoles", "create-rdp-console-req.json"): ("create-vnc-console-resp.json", "remote-consoles", 0),
}


@pytest.mark.parametrize(("folder", "name"), POSTS)
def test_what_is_sent_to_a_guest(cluster, folder, name):
    uuid = cluster.boot()
    answer, path, until = POSTS[folder, name]
    for since, request in sample_versions(folder, name):
        for version in {since, until or microversion.MAX}:
            told = cluster.http("POST", f"/servers/{uuid}/{path}", sample(request), ADMIN, f"2.{version}")
            shaped_like(told, request.parent / answer)


@pytest.mark.parametrize(("folder", "name", "path"), [
    ("os-server-diagnostics", "server-diagnostics-get-resp.json", "diagnostics"),
    ("os-server-password", "get-password-resp.json", "os-server-password"),
    ("os-server-topology", "servers-topology-resp.json", "topology")])
def test_what_is_read_of_a_guest(cluster, folder, name, path):
    specs = {"hw:numa_nodes": "1", "hw:mem_page_size": "small"}
    assert cluster.http("POST", f"/flavors/{MEDIUM}/os-extra_specs", {"extra_specs": specs}, ADMIN).status_int == 200
    uuid = cluster.boot(MEDIUM if folder == "os-server-topology" else "1", networks="auto")
    for version, file in sample_versions(folder, name):
        shaped_like(cluster.http("GET", f"/servers/{uuid}/{path}", token=ADMIN, version=f"2.{version}"), file)


def test_topology_of_a_user(cluster):
    specs = {"hw:numa_nodes": "2"}
    assert cluster.http("POST", f"/flavors/{MEDIUM}/os-extra_specs", {"extra_specs": specs}, ADMIN).status_int == 200
    uuid = cluster.boot(MEDIUM)
    told = cluster.http("GET", f"/servers/{uuid}/topology", version="2.78")
    shaped_like(told, SAMPLES / "os-server-topology" / "v2.78" / "servers-topology-resp-user.json")
    assert len(told.json["nodes"]) == 2


@pytest.mark.parametrize(("name", "path"), [
    ("simple-tenant-usage-get.json", "?limit=1"), ("simple-tenant-usage-get-detail.json", "?detailed=1&limit=1"),
    ("simple-tenant-usage-get-all.json", "?detailed=1"), ("simple-tenant-usage-get-specific.json", "/demo?limit=1")])
def test_usage(cluster, name, path):
    for _ in range(2):
        cluster.boot()
    seen = 0
    for version, file in sample_versions("os-simple-tenant-usage", name):
        query = f"{path}{'&' if '?' in path else '?'}start=2012-10-08T21:10:44.587336"
        shaped_like(cluster.http("GET", f"/os-simple-tenant-usage{query}", token=ADMIN, version=f"2.{version}"), file)
        seen += 1
    assert seen


@pytest.mark.parametrize(("name", "path"), [("index", ""), ("show", "/2012-07-05 10:00:00")])
def test_audits_of_usage(cluster, name, path):
    told = cluster.http("GET", f"/os-instance_usage_audit_log{path}", token=ADMIN)
    shaped_like(told, SAMPLES / "os-instance-usage-audit-log" / f"inst-usage-audit-log-{name}-get-resp.json")


def test_events_of_other_services(cluster):
    """The event of the sample's request is one that only tests know; all else of it is taken."""
    uuid = cluster.boot()
    folder = SAMPLES / "os-server-external-events"
    body = sample(folder / "event-create-req.json")
    for one in body["events"]:
        one |= {"server_uuid": uuid, "name": "network-changed"}
    for version in (1, microversion.MAX):
        told = cluster.http("POST", "/os-server-external-events", body, ADMIN, f"2.{version}")
        shaped_like(told, folder / "event-create-resp.json")


def test_extensions(cluster):
    """All that the longer of the two lists names, in its words."""
    folder = SAMPLES / "extension-info"
    listed = cluster.http("GET", "/extensions")
    shaped_like(listed, folder / "extensions-list-resp.json")
    names = {one["alias"]: one["name"] for one in listed.json["extensions"]}
    assert names == {one["alias"]: one["name"] for one in sample(
        folder / "extensions-list-resp-v21-compatible.json")["extensions"]}
    shaped_like(cluster.http("GET", "/extensions/os-agents"), folder / "extensions-get-resp.json")
