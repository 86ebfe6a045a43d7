"""The driver on a real SQLite file."""

import pytest
from sqlalchemy import Engine, event

from novasim import exceptions
from novasim.db import claims, hosts, instances
from novasim.db.actions import full_text_of
from novasim.objects import Flavor, Instance
from novasim.scheduler.driver import CachingScheduler, ChanceScheduler, FilterScheduler, load_driver
from novasim.sim.chance import Chance

FLAVOR = {"flavorid": "2", "name": "m1.small", "memory_mb": 2048, "vcpus": 1, "root_gb": 20}


@pytest.fixture
def db(db, add):
    add("cmp-1", "cmp-2", "cmp-3")
    db.write(instances.create, [Instance(uuid="there", host="cmp-3", node="cmp-3"), Instance(uuid="nowhere")])
    return db


@pytest.fixture
def driver(make_conf, db, clock):
    return load_driver(make_conf(), db, clock, Chance(1))


def ask(flavor=FLAVOR, uuids=("u1",), **properties):
    return {"instance_type": flavor, "instance_uuids": list(uuids), "instance_properties": {}}, properties


@pytest.mark.spec("S19")
def test_the_default_driver_is_the_filter_scheduler(driver):
    assert type(driver) is FilterScheduler


@pytest.mark.spec("S19")
@pytest.mark.parametrize("name", ["novasim.scheduler.driver.Nothing", "no.such.module.Driver", "unknown"])
def test_an_unknown_driver_is_named(make_conf, db, clock, name):
    with pytest.raises(exceptions.ConfigurationError, match=rf"\[scheduler\] driver: {name}"):
        load_driver(make_conf({"scheduler.driver": name}), db, clock, Chance(1))


@pytest.mark.spec("S19", "S20")
def test_as_many_destinations_as_servers(driver):
    chosen = driver.select_destinations(*ask(uuids=["u1", "u2"]))
    assert [(one.host, one.nodename) for one in chosen] == [("cmp-1", "cmp-1"), ("cmp-2", "cmp-2")]
    assert chosen[0].limits == {"memory_mb": 12288.0, "vcpu": 64.0, "disk_gb": 100.0}


def test_the_next_request_sees_what_the_last_one_took(driver):
    found = [driver.select_destinations(*ask())[0].host for _ in range(4)]
    assert found == ["cmp-1", "cmp-2", "cmp-3", "cmp-1"]


def test_no_room_says_why(driver):
    with pytest.raises(exceptions.NoValidHost) as caught:
        driver.select_destinations(*ask(dict(FLAVOR, memory_mb=20000)))
    assert full_text_of(caught.value) == (
        "No valid host was found. There are not enough hosts available. 0 of 3: 3 RamFilter; "
        "e.g. cmp-1: 20000 MB of memory asked, 12288 of 12288 MB free")


def test_nobody_is_refused_on_old_heartbeats(driver, db, clock):
    driver.select_destinations(*ask())
    clock.advance(61)
    with pytest.raises(exceptions.NoValidHost) as caught:
        driver.select_destinations(*ask())
    assert full_text_of(caught.value).endswith("3 ComputeFilter; e.g. cmp-1: no heartbeat for 61 s")
    db.write(hosts.heartbeat, ["cmp-2"], hosts.COMPUTE)     # at the very same instant
    assert driver.select_destinations(*ask())[0].host == "cmp-2"


@pytest.mark.parametrize(("hints", "host"), [
    ({"same_host": "there"}, "cmp-3"),
    ({"same_host": ["nowhere", "there"]}, "cmp-3"),
    ({"same_host": ["nowhere"]}, None),
    ({"different_host": ["there", "unknown"]}, "cmp-1"),
])
def test_hints_name_servers(driver, hints, host):
    if host is None:
        with pytest.raises(exceptions.NoValidHost) as caught:
            driver.select_destinations(*ask(scheduler_hints=hints))
        assert "3 SameHostFilter" in full_text_of(caught.value)
    else:
        assert driver.select_destinations(*ask(scheduler_hints=hints))[0].host == host


