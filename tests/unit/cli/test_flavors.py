"""Flavors: list, show, create, delete, extra specs."""

import json

import pytest


def test_list(novasim, nova):
    shown = json.loads(novasim("flavor-list", "-f", "json")[1])
    assert shown[0] == {"ID": "2", "Name": "m1.small", "RAM (MB)": 2048, "Disk (GB)": 20, "Ephemeral (GB)": 0,
                        "Swap (MB)": 0, "VCPUs": 1, "RXTX Factor": 1.0, "Is Public": True}
    assert nova.requests[0]["query"] == {}


def test_list_all_with_extra_specs(novasim, nova):
    nova.on("GET", "/flavors/3/os-extra_specs", {"extra_specs": {"hw:numa": "2"}})
    shown = json.loads(novasim("flavor-list", "--all", "--extra-specs", "-f", "json")[1])
    assert [one["Extra Specs"] for one in shown] == [{}, {"hw:numa": "2"}]
    assert nova.requests[0]["query"] == {"is_public": ["None"]}


def test_show_uses_the_extra_specs_that_the_flavor_carries(novasim, nova):
    nova.on("GET", "/flavors/2", {"flavor": {"id": "2", "name": "m1.small", "extra_specs": {"a": "b"}}})
    assert json.loads(novasim("flavor-show", "2", "-f", "json")[1])["extra_specs"] == {"a": "b"}
    assert len(nova.requests) == 1


@pytest.mark.parametrize(("given", "flavor_id"), [("auto", None), ("9", "9")])
def test_create(novasim, nova, given, flavor_id):
    nova.on("POST", "/flavors", {"flavor": {"id": "9", "name": "big"}})
    nova.on("POST", "/flavors/9/os-extra_specs", {"extra_specs": {"a": "b"}})
    nova.on("GET", "/flavors/9/os-extra_specs", {"extra_specs": {"a": "b"}})
    code, out, _err = novasim("flavor-create", "big", given, "1024", "0", "2", "--ephemeral", "1",
                              "--swap", "512", "--rxtx-factor", "2", "--is-public", "false",
                              "--property", "a=b", "-f", "json")
    assert code == 0
    assert nova.sent("POST", "/flavors") == [{"flavor": {
        "name": "big", "id": flavor_id, "ram": 1024, "disk": 0, "vcpus": 2, "swap": 512, "rxtx_factor": 2.0,
        "OS-FLV-EXT-DATA:ephemeral": 1, "os-flavor-access:is_public": False}}]
    assert nova.sent("POST", "/flavors/9/os-extra_specs") == [{"extra_specs": {"a": "b"}}]
    assert json.loads(out)["extra_specs"] == {"a": "b"}


@pytest.mark.parametrize(("arguments", "text"), [
    (("x", "auto", "0", "0", "1"), "argument RAM: 0 is less than 1"),
    (("x", "auto", "1", "-1", "1"), "argument DISK: -1 is less than 0"),
    (("x", "auto", "1", "1", "one"), "argument VCPUS: 'one' is not a whole number"),
    (("x", "auto", "1", "1", "1", "--is-public", "maybe"), "--is-public: 'maybe' is neither true nor"),
])
def test_create_with_a_bad_size_names_it(novasim, arguments, text):
    code, _out, err = novasim("flavor-create", *arguments)
    assert code == 2
    assert text in err


def test_delete(novasim, nova):
    nova.on("DELETE", "/flavors/2", (202, None))
    assert novasim("flavor-delete", "m1.small") == (0, "flavor m1.small is deleted\n", "")


def test_key_set_and_unset(novasim, nova):
    nova.on("POST", "/flavors/2/os-extra_specs", {"extra_specs": {}})
    nova.on("DELETE", "/flavors/2/os-extra_specs/a", (200, None))
    nova.on("DELETE", "/flavors/2/os-extra_specs/b:c", (200, None))
    assert novasim("flavor-key", "m1.small", "set", "a=1", "b:c=2")[0] == 0
    assert nova.sent("POST", "/flavors/2/os-extra_specs") == [{"extra_specs": {"a": "1", "b:c": "2"}}]
    code, _out, err = novasim("flavor-key", "m1.small", "unset", "a", "b:c")
    assert (code, err) == (0, "")


def test_key_to_set_needs_a_value(novasim, nova):
    code, _out, err = novasim("flavor-key", "m1.small", "set", "a")
    assert code == 2
    assert err == "novasim: flavor-key: 'a' is not of the form key=value. Give the value to set\n"
