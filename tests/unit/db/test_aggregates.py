"""Aggregates: one zone a host, whoever changes what; and a stamp that tells of every change."""

import pytest

from novasim import exceptions
from novasim.db import aggregates, hosts


@pytest.fixture
def fleet(db):
    db.write(hosts.register, ["cmp-1", "cmp-2"], hosts.COMPUTE, "compute")
    db.write(hosts.register, ["ctl"], "nova-conductor", "conductor")


@pytest.fixture
def make(db, fleet):
    """An aggregate with hosts: ``make("a", "east", "cmp-1")``."""
    def call(name, zone=None, *names):
        made = db.write(aggregates.create, name, zone)
        for host in names:
            db.write(aggregates.add_host, made.id, host)
        return made.id
    return call


def test_hosts_and_metadata_stay_in_their_order(db, make, clock):
    number = make("a", "east", "cmp-2", "cmp-1")
    clock.advance(5)
    db.write(aggregates.set_metadata, number, {"ssd": "true", "old": "1"}, "test")
    shown = db.write(aggregates.set_metadata, number, {"old": None, "ssd": "false"}, "test")
    assert (shown.hosts, shown.metadata) == (["cmp-2", "cmp-1"], {"availability_zone": "east", "ssd": "false"})
    assert shown.updated_at > shown.created_at
    assert db.read(aggregates.list_all) == [shown]


def test_zones(db, make):
    make("a", "east", "cmp-1")
    make("b", None, "cmp-1", "cmp-2")
    assert db.read(aggregates.zones) == {"cmp-1": "east"}
    assert db.read(aggregates.zones, ["cmp-2"]) == {}
    assert db.read(aggregates.zones, {"cmp-1", "cmp-2"}) == {"cmp-1": "east"}
    assert [db.read(aggregates.has_hosts, zone) for zone in ("east", "west")] == [True, False]


def test_a_host_is_in_one_zone_only(db, make):
    make("a", "east", "cmp-1")
    west = make("b", "west")
    with pytest.raises(exceptions.Conflict, match=r"already in availability zone\(s\) \['east'\]"):
        db.write(aggregates.add_host, west, "cmp-1")
    same, none = make("c", "east", "cmp-1"), make("d", None, "cmp-1")
    for number in (same, none):
        with pytest.raises(exceptions.InvalidAggregateAction, match=r"already in availability zone\(s\) \['east'\]"):
            db.write(aggregates.set_metadata, number, {"availability_zone": "west"}, "update aggregate metadata")
    assert db.read(aggregates.zones) == {"cmp-1": "east"}


def test_a_zone_with_servers_keeps_its_name(db, make, make_server):
    number = make("a", "east", "cmp-1")
    make_server(host="cmp-1")
    for zone in ("west", None, ""):
        with pytest.raises(exceptions.InvalidAggregateAction):
            db.write(aggregates.set_metadata, number, {"availability_zone": zone}, "update aggregate")
    db.write(aggregates.set_metadata, number, {"availability_zone": "east", "a": "b"}, "update aggregate")


def test_refusals(db, make):
    number = make("a", None, "cmp-1")
    for error, call in (
            (exceptions.AggregateNameExists, lambda tx: aggregates.create(tx, "a")),
            (exceptions.AggregateHostExists, lambda tx: aggregates.add_host(tx, number, "cmp-1")),
            (exceptions.AggregateHostNotFound, lambda tx: aggregates.remove_host(tx, number, "cmp-2")),
            (exceptions.ComputeHostNotFound, lambda tx: aggregates.add_host(tx, number, "gone")),
            (exceptions.ComputeHostNotFound, lambda tx: aggregates.add_host(tx, number, "ctl")),
            (exceptions.InvalidAggregateAction, lambda tx: aggregates.delete(tx, number)),
            (exceptions.AggregateNotFound, lambda tx: aggregates.delete(tx, 77)),
            (exceptions.AggregateNotFound, lambda tx: aggregates.rename(tx, 77, "x")),
            (exceptions.AggregateNotFound, lambda tx: aggregates.set_metadata(tx, 77, {"a": "b"}, "test"))):
        with pytest.raises(error):
            db.write(call)


def test_names_of_the_deleted_are_free(db, make):
    number = make("a", "east", "cmp-1")
    db.write(aggregates.remove_host, number, "cmp-1")
    db.write(aggregates.delete, number)
    other = make("b")
    assert db.write(aggregates.rename, other, "a").name == "a"
    make("b")
    with pytest.raises(exceptions.AggregateNameExists):
        db.write(aggregates.rename, other, "b")


def test_the_stamp_tells_of_every_change_although_the_clock_stands_still(db, make):
    stamps = [db.read(aggregates.stamp)]

    def seen():
        stamps.append(db.read(aggregates.stamp))
        return stamps[-1] != stamps[-2]

    number = make("a", "east")
    assert seen()
    for host in ("cmp-1", "cmp-2"):
        db.write(aggregates.add_host, number, host)
        assert seen()
    for value in ("1", "2", None):
        db.write(aggregates.set_metadata, number, {"key": value}, "test")
        assert seen()
    db.write(aggregates.remove_host, number, "cmp-2")
    assert seen()
    db.write(aggregates.forget_hosts, ["cmp-1"])
    assert seen()
    assert not seen()
    assert len(set(stamps)) == len(stamps) - 1
