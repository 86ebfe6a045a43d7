"""Addresses: each is given once, from its range, as long as there are any."""

import ipaddress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novasim.db import models, network_errors, networks, ports
from novasim.db.ports import Need

NET = "11111111-2222-4333-8444-555555555555"


def subnet(cidr, name="s"):
    net = ipaddress.ip_network(cidr)
    return {"id": name, "cidr": cidr, "ip_version": net.version, "first_ip": str(net[2]), "last_ip": str(net[-2])}


def needs(count, of, first=0):
    return [Need(f"p{number}", NET, of) for number in range(first, first + count)]


def given_out(db):
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(
            models.ip_allocations.select().with_only_columns(
                models.ip_allocations.c.subnet_id, models.ip_allocations.c.ip_address))]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(st.integers(1, 9), st.sampled_from(["10.0.0.5", "10.0.0.6", "give back"])), max_size=8))
def test_no_address_twice_and_none_lost(db, steps):
    """A range of 13 addresses against a set: whatever is asked for, in whatever order."""
    small, held, number = subnet("10.0.0.0/28"), {}, 0
    with db.engine.begin() as connection:
        connection.execute(models.ip_allocations.delete())
    for step in steps:
        if step == "give back":
            if held:
                owner, addresses = held.popitem()
                assert db.write(ports.give_back, [owner]) == len(addresses)
            continue
        wanted = [Need(f"o{number}", NET, small, step)] if isinstance(step, str) else [
            Need(f"o{number}", NET, small)] * step
        used = {address for addresses in held.values() for address in addresses}
        if step in used:
            with pytest.raises(network_errors.IpAddressInUse):
                db.write(ports.allocate, wanted)
        elif len(used) + len(wanted) > 13:
            with pytest.raises(network_errors.IpAddressGenerationFailure):
                db.write(ports.allocate, wanted)
        else:
            held |= db.write(ports.allocate, wanted)
            number += 1
        everything = sorted(address for addresses in held.values() for address in addresses)
        assert sorted(address for _, address in given_out(db)) == everything
        assert len(set(everything)) == len(everything)
        assert all(2 <= int(address.rpartition(".")[2]) <= 14 for address in everything)


def test_a_large_range_costs_one_look_whatever_it_holds(db):
    from sqlalchemy import event
    large = subnet("10.0.0.0/8")
    seen = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2].split()[0]))
    for count in (1, 300):
        seen.clear()
        db.write(ports.allocate, needs(count, large, count))
        assert seen == ["BEGIN", "SELECT", "INSERT"]


def test_who_loses_an_address_tries_again(db, monkeypatch):
    """Between the look and the insert somebody else takes the address that was drawn."""
    large, drawn = subnet("10.0.0.0/8"), iter(["10.0.0.2"] * 3 + ["10.0.0.3"] * 3)
    monkeypatch.setattr(ports, "_draw", lambda _subnet: next(drawn))
    taken = ports._taken

    def too_late(tx, pairs):
        found = taken(tx, pairs)
        if ("s", "10.0.0.2") in pairs:
            tx.execute(models.ip_allocations.insert(), {"port_id": "x", "subnet_id": "s", "ip_address": "10.0.0.2"})
        return found

    monkeypatch.setattr(ports, "_taken", too_late)
    assert db.write(ports.allocate, needs(1, large)) == {"p0": ["10.0.0.3"]}
    assert given_out(db) == [("s", "10.0.0.3")]


@pytest.mark.parametrize(("cidr", "address", "fits"), [
    ("10.0.0.0/24", "10.0.0.0", False), ("10.0.0.0/24", "10.0.0.255", False), ("10.0.0.0/24", "10.0.0.1", True),
    ("10.0.0.0/24", "10.0.1.1", False), ("10.0.0.0/24", "fd00::1", False), ("fd00::/64", "fd00::", False),
    ("fd00::/64", "fd00::ffff:ffff:ffff:ffff", True), ("fd00::/64", "10.0.0.1", False)])
def test_the_subnet_of_an_address(cidr, address, fits):
    network = {"id": NET, "subnets": [subnet(cidr)]}
    if fits:
        assert ports.subnet_for(network, address)["cidr"] == cidr
    else:
        with pytest.raises(network_errors.InvalidIpForNetwork):
            ports.subnet_for(network, address)


@given(number=st.integers(0, 2**24 - 1))
def test_mac_addresses_follow_the_address(number):
    address = str(ipaddress.ip_address("10.0.0.0") + number)
    mac = ports.mac_address(["fd00::1", address])
    assert int(mac.replace(":", "")[6:], 16) == number
    assert mac.startswith("fa:16:3e:")


def test_of_two_servers_one_gets_a_port(db):
    db.write(networks.create, networks.PORTS, [
        {"uuid": "p", "network_id": NET, "mac_address": "m", "admin_state_up": True, "device_id": "",
         "device_owner": "", "preserve_on_delete": True}])
    db.write(ports.bind, "p", "one", "compute:nova", None)
    with pytest.raises(network_errors.PortBound):
        db.write(ports.bind, "p", "other", "compute:nova", None)
    assert db.write(ports.release, "other") == 0
    assert db.write(ports.release, "one") == 1
    db.write(ports.bind, "p", "other", "compute:nova", None)
