"""Server groups: in the version that has one policy with rules, page after page."""

import json

import pytest

GROUP_ID = "5bbcc3c4-1da2-4437-a48a-66f15b1b13f9"
GROUP = {"id": GROUP_ID, "name": "web", "policy": "anti-affinity", "rules": {"max_server_per_host": 3}, "members": [],
         "project_id": "p", "user_id": "u"}


@pytest.fixture
def groups(api):
    api.on("GET", "/os-server-groups", {"server_groups": [GROUP]}, {"server_groups": []})
    api.on("GET", f"/os-server-groups/{GROUP_ID}", {"server_group": GROUP})
    api.on("DELETE", f"/os-server-groups/{GROUP_ID}", (204, None))
    return api


def test_list_asks_until_a_page_is_empty(novasim, groups):
    assert json.loads(novasim("server-group-list", "--all-projects", "-f", "json")[1]) == [{
        "ID": GROUP_ID, "Name": "web", "Project": "p", "User": "u", "Policy": "anti-affinity",
        "Rules": {"max_server_per_host": 3}, "Members": []}]
    assert [request["query"] for request in groups.requests] == [
        {"all_projects": ["1"]}, {"all_projects": ["1"], "offset": ["1"]}]
    assert groups.requests[0]["headers"]["OpenStack-API-Version"] == "compute 2.64"


def test_list_stops_when_there_are_enough(novasim, groups):
    assert novasim("server-group-list", "--limit", "1", "--offset", "5")[0] == 0
    assert [request["query"] for request in groups.requests] == [{"limit": ["1"], "offset": ["5"]}]


@pytest.mark.parametrize("wanted", [GROUP_ID, "web"])
def test_get(novasim, groups, wanted):
    assert json.loads(novasim("server-group-get", wanted, "-f", "json")[1]) == GROUP


@pytest.mark.parametrize(("rules", "sent"), [
    ((), {}), (("--rule", "max_server_per_host=3"), {"rules": {"max_server_per_host": "3"}})])
def test_create(novasim, api, rules, sent):
    api.on("POST", "/os-server-groups", {"server_group": GROUP})
    assert novasim("server-group-create", "web", "anti-affinity", *rules)[0] == 0
    assert api.sent("POST", "/os-server-groups") == [
        {"server_group": {"name": "web", "policy": "anti-affinity"} | sent}]


def test_delete(novasim, groups):
    assert novasim("server-group-delete", GROUP_ID, "web") == (
        0, f"server group {GROUP_ID} is deleted\nserver group web is deleted\n", "")


def test_an_unknown_one_is_an_error(novasim, groups):
    code, _out, err = novasim("server-group-get", "db")
    assert (code, err) == (1, "novasim: there is no server group 'db'. See: novasim server-group-list\n")
