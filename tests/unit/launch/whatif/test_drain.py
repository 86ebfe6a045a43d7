"""Facts as the REST API shows them, on a fleet of two hosts that stay and one or two that go."""

import pytest

from novasim import exceptions
from novasim.launch.whatif import drain


def hypervisor(host, free_ram_mb=8192, **values):
    return {"id": 1, "hypervisor_hostname": host, "service": {"host": host}, "vcpus": 4, "memory_mb": 8192,
            "local_gb": 100, "vcpus_used": 0, "memory_mb_used": 8192 - free_ram_mb, "local_gb_used": 0,
            "free_ram_mb": free_ram_mb, "free_disk_gb": 100, "disk_available_least": None, "running_vms": 0,
            "hypervisor_type": "novasim", "hypervisor_version": 1000} | values


def service(host, status="enabled", state="up"):
    return {"binary": "nova-compute", "host": host, "status": status, "state": state}


def server(name, ram=4096, host="a", zone=None, **flavor):
    shown = {"original_name": "f", "ram": ram, "vcpus": 1, "disk": 1, "ephemeral": 0, "swap": 0, "extra_specs": {}}
    return {"id": f"id-{name}", "name": name, "tenant_id": "p", "OS-EXT-SRV-ATTR:host": host,
            "OS-EXT-SRV-ATTR:hypervisor_hostname": host, "OS-EXT-STS:vm_state": "active", "OS-EXT-STS:task_state": None,
            "image": {"id": "cirros"}, "pinned_availability_zone": zone, "flavor": shown | flavor}


def facts(*servers, services=None, aggregates=(), groups=(), **hosts):
    fleet = {"a": 8192, "b": 8192, "c": 8192} | hosts
    return {"hypervisors": [hypervisor(host, free) for host, free in fleet.items()], "servers": list(servers),
            "services": services or [service(host) for host in fleet], "aggregates": list(aggregates),
            "groups": list(groups)}


@pytest.fixture
def ask(make_policy):
    def ask(given, *leaving):
        policy = make_policy(ram_allocation_ratio=1.0)
        return {one["name"]: one for one in drain.drain(policy, given, leaving or ("a",), 0)}
    return ask


def test_the_largest_goes_first_and_takes_its_room(ask):
    found = ask(facts(server("x", 2048), server("y", 6144), server("z", 8192), b=8192, c=6144))
    assert [(one["name"], one["to"]) for one in found.values()] == [("z", "b"), ("y", "c"), ("x", None)]
    assert found["x"]["why"].startswith("0 of 3: 2 RamFilter, 1 ignore_hosts; e.g. b: 2048 MB of memory asked")
    assert (found["z"]["id"], found["z"]["from"], found["z"]["why"]) == ("id-z", "a", None)


def test_servers_do_not_go_to_hosts_that_are_drained_too(ask):
    found = ask(facts(server("x", 8192), server("y", 8192, host="b")), "a", "b")
    assert sorted((one["to"] or "-") for one in found.values()) == ["-", "c"]


@pytest.mark.parametrize("service_b", [service("b", status="disabled"), service("b", state="down")])
def test_hosts_that_are_disabled_or_down_take_nobody(ask, service_b):
    found = ask(facts(server("x"), services=[service("a"), service_b, service("c")]))
    assert found["x"]["to"] == "c"


def test_a_server_stays_in_its_zone(ask):
    east = {"name": "east", "hosts": ["a", "c"], "metadata": {"availability_zone": "east"}}
    found = ask(facts(server("x", zone="east"), c=4096, aggregates=[east]))
    assert found["x"]["to"] == "c"
    assert ask(facts(server("x", zone="west"), aggregates=[east]))["x"]["to"] is None


def test_groups_are_kept_as_servers_move(ask):
    group = {"policy": "anti-affinity", "rules": {}, "members": ["id-x", "id-y", "id-w"]}
    found = ask(facts(server("x"), server("y"), server("w", host="b"), groups=[group]))
    assert (found["x"]["to"], found["y"]["to"]) == ("c", None)
    assert "ServerGroupAntiAffinityFilter" in found["y"]["why"]
    two = group | {"rules": {"max_server_per_host": 2}}
    found = ask(facts(server("x"), server("y"), server("w", host="b"), groups=[two], b=3000))
    assert (found["x"]["to"], found["y"]["to"]) == ("c", "c")


def test_servers_that_are_there_already_count(make_policy):
    policy = make_policy(enabled_filters=["TypeAffinityFilter"])
    given = facts(server("x", original_name="one"), server("y", original_name="one"), server("v", host="b"),
                  server("w", host="c", original_name="one"))
    assert {one["name"]: one["to"] for one in drain.drain(policy, given, ["a"], 0)} == {"x": "c", "y": "c"}


def test_a_host_that_is_not_there_is_named(ask):
    with pytest.raises(exceptions.Invalid, match="no hypervisor on host d, e"):
        ask(facts(), "a", "d", "e")
