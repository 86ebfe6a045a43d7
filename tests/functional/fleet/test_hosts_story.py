"""Machines come and go while the cluster runs: by REST, as an admin does it."""

import pytest
from cluster_fixture import ADMIN, USER

from novasim import exceptions
from novasim.context import RequestContext
from novasim.db import hosts

HOSTS = "/os-simulator/hosts"


def scale(cluster, count, status=200, **more):
    answer = cluster.http("POST", HOSTS, {"scale": {"count": count} | more}, ADMIN)
    assert answer.status_int == status, answer.text
    return answer.json


def act(cluster, action, *names, status=202):
    answer = cluster.http("POST", f"{HOSTS}/action", {action: {"hosts": list(names)}}, ADMIN)
    assert answer.status_int == status, answer.text
    return answer


def listed(cluster, query=""):
    return {host["host"]: host["state"] for host in cluster.get(f"{HOSTS}{query}", ADMIN)["hosts"]}


def test_more_machines_of_another_shape(cluster):
    assert scale(cluster, 5, profile="small") == {"scale": {"hosts": 5, "added": 2, "removed": 0}}
    assert listed(cluster) == {f"cmp-000{number}": "up" for number in range(1, 6)}
    nodes = cluster.get("/os-hypervisors/detail", ADMIN)["hypervisors"]
    assert {node["hypervisor_hostname"]: node["memory_mb"] for node in nodes if node["memory_mb"] == 8192} == {
        "cmp-0004": 8192, "cmp-0005": 8192}
    assert {node["state"] for node in nodes} == {"up"}
    # The new ones take servers, and answer.
    uuid = cluster.boot(availability_zone="nova:cmp-0005", token=ADMIN)
    assert cluster.row(uuid).host == "cmp-0005"
    assert cluster.get("/os-simulator/fleets", ADMIN) == {
        "fleets": [{"name": "cmp-0001", "hosts": 5, "state": "up"}]}


def test_fewer_machines(cluster):
    scale(cluster, 6)
    uuid = cluster.boot(availability_zone="nova:cmp-0005", token=ADMIN)
    assert scale(cluster, 4) == {"scale": {"hosts": 4, "added": 0, "removed": 2}}
    assert listed(cluster).keys() == {"cmp-0001", "cmp-0002", "cmp-0003", "cmp-0005"}, "newest first, if nothing is on"
    assert {service["host"] for service in cluster.get("/os-services?binary=nova-compute", ADMIN)["services"]} == (
        listed(cluster).keys())
    assert cluster.get("/os-hypervisors/statistics", ADMIN)["hypervisor_statistics"]["count"] == 4
    with pytest.raises(exceptions.ComputeServiceUnavailable):
        cluster.embedded.app.compute.start_instance(RequestContext(), "cmp-0006", instance=cluster.row(uuid))
    # Names that are free are used again.
    assert scale(cluster, 5)["scale"]["added"] == 1
    assert "cmp-0004" in listed(cluster)
    before = listed(cluster)
    cluster.boot(availability_zone="nova:cmp-0001", token=ADMIN)
    assert "Only 3 hosts can be removed, not 4" in scale(cluster, 1, 409)["conflictingRequest"]["message"]
    assert listed(cluster) == before


def test_what_is_in_use_is_not_removed(cluster):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    cluster.resize(uuid)
    for host in (source, cluster.row(uuid).host):
        act(cluster, "remove", "cmp-[0001-0003]", status=409)
        assert host in act(cluster, "remove", host, status=409).text
    assert len(listed(cluster)) == 3
    other, = listed(cluster).keys() - {source, cluster.row(uuid).host}
    act(cluster, "remove", other)
    assert other not in listed(cluster)
    cluster.confirm(uuid)
    act(cluster, "remove", source)
    assert listed(cluster) == {cluster.row(uuid).host: "up"}


def test_pages_and_filters(cluster):
    scale(cluster, 7)
    act(cluster, "crash", "cmp-[0002-0003]")
    act(cluster, "freeze", "cmp-0005")
    page = cluster.get(f"{HOSTS}?limit=3", ADMIN)
    assert [host["host"] for host in page["hosts"]] == ["cmp-0001", "cmp-0002", "cmp-0003"]
    link, = page["hosts_links"]
    assert link["href"].endswith("/v2.1/os-simulator/hosts?limit=3&marker=cmp-0003")
    assert list(listed(cluster, "?limit=3&marker=cmp-0003")) == ["cmp-0004", "cmp-0005", "cmp-0006"]
    last = cluster.get(f"{HOSTS}?limit=3&marker=cmp-0006", ADMIN)
    assert ([host["host"] for host in last["hosts"]], "hosts_links" in last) == (["cmp-0007"], False)
    assert listed(cluster, "?state=crashed") == {"cmp-0002": "crashed", "cmp-0003": "crashed"}
    assert listed(cluster, "?state=frozen&fleet=cmp-0001") == {"cmp-0005": "frozen"}
    assert listed(cluster, "?fleet=other") == {}


