"""Quotas and limits."""

import json

import pytest


@pytest.mark.parametrize(("arguments", "path"), [((), "blue"), (("green",), "green")])
def test_show_is_of_ones_own_project_by_default(novasim, api, arguments, path):
    api.on("GET", f"/os-quota-sets/{path}", {"quota_set": {"id": path, "cores": 20}})
    shown = novasim("--os-project-name", "blue", "quota-show", *arguments, "--user", "ann", "-f", "json")[1]
    assert json.loads(shown) == {"cores": 20, "id": path}
    assert api.requests[0]["query"] == {"user_id": ["ann"]}


def test_update_sends_what_was_given(novasim, api):
    api.on("PUT", "/os-quota-sets/blue", {"quota_set": {"cores": -1}})
    code, _out, _err = novasim("quota-update", "blue", "--cores", "-1", "--ram", "0", "--user", "ann",
                               "--force")
    assert code == 0
    assert api.sent("PUT", "/os-quota-sets/blue") == [{"quota_set": {"cores": -1, "ram": 0, "force": True}}]
    assert api.requests[0]["query"] == {"user_id": ["ann"]}


def test_update_of_nothing(novasim, api):
    code, _out, err = novasim("quota-update", "blue")
    assert (code, err) == (
        2, "novasim: quota-update: nothing to change. Give --instances, --cores or --ram\n")


def test_limits_stand_beside_what_is_used(novasim, api):
    api.on("GET", "/limits", {"limits": {"rate": [], "absolute": {
        "maxTotalCores": 20, "totalCoresUsed": 3, "maxServerMeta": 128}}})
    assert json.loads(novasim("limits", "-f", "json")[1]) == [
        {"Name": "maxServerMeta", "Used": None, "Max": 128}, {"Name": "maxTotalCores", "Used": 3, "Max": 20}]
    assert "| maxServerMeta | -    | 128 |" in novasim("limits")[1]


def test_the_limits_of_a_class(novasim, api):
    api.on("GET", "/os-quota-class-sets/default", {"quota_class_set": {"id": "default", "cores": 20}})
    api.on("PUT", "/os-quota-class-sets/default", {"quota_class_set": {"cores": 40}})
    assert json.loads(novasim("quota-class-show", "default", "-f", "json")[1]) == {"cores": 20, "id": "default"}
    assert novasim("quota-class-update", "default", "--cores", "40")[0] == 0
    assert api.sent("PUT", "/os-quota-class-sets/default") == [{"quota_class_set": {"cores": 40}}]
