"""boot, list, show, rename, delete: what is sent and what is shown."""

import json

import pytest

from novasim.cli import poll

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(poll.pauses, "__defaults__", (0.001, 0.002))


@pytest.fixture
def booting(nova, server_id):
    nova.on("POST", "/servers", (202, {"server": {"id": server_id}}))
    return nova


BASE = ("boot", "--flavor", "m1.small", "--image", "cirros")
PLAIN = {"server": {"name": "demo", "flavorRef": "2", "imageRef": IMAGE}}


HINTS = ("--hint", "group=g", "--hint", "same_host=a", "--hint", "same_host=b", "--hint", "same_host=c")


@pytest.mark.parametrize(("options", "more", "beside", "version"), [
    ((), {}, {}, None),
    (("--nic", "none"), {"networks": "none"}, {}, "compute 2.37"),
    (("--nic", "auto", "--nic", "auto"), {"networks": "auto"}, {}, "compute 2.37"),
    (("--nic", "net-id=n,v4-fixed-ip=10.0.0.9", "--nic", "port-id=p"),
     {"networks": [{"uuid": "n", "fixed_ip": "10.0.0.9"}, {"port": "p"}]}, {}, None),
    (("--nic", "net-name=private,tag=t"), {"networks": [{"uuid": "net-1", "tag": "t"}]}, {}, "compute 2.42"),
    (("--nic", "net-id=n,v6-fixed-ip=fd00::9"), {"networks": [{"uuid": "n", "fixed_ip": "fd00::9"}]}, {}, None),
    (("--availability-zone", "nova:cmp-1"), {"availability_zone": "nova:cmp-1"}, {}, None),
    (("--meta", "a=1", "--meta", "b=x=y"), {"metadata": {"a": "1", "b": "x=y"}}, {}, None),
    (HINTS, {}, {"os:scheduler_hints": {"group": "g", "same_host": ["a", "b", "c"]}}, None),
])
def test_boot_sends(novasim, booting, options, more, beside, version):
    booting.on("GET", "/network/v2.0/networks", {"networks": [{"id": "net-1", "name": "private"}]})
    code, _out, err = novasim(*BASE, *options, "demo")
    assert (code, err) == (0, "")
    assert booting.sent("POST", "/servers") == [{"server": PLAIN["server"] | more} | beside]
    headers = next(one for one in booting.requests if one["method"] == "POST")["headers"]
    assert headers["OpenStack-API-Version"] == version


@pytest.mark.parametrize(("nics", "said"), [
    (["x"], "'x' is none of"), (["net-id="], "'net-id=' is none of"), (["tag=t"], "must name one of"),
    (["net-id=a,port-id=b"], "must name one of"), (["net-id=a,net-id=b"], "says two things"),
    (["net-id=a,v4-fixed-ip=b,v6-fixed-ip=c"], "says two things"), (["none", "auto"], "go with no other"),
    (["none", "net-id=a"], "go with no other"), (["net-name=other"], "there is no network 'other'")])
def test_boot_refuses_nics_that_say_nothing(novasim, booting, nics, said):
    booting.on("GET", "/network/v2.0/networks", {"networks": []})
    code, _out, err = novasim(*BASE, *(part for nic in nics for part in ("--nic", nic)), "demo")
    assert code != 0
    assert said in err
    assert booting.sent("POST", "/servers") == []


@pytest.mark.parametrize(("version", "networks"), [("2.36", None), ("2.37", "auto"), ("latest", "auto")])
def test_boot_names_networks_where_the_version_wants_them(novasim, booting, version, networks):
    assert novasim("--api-version", version, *BASE, "demo")[0] == 0
    assert booting.sent("POST", "/servers")[0]["server"].get("networks") == networks


def test_boot_shows_the_server_with_names(novasim, booting):
    shown = json.loads(novasim(*BASE, "demo", "-f", "json")[1])
    assert (shown["flavor"], shown["image"]) == ("m1.small", IMAGE)
    assert shown["OS-EXT-STS:power_state"] == "Running"
    assert "links" not in shown


def test_boot_with_poll_waits(novasim, booting, server_of, server_id):
    booting.on("GET", f"/servers/{server_id}", {"server": server_of(status="BUILD", task="spawning")},
               {"server": server_of()})
    code, _out, err = novasim(*BASE, "demo", "--poll")
    assert code == 0
    assert "boot demo: BUILD/spawning" in err
    assert "boot demo: ACTIVE" in err


