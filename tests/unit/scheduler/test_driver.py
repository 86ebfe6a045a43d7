"""The driver on a real SQLite file."""

import pytest
from sqlalchemy import Engine, event

from novasim import exceptions
from novasim.db import engine, hosts, instances, versioning
from novasim.objects import Instance
from novasim.scheduler.driver import FilterScheduler, load_driver
from novasim.sim.chance import Chance
from novasim.sim.clock import ManualClock

FLAVOR = {"flavorid": "2", "name": "m1.small", "memory_mb": 2048, "vcpus": 1, "root_gb": 20}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def db(tmp_path, clock, make_node):
    database = engine.Database(f"sqlite:///{tmp_path}/novasim.sqlite", clock)
    versioning.upgrade(database)
    names = ["cmp-1", "cmp-2", "cmp-3"]

    def write(tx):
        hosts.register(tx, names, hosts.COMPUTE, "compute")
        hosts.register_nodes(tx, [make_node(name, uuid="") for name in names], {})
        instances.create(tx, [Instance(uuid="there", host="cmp-3", node="cmp-3"), Instance(uuid="nowhere")])
    database.write(write)
    yield database
    database.close()


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
    with pytest.raises(exceptions.ConfigurationError, match=f"scheduler_driver: {name}"):
        load_driver(make_conf({"scheduler_driver": name}), db, clock, Chance(1))


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
    assert caught.value.text == (
        "No valid host was found. There are not enough hosts available. 0 of 3: 3 RamFilter; "
        "e.g. cmp-1: 20000 MB of memory asked, 12288 of 12288 MB free")


def test_nobody_is_refused_on_old_heartbeats(driver, db, clock):
    driver.select_destinations(*ask())
    clock.advance(61)
    with pytest.raises(exceptions.NoValidHost, match="3 ComputeFilter; e.g. cmp-1: no heartbeat for 61 s"):
        driver.select_destinations(*ask())
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
        with pytest.raises(exceptions.NoValidHost, match="3 SameHostFilter"):
            driver.select_destinations(*ask(scheduler_hints=hints))
    else:
        assert driver.select_destinations(*ask(scheduler_hints=hints))[0].host == host


@pytest.mark.parametrize(("hints", "queries"), [
    ({}, 0), ({"group": "g"}, 0), ({"same_host": ["there", "b"], "different_host": "nowhere"}, 1)])
def test_servers_are_looked_up_once_and_only_when_hinted(driver, hints, queries):
    sent = []

    def note(_conn, _cursor, statement, *_):
        sent.append(statement)
    event.listen(Engine, "before_cursor_execute", note)
    driver.select_destinations(*ask(uuids=["u1", "u2"], scheduler_hints=hints))
    event.remove(Engine, "before_cursor_execute", note)
    assert sum("FROM instances" in statement for statement in sent) == queries


def test_a_tried_host_is_not_chosen_again(driver):
    tried = {"num_attempts": 2, "hosts": [["cmp-1", "cmp-1"]]}
    assert driver.select_destinations(*ask(retry=tried))[0].host == "cmp-2"
