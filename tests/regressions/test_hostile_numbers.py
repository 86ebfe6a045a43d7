"""Numbers that no column holds, and counts that no quota allows, are refused at once and by name."""

import pytest
from cluster_fixture import ADMIN, USER


@pytest.mark.parametrize(("field", "value"), [
    ("ram", "0"), ("vcpus", "0"), ("ram", "9" * 20), ("ram", 2 ** 31), ("disk", "-1"), ("vcpus", "9" * 4000)])
def test_a_flavor_of_impossible_size(cluster, field, value):
    flavor = {"name": "odd", "id": "odd", "ram": 64, "vcpus": 1, "disk": 1, field: value}
    answer = cluster.http("POST", "/flavors", {"flavor": flavor}, ADMIN)
    assert answer.status_int == 400
    assert field in answer.json["badRequest"]["message"]


@pytest.mark.parametrize("path", ["/flavors?minRam=", "/servers?limit=", "/os-hypervisors/", "/flavors?limit="])
def test_a_number_of_many_digits_in_a_url(cluster, path):
    assert cluster.http("GET", path + "9" * 25, token=ADMIN).status_int in (400, 404)


@pytest.mark.parametrize("count", [100_000, "100000", "9" * 15])
def test_more_servers_than_one_request_may_ask_for(cluster, count):
    body = {"server": {"name": "many", "flavorRef": "1", "imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6",
                       "min_count": count}}
    answer = cluster.http("POST", "/servers", body, USER)
    assert answer.status_int == 400
    assert "min_count" in answer.json["badRequest"]["message"]


@pytest.mark.parametrize(("path", "body"), [
    ("/os-simulator/hosts", {"scale": {"count": 5.0}}),
    ("/flavors", {"flavor": {"name": "odd", "ram": 64.0, "vcpus": 1, "disk": 1}})])
def test_a_whole_number_with_a_fraction(cluster, path, body):
    """JSON has one kind of numbers, Python two: what is to be counted must not be of the other."""
    answer = cluster.http("POST", path, body, ADMIN)
    assert (answer.status_int, "is not of type 'integer'" in answer.text) == (400, True)


def test_the_topology_of_a_server_that_is_larger_than_any_host(cluster):
    """Its two billion CPUs are not told one by one: it has no host, and so no nodes."""
    flavor = {"name": "huge", "id": "huge", "ram": 2 ** 31 - 1, "vcpus": 2 ** 31 - 1, "disk": 0}
    assert cluster.http("POST", "/flavors", {"flavor": flavor}, ADMIN).status_int == 200
    specs = {"extra_specs": {"hw:numa_nodes": "1"}}
    assert cluster.http("POST", "/flavors/huge/os-extra_specs", specs, ADMIN).status_int == 200
    limits = {"quota_set": {"cores": -1, "ram": -1}}
    assert cluster.http("PUT", "/os-quota-sets/admin", limits, ADMIN).status_int == 200
    mark = cluster.watch.mark()
    uuid = cluster.create("huge", ADMIN)
    cluster.watch.wait("build failed", mark, instance_uuid=uuid)
    assert cluster.get(f"/servers/{uuid}/topology", ADMIN, "2.78") == {"nodes": [], "pagesize_kb": None}