def test_boot_with_poll_fails_with_the_fault(novasim, booting, server_of, server_id):
    booting.on("GET", f"/servers/{server_id}",
               {"server": server_of(status="ERROR", fault={"message": "No valid host was found. Full."})})
    code, out, err = novasim(*BASE, "demo", "--poll")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "novasim: demo is in ERROR: No valid host was found. Full."


def test_boot_of_several_follows_each(novasim, nova, server_of, server_id):
    nova.on("POST", "/servers", (202, {"reservation_id": "r-1"}))
    nova.on("GET", "/servers/detail", {"servers": [server_of(), server_of(id="other")]})
    nova.on("GET", "/servers/other", {"server": server_of(id="other", name="demo-2")})
    counts = ("--min-count", "2", "--max-count", "2")
    shown = json.loads(novasim(*BASE, "demo", *counts, "--poll", "-f", "json")[1])
    assert shown["servers"] == [server_id, "other"]
    body = nova.sent("POST", "/servers")[0]["server"]
    assert (body["min_count"], body["max_count"], body["return_reservation_id"]) == (2, 2, True)
    paths = [request["path"] for request in nova.requests]
    assert "/v2.1/servers/other" in paths


def test_list_shows_flavor_names_and_power(novasim, nova):
    shown = json.loads(novasim("list", "-f", "json")[1])
    assert shown == [{"ID": "6e3a7c3e-1111-4222-8333-944444444444", "Name": "demo", "Status": "ACTIVE",
                      "Task State": None, "Power State": "Running", "Flavor": "m1.small", "Host": "cmp-1"}]


def test_list_sends_its_filters(novasim, nova, server_id):
    novasim("list", "--all-tenants", "--status", "ACTIVE", "--host", "h", "--name", "x", "--deleted",
            "--flavor", "m1.small", "--limit", "5", "--marker", "demo", "--sort", "created_at:desc,name")
    assert nova.requests[-2]["query"] == {
        "all_tenants": ["1"], "status": ["ACTIVE"], "host": ["h"], "name": ["x"], "flavor": ["2"],
        "limit": ["5"], "marker": [server_id], "sort_key": ["created_at", "display_name"],
        "sort_dir": ["desc", "asc"], "deleted": ["True"]}


def test_list_fields(novasim, nova):
    shown = json.loads(novasim("list", "--fields", "name,vm_state,metadata", "-f", "json")[1])
    assert shown == [{"ID": "6e3a7c3e-1111-4222-8333-944444444444", "Name": "demo", "Vm State": "active",
                      "Metadata": {}}]


def test_list_unknown_field_is_named(novasim, nova):
    code, _out, err = novasim("list", "--fields", "name,colour")
    assert code == 2
    assert err.startswith("novasim: servers have no field colour. There are: OS-EXT-")


def test_empty_list(novasim, nova):
    nova.on("GET", "/servers/detail", {"servers": []})
    assert json.loads(novasim("list", "-f", "json")[1]) == []


def test_show(novasim, nova):
    code, out, _err = novasim("show", "demo")
    assert code == 0
    assert "| flavor " in out
    assert "| m1.small " in out


def test_show_of_a_fault(novasim, nova, server_of, server_id):
    fault = {"message": "disk is full", "code": 500, "created": "2026-01-01T00:00:00Z", "details": "Traceback"}
    nova.on("GET", f"/servers/{server_id}", {"server": server_of(status="ERROR", fault=fault)})
    assert "| disk is full (500, 2026-01-01T00:00:00Z) |" in novasim("show", "demo", "-c", "fault")[1]
    assert json.loads(novasim("show", "demo", "-c", "fault", "-f", "json")[1]) == {"fault": fault}


def test_rename(novasim, nova, server_id):
    nova.on("PUT", f"/servers/{server_id}", {"server": {}})
    assert novasim("rename", "demo", "other") == (0, "demo is now called other\n", "")
    assert nova.sent("PUT", f"/servers/{server_id}") == [{"server": {"name": "other"}}]


def test_delete_goes_on_after_one_that_is_missing(novasim, nova, server_id, server_of):
    nova.on("DELETE", f"/servers/{server_id}", (204, None))
    code, out, err = novasim("delete", "missing", "demo")
    assert (code, out) == (1, "delete of demo accepted\n")
    assert err == "novasim: there is no server 'missing'. See: novasim list --all-tenants\n"


def test_delete_with_poll(novasim, nova, server_id, server_of):
    nova.on("DELETE", f"/servers/{server_id}", (204, None))
    nova.on("GET", f"/servers/{server_id}", {"server": server_of(task="deleting")}, (404, None))
    code, _out, err = novasim("delete", "demo", "--poll")
    assert code == 0
    assert "delete demo: ACTIVE/deleting" in err