@pytest.mark.parametrize(("hints", "queries"), [
    ({}, 0), ({"group": "g"}, 0), ({"same_host": ["there", "b"], "different_host": "nowhere"}, 1)])
def test_servers_are_looked_up_once_and_only_when_hinted(driver, hints, queries):
    sent = []

    def note(_conn, _cursor, statement, *_):
        sent.append(statement)
    event.listen(Engine, "before_cursor_execute", note)
    driver.hosts.refresh()      # where all servers are it asks then, and of changes later
    before = len(sent)
    driver.select_destinations(*ask(uuids=["u1", "u2"], scheduler_hints=hints))
    event.remove(Engine, "before_cursor_execute", note)
    assert sum("FROM instances" in statement and "instances.uuid IN" in statement
               for statement in sent[before:]) == queries


def test_a_tried_host_is_not_chosen_again(driver):
    tried = {"num_attempts": 2, "hosts": [["cmp-1", "cmp-1"]]}
    assert driver.select_destinations(*ask(retry=tried))[0].host == "cmp-2"


@pytest.mark.spec("S19")
@pytest.mark.parametrize(("name", "made"), [
    ("nova.scheduler.filter_scheduler.FilterScheduler", FilterScheduler),
    ("nova.scheduler.chance.ChanceScheduler", ChanceScheduler),
    ("nova.scheduler.caching_scheduler.CachingScheduler", CachingScheduler),
    ("novasim.scheduler.driver.ChanceScheduler", ChanceScheduler)])
def test_drivers_by_name(make_conf, db, clock, name, made):
    assert type(load_driver(make_conf({"scheduler.driver": name}), db, clock, Chance(1))) is made


@pytest.fixture
def chance(make_conf, db, clock):
    conf = make_conf({"scheduler.driver": "novasim.scheduler.driver.ChanceScheduler"})
    return load_driver(conf, db, clock, Chance(1))


def test_chance_draws_among_all_that_are_up_and_limits_nothing(chance):
    drawn = chance.select_destinations(*ask(dict(FLAVOR, memory_mb=10**6), uuids=[f"u{i}" for i in range(60)],
                                            ignore_hosts=["cmp-2"]))
    assert {(one.host, one.nodename) for one in drawn} == {("cmp-1", "cmp-1"), ("cmp-3", "cmp-3")}
    assert len(drawn) == 60
    assert [one.limits for one in drawn] == [{}] * 60


def test_chance_says_why_not(chance, clock):
    with pytest.raises(exceptions.NoValidHost, match="Could not find another compute"):
        chance.select_destinations(*ask(ignore_hosts=["cmp-1", "cmp-2", "cmp-3"]))
    clock.advance(61)
    with pytest.raises(exceptions.NoValidHost, match=r"Is the appropriate service running\?"):
        chance.select_destinations(*ask())


def test_caching_reads_once_a_period_and_before_it_refuses(make_conf, db, clock, make_node):
    driver = load_driver(make_conf({"scheduler.driver": "novasim.scheduler.driver.CachingScheduler",
                                    "scheduler.driver_task_period": 30.0}), db, clock, Chance(1))
    assert driver.select_destinations(*ask())[0].host == "cmp-1"

    def take(tx, hosts_taken):
        for host in hosts_taken:
            claims.take(tx, host, host, "there", Flavor(**dict(FLAVOR, memory_mb=12000)), {})
    clock.advance(1)
    db.write(take, ["cmp-2"])
    assert driver.select_destinations(*ask())[0].host == "cmp-2"        # it does not know
    assert driver.select_destinations(*ask())[0].host == "cmp-3"        # what it gave away itself it knows
    clock.advance(30)
    db.write(hosts.heartbeat, ["cmp-1", "cmp-2", "cmp-3"], hosts.COMPUTE)
    assert [driver.select_destinations(*ask())[0].host for _ in range(4)].count("cmp-2") == 0
    clock.advance(1)
    db.write(take, ["cmp-1", "cmp-3"])
    with pytest.raises(exceptions.NoValidHost):
        driver.select_destinations(*ask(dict(FLAVOR, memory_mb=12000)))
