"""What is no text, or takes for ever to match, is refused at the door."""

import pytest
from cluster_fixture import ADMIN, USER


@pytest.mark.parametrize("raw", [
    rb'{"resize": {"flavorRef": "\ud800"}}', rb'{"lock": {"locked_reason": "a\u0000b"}}', rb'{"resize": "\udfff"}'])
def test_bodies(cluster, raw):
    uuid = cluster.boot()
    answer = cluster.http("POST", f"/servers/{uuid}/action", token=USER, version="2.73", raw=raw)
    assert answer.status_int == 400


@pytest.mark.parametrize("path", ["/servers/%FF", "/flavors/%FF", "/servers/a%00b", "/os-quota-sets/a%00b"])
def test_paths(cluster, path):
    answer = cluster.http("GET", path, token=ADMIN)
    assert answer.status_int == 404
    assert answer.json["itemNotFound"]["code"] == 404
    assert answer.headers["x-openstack-request-id"].startswith("req-")


@pytest.mark.parametrize("pattern", ["(a%2B)%2B$", "(a|a)*$", "((a*)*)*", "a" * 256, "("])
def test_patterns(cluster, pattern):
    answer = cluster.http("GET", f"/servers?name={pattern}", token=USER)
    assert answer.status_int == 400
    assert "name" in answer.json["badRequest"]["message"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B23:00", "9999-12-31T23:59:59-23:00"])
def test_moments(cluster, moment):
    assert cluster.http("GET", f"/servers?changes-since={moment}", token=USER).status_int == 400


@pytest.mark.parametrize(("key", "direction"), [("locked", "asc"), ("locked", "desc"), ("auto_disk_config", "asc")])
def test_pages_by_a_boolean(cluster, key, direction):
    uuids = {cluster.boot() for _ in range(3)}
    seen, path = set(), f"/servers?limit=1&sort_key={key}&sort_dir={direction}"
    while path:
        page = cluster.get(path)
        seen |= {server["id"] for server in page["servers"]}
        links = page.get("servers_links")
        path = links[0]["href"].partition("/v2.1")[2] if links else None
    assert seen == uuids
