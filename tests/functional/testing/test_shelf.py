"""A cluster that is reset cannot be told from a new one, and costs next to nothing."""

import time
from datetime import datetime

import pytest
from cluster_fixture import ADMIN
from sqlalchemy import update

from novasim.db import hosts, models
from novasim.db.engine import Database
from novasim.sim.clock import ManualClock
from novasim.testing.cluster import Cluster
from novasim.testing.shelf import Shelf


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path)
    yield made
    made.close()


def contents(database: Database):
    """Every row of every table, without the times of heartbeats."""
    with database.engine.connect() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        rows = {table: connection.exec_driver_sql(f"SELECT * FROM {table}").mappings().all() for table in tables}
        return {table: [{key: value for key, value in row.items() if key not in ("last_seen_up", "report_count")}
                        for row in found] for table, found in rows.items()}


def play(cluster: Cluster):
    """Something of everything; what came of it, by the names that a seed does not change."""
    first, second = cluster.boot(), cluster.boot("2")
    cluster.resize(first)
    cluster.migrate(second)
    cluster.confirm(first)
    cluster.revert(second)
    cluster.http("POST", "/os-aggregates", {"aggregate": {"name": "fast"}}, ADMIN)
    cluster.http("POST", "/flavors", {"flavor": {"name": "own", "ram": 1, "vcpus": 1, "disk": 1, "id": "own"}}, ADMIN)
    cluster.http("PUT", "/os-quota-sets/demo", {"quota_set": {"instances": 3}}, ADMIN)
    cluster.settle()
    names = {first: "first", second: "second"}
    return ([(hop["service"], hop["host"], hop["what"], names.get(hop.get("instance_uuid"))) for hop in
             cluster.watch.hops if hop["what"].startswith(("send", "chose", "prep", "confirmed", "reverted"))],
            [(server["name"], server["OS-EXT-SRV-ATTR:host"], server["OS-EXT-SRV-ATTR:instance_name"]) for server in
             cluster.get("/servers/detail?all_tenants=1", ADMIN)["servers"]])


def test_what_is_done_after_a_reset_is_what_was_done_before(shelf):
    cluster = shelf.cluster(6, **{"simulator.seed": 7, "filter_scheduler.host_subset_size": 4})
    before, began = contents(cluster.db), play(cluster)
    guests = cluster.embedded.agents.driver.list_guests()
    cluster.faults.add({"at": "virt.spawn", "do": {"raise": "no"}})
    assert contents(cluster.db) != before
    assert guests
    shelf.put_back(cluster)
    assert shelf.cluster(6, **{"simulator.seed": 7, "filter_scheduler.host_subset_size": 4}) is cluster
    assert contents(cluster.db) == before
    assert cluster.embedded.agents.driver.list_guests() == []
    assert play(cluster) == began


def test_hosts_are_alive_whenever_they_were_started(shelf):
    cluster = shelf.cluster()
    cluster.db.write(lambda tx: tx.execute(update(models.services).values(last_seen_up=datetime(2000, 1, 1))))
    cluster.embedded.keep()

    def states():
        return {one["state"] for one in cluster.get("/os-services", ADMIN)["services"]}

    assert states() == {"down"}
    assert cluster.reset()
    assert states() == {"up"}


def test_a_shape_is_what_was_asked_for(shelf):
    three, one = shelf.cluster(), shelf.cluster(1)
    strict = shelf.cluster(1, **{"quota.instances": 0})
    for cluster in (three, one, strict):
        shelf.put_back(cluster)
    assert shelf.cluster(1) is one
    assert shelf.cluster(1) is not one, "it is in use"
    assert strict.get("/limits")["limits"]["absolute"]["maxTotalInstances"] == 0
    stopped = shelf.cluster(clock=ManualClock())
    shelf.put_back(stopped)
    assert shelf.cluster(clock=ManualClock()) is not stopped


def test_what_does_not_come_to_rest_is_ended_and_cut_off(shelf, monkeypatch):
    monkeypatch.setattr("novasim.testing.shelf.PATIENCE_S", 0.05)
    cluster = shelf.cluster(graceful_shutdown_timeout=0)
    clock = ManualClock()
    monkeypatch.setattr(cluster.faults, "_clock", clock)
    cluster.faults.add({"at": "virt.spawn", "do": {"delay": 60}})
    cluster.create()
    cluster.watch.wait("fault delay")
    shelf.put_back(cluster)
    other = shelf.cluster(graceful_shutdown_timeout=0)
    assert other is not cluster
    before = contents(other.db)
    clock.advance(61)
    with pytest.raises(RuntimeError, match="has ended"):
        cluster.db.read(hosts.services)
    assert contents(other.db) == before


def cost_ms(work, times):
    """CPU time of the cheapest of several, since other processes use the machine too."""
    def once():
        began = time.process_time()
        work()
        return (time.process_time() - began) * 1000
    return min(once() for _ in range(times))


def test_it_is_cheap(shelf):
    made = []
    assert cost_ms(lambda: made.append(shelf.cluster()), 3) < 150
    cluster = made[0]

    def one_test():
        cluster.boot()
        cluster.settle()

    def reset():
        assert cluster.reset()

    one_test()
    assert cost_ms(reset, 20) < 5
    stops = [other.stop for other in made]
    assert min(cost_ms(stop, 1) for stop in stops) < 20
