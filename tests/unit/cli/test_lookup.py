"""Ids and names: which is tried first, and what is said when there is none or more than one."""

import uuid

import pytest

from novasim.cli import lookup
from novasim.cli.client import Client
from novasim.cli.errors import CliError
from novasim.cli.settings import Settings


@pytest.fixture
def client(nova):
    with Client(Settings(nova.endpoint, "admin:admin")) as made:
        yield made


def test_server_by_id_is_one_request(nova, client, server_id):
    assert lookup.server(client, server_id)["name"] == "demo"
    assert len(nova.requests) == 1


def test_server_by_name_is_an_exact_match_of_a_quoted_pattern(nova, client, server_of):
    nova.on("GET", "/servers/detail", {"servers": [server_of(name="aXb"), server_of(id="1", name="a.b")]})
    assert lookup.server(client, "a.b")["id"] == "1"
    assert nova.requests[0]["query"]["name"] == [r"^a\.b$"]


def test_server_of_another_project_is_found_after_ones_own(nova, client, server_of):
    nova.on("GET", "/servers/detail", {"servers": []}, {"servers": [server_of(name="far")]})
    assert lookup.server(client, "far")["name"] == "far"
    assert [request["query"].get("all_tenants") for request in nova.requests] == [None, ["1"]]


def test_user_who_may_not_see_all_projects(nova, client):
    nova.on("GET", "/servers/detail", {"servers": []}, (403, {"forbidden": {"code": 403, "message": "no"}}))
    with pytest.raises(CliError, match="there is no server 'x'. See: novasim list --all-tenants"):
        lookup.server(client, "x")


def test_unknown_uuid_is_no_server(nova, client):
    nova.on("GET", "/servers/detail", {"servers": []})
    wanted = str(uuid.uuid4())
    with pytest.raises(CliError, match=f"there is no server '{wanted}'"):
        lookup.server(client, wanted)


def test_ambiguous_name_lists_the_ids(nova, client, server_of):
    nova.on("GET", "/servers/detail", {"servers": [server_of(id="1"), server_of(id="2")]})
    with pytest.raises(CliError, match="2 servers are called 'demo'. Give one of their ids: 1, 2"):
        lookup.server(client, "demo")


def test_id_of_a_deleted_server_is_taken_as_it_is(nova, client):
    wanted = str(uuid.uuid4())
    assert lookup.server_id(client, wanted) == wanted
    assert nova.requests == []


@pytest.mark.parametrize("wanted", ["2", "m1.small"])
def test_flavor_by_id_or_name(client, wanted):
    assert lookup.flavor(client, wanted)["name"] == "m1.small"


def test_no_such_flavor(client):
    with pytest.raises(CliError, match="there is no flavor 'm9'. See: novasim flavor-list --all"):
        lookup.flavor(client, "m9")


def test_server_error_is_not_taken_for_absence(nova, client):
    nova.on("GET", "/flavors/2", (500, {"computeFault": {"code": 500, "message": "broken"}}))
    with pytest.raises(CliError, match="broken"):
        lookup.flavor(client, "2")


def test_image_by_name_or_id(nova, client):
    other = "155d900f-4e14-4e4c-a73d-069cbf4541e7"
    assert lookup.image_id(client, other) == other
    assert nova.requests == []
    assert lookup.image_id(client, "cirros") == "155d900f-4e14-4e4c-a73d-069cbf4541e6"
    assert nova.requests[0]["headers"]["OpenStack-API-Version"] == "compute 2.1"
    with pytest.raises(CliError, match="there is no image 'suse'. There is: cirros"):
        lookup.image_id(client, "suse")


@pytest.mark.parametrize("wanted", ["7", "cmp-7"])
def test_hypervisor_by_id_or_host(nova, client, wanted):
    nova.on("GET", "/os-hypervisors/detail", {"hypervisors": [{"id": 7, "hypervisor_hostname": "cmp-7"},
                                                              {"id": 8, "hypervisor_hostname": "cmp-77"}]})
    assert lookup.hypervisor(client, wanted)["id"] == 7


def test_flavor_name_of_a_server():
    assert lookup.flavor_name({"flavor": {"id": "2"}}, {"2": "m1.small"}) == "m1.small"
    assert lookup.flavor_name({"flavor": {"id": "9"}}, {"2": "m1.small"}) == "9"
    assert lookup.flavor_name({"flavor": {"original_name": "m1.tiny"}}, {}) == "m1.tiny"
