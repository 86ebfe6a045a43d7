"""Aggregates: found by id before name; each change is one request."""

import json

import pytest

AGGREGATES = [
    {"id": 1, "name": "2", "availability_zone": None, "hosts": [], "metadata": {}},
    {"id": 2, "name": "east", "availability_zone": "east", "hosts": ["cmp-1"], "metadata": {"ssd": "true"}}]


@pytest.fixture
def aggregates(api):
    api.on("GET", "/os-aggregates", {"aggregates": AGGREGATES})
    return api


def test_list(novasim, aggregates):
    assert json.loads(novasim("aggregate-list", "-f", "json")[1])[1] == {
        "ID": 2, "Name": "east", "Availability Zone": "east", "Hosts": ["cmp-1"], "Metadata": {"ssd": "true"}}


@pytest.mark.parametrize("wanted", ["2", "east"])
def test_show_finds_an_id_before_a_name(novasim, aggregates, wanted):
    assert json.loads(novasim("aggregate-show", wanted, "-f", "json")[1])["name"] == "east"


def test_an_unknown_one_is_an_error(novasim, aggregates):
    code, _out, err = novasim("aggregate-show", "west")
    assert (code, err) == (1, "novasim: there is no aggregate 'west'. See: novasim aggregate-list\n")


@pytest.mark.parametrize(("zone", "sent"), [((), {}), (("east",), {"availability_zone": "east"})])
def test_create(novasim, api, zone, sent):
    api.on("POST", "/os-aggregates", {"aggregate": {"id": 3, "name": "x"}})
    assert json.loads(novasim("aggregate-create", "x", *zone, "-f", "json")[1]) == {"id": 3, "name": "x"}
    assert api.sent("POST", "/os-aggregates") == [{"aggregate": {"name": "x"} | sent}]


def test_update(novasim, aggregates):
    aggregates.on("PUT", "/os-aggregates/2", {"aggregate": AGGREGATES[1]})
    assert novasim("aggregate-update", "east", "--name", "w", "--availability-zone", "west")[0] == 0
    assert aggregates.sent("PUT", "/os-aggregates/2") == [{"aggregate": {"name": "w", "availability_zone": "west"}}]
    code, _out, err = novasim("aggregate-update", "east")
    assert (code, "nothing to change" in err) == (2, True)


@pytest.mark.parametrize(("arguments", "body"), [
    (("aggregate-add-host", "east", "cmp-2"), {"add_host": {"host": "cmp-2"}}),
    (("aggregate-remove-host", "east", "cmp-2"), {"remove_host": {"host": "cmp-2"}}),
    (("aggregate-set-metadata", "east", "a=b=c", "ssd", "empty="),
     {"set_metadata": {"metadata": {"a": "b=c", "ssd": None, "empty": ""}}}),
])
def test_actions(novasim, aggregates, arguments, body):
    aggregates.on("POST", "/os-aggregates/2/action", {"aggregate": AGGREGATES[1]})
    assert novasim(*arguments)[0] == 0
    assert aggregates.sent("POST", "/os-aggregates/2/action") == [body]


def test_delete(novasim, aggregates):
    aggregates.on("DELETE", "/os-aggregates/2", (200, None))
    assert novasim("aggregate-delete", "east") == (0, "aggregate east is deleted\n", "")