@pytest.mark.parametrize(("path", "body", "status", "told"), [
    (HOSTS, {"scale": {"count": 0}}, 400, "count"),
    (HOSTS, {"scale": {"count": 100001}}, 400, "count"),
    (HOSTS, {"scale": {"count": "5"}}, 400, "count"),
    (HOSTS, {"scale": {"count": 4, "profile": "gigantic"}}, 400, "gigantic"),
    (HOSTS, {"scale": {"count": 4, "profile": "../../etc/passwd"}}, 400, "profile"),
    (HOSTS, {"shrink": {}}, 400, "scale"),
    (f"{HOSTS}/action", {"crash": {"hosts": []}}, 400, "hosts"),
    (f"{HOSTS}/action", {"crash": {"hosts": ["a b"]}}, 400, "hosts"),
    (f"{HOSTS}/action", {"crash": {"hosts": ["cmp-[1-99999999999999]"]}}, 400, "more than"),
    (f"{HOSTS}/action", {"crash": {"hosts": ["cmp-[1-999999999]"]}}, 400, "more than"),
    (f"{HOSTS}/action", {"crash": {"hosts": ["cmp-0001"]}, "thaw": {"hosts": ["cmp-0001"]}}, 400, "properties"),
    (f"{HOSTS}/action", {"melt": {"hosts": ["cmp-0001"]}}, 400, "melt"),
    (f"{HOSTS}/action", {"crash": {"hosts": ["cmp-0001", "nope"]}}, 404, "nope"),
    (f"{HOSTS}/action", {"remove": {"hosts": ["cmp-0001", "nope"]}}, 404, "nope"),
    (f"{HOSTS}/action", {"thaw": {"hosts": ["cmp-0001"]}}, 409, "while it is up")])
def test_what_is_refused(cluster, path, body, status, told):
    before = listed(cluster)
    answer = cluster.http("POST", path, body, ADMIN)
    assert answer.status_int == status, answer.text
    assert told in answer.text
    assert listed(cluster) == before
    assert cluster.http("POST", path, body, USER).status_int in (400, 403)


def test_only_admins(cluster):
    for method, path, body in (("GET", HOSTS, None), ("GET", "/os-simulator/fleets", None),
                               ("POST", HOSTS, {"scale": {"count": 1}}),
                               ("POST", f"{HOSTS}/action", {"crash": {"hosts": ["cmp-0001"]}})):
        assert cluster.http(method, path, body, USER).status_int == 403
    assert cluster.http("GET", f"{HOSTS}?state=odd", None, ADMIN).status_int == 400


def test_a_fleet_is_what_it_was_after_a_restart(make_cluster):
    cluster = make_cluster(name="kept")
    scale(cluster, 6, profile="large")
    act(cluster, "remove", "cmp-0005")
    act(cluster, "crash", "cmp-0001")
    act(cluster, "freeze", "cmp-0004")
    before = cluster.get(HOSTS, ADMIN)["hosts"]
    cluster.restart()
    now = cluster.get(HOSTS, ADMIN)["hosts"]
    assert [(one["host"], one["profile"], one["state"]) for one in now] == [
        (one["host"], one["profile"], one["state"]) for one in before]
    assert sorted(cluster.agents.hosts) == ["cmp-0002", "cmp-0003", "cmp-0006"]
    act(cluster, "thaw", "cmp-0004")
    act(cluster, "revive", "cmp-0001")
    assert sorted(cluster.agents.hosts) == ["cmp-0001", "cmp-0002", "cmp-0003", "cmp-0004", "cmp-0006"]
    nodes = {node.host: node.vcpus for node in cluster.db.read(hosts.nodes)}
    assert nodes == {"cmp-0001": 16, "cmp-0002": 16, "cmp-0003": 16, "cmp-0004": 64, "cmp-0006": 64}


def test_a_fleet_that_does_not_answer(cluster):
    """What is wanted is noted; the process makes it so when it can."""
    cluster.faults.add({"at": "rpc.send", "match": {"method": "sync_hosts"}, "do": "drop", "times": 1})
    answer = act(cluster, "crash", "cmp-0002", status=503)
    assert "comes into force" in answer.text
    assert listed(cluster)["cmp-0002"] == "crashed"
    assert "cmp-0002" in cluster.agents.hosts
    act(cluster, "freeze", "cmp-0003")
    assert sorted(cluster.agents.hosts) == ["cmp-0001"]
