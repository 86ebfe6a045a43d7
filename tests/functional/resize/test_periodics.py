"""What agents do by the clock: confirm by themselves, follow the guests' power, correct sums, clear away (spec 8.10,
8.11, 8.8)."""

import json

import pytest
from cluster_fixture import MEDIUM, SMALL, TINY
from sqlalchemy import update

from novasim import exceptions, states
from novasim.compute import periodics, tracker
from novasim.compute.virt.driver import BACKUP, GUEST, Guest
from novasim.conductor import recovery
from novasim.db import hosts, models
from novasim.sim.clock import ManualClock


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=ManualClock(), resize_confirm_window=10)


@pytest.mark.spec("S5", "8.10/confirm", "8.10/query", "8.10/clock", "8.11/poll_unconfirmed_resizes")
def test_confirmed_by_itself(manual):
    uuid = manual.boot(MEDIUM)
    manual.resize(uuid, TINY)
    manual.clock.advance(9)
    periodics.confirm_resizes(manual.agents)
    assert manual.state(uuid) == ("resized", None)
    manual.clock.advance(1)
    periodics.confirm_resizes(manual.agents)
    hop = manual.watch.wait("confirmed")[0]
    assert manual.state(uuid) == ("active", None)
    record = manual.record(uuid, hop["request_id"])
    assert (record["action"], record["message"]) == ("confirmResize", None)
    assert manual.quota() == {"cores": (1, 0), "instances": (1, 0), "ram": (512, 0)}


@pytest.mark.spec("8.10/skips")
@pytest.mark.parametrize("word", ["revert", "delete"])
def test_the_user_was_faster(manual, word):
    uuid = manual.boot()
    manual.resize(uuid)
    manual.clock.advance(10)
    manual.faults.add({"at": "rpc.send", "match": {"method": {"revert": "revert_resize",
                                                              "delete": "terminate_instance"}[word]}, "do": "drop"})
    manual.begin(uuid, word)
    before = manual.move(uuid).status
    periodics.confirm_resizes(manual.agents)
    assert (manual.move(uuid).status, manual.watch.count("send confirm_resize")) == (before, 0)
    manual.faults.clear()
    manual.delete(uuid)


@pytest.mark.spec("8.10/when")
def test_never_without_a_window(make_cluster):
    cluster = make_cluster(clock=ManualClock())
    uuid = cluster.boot()
    cluster.resize(uuid)
    cluster.clock.advance(50)
    periodics.confirm_resizes(cluster.agents)
    assert cluster.move(uuid).status == "finished"


def test_a_confirm_whose_reservation_expired_still_refunds(make_cluster):
    """The source was away for longer than reservations last."""
    cluster = make_cluster(clock=ManualClock(), reservation_expire=5)
    uuid = cluster.boot(MEDIUM)
    cluster.resize(uuid, TINY)
    cluster.faults.add({"at": "rpc.send", "match": {"method": "confirm_resize"}, "do": "drop", "times": 1})
    cluster.begin(uuid, "confirm")
    cluster.clock.advance(6)
    recovery.expire_reservations(cluster.orchestrator)
    cluster.restart()
    cluster.watch.wait("confirmed") if cluster.state(uuid)[0] == "resized" else None
    assert cluster.quota() == {"cores": (1, 0), "instances": (1, 0), "ram": (512, 0)}


@pytest.mark.spec("8.11/power-active", "8.11/power-copy")
def test_a_guest_that_went_off_stops_its_server(cluster):
    uuid = cluster.boot()
    cluster.agents.driver.power_off(cluster.row(uuid).host, uuid)
    periodics.sync_power_states(cluster.agents)
    row = cluster.row(uuid)
    assert (row.vm_state, row.task_state, row.power_state) == ("stopped", None, states.SHUTDOWN)


@pytest.mark.spec("8.11/power-stopped")
def test_a_guest_that_went_on_by_itself_is_stopped_again(cluster):
    uuid = cluster.stopped()
    host = cluster.row(uuid).host
    cluster.agents.driver.power_on(host, uuid)
    periodics.sync_power_states(cluster.agents)
    assert cluster.state(uuid) == ("stopped", None)
    assert cluster.guests(uuid) == {(host, GUEST): states.SHUTDOWN}


@pytest.mark.spec("8.11/power-resized", "8.11/power-copy", "8.5/9")
def test_a_resized_guest_that_went_off_stays_resized(cluster):
    uuid = cluster.boot()
    cluster.resize(uuid)
    host = cluster.row(uuid).host
    cluster.agents.driver.power_off(host, uuid)
    periodics.sync_power_states(cluster.agents)
    row = cluster.row(uuid)
    assert (row.vm_state, row.power_state) == ("resized", states.SHUTDOWN)
    cluster.confirm(uuid)
    assert cluster.state(uuid) == ("stopped", None)


@pytest.mark.spec("8.8/3", "8.8/7", "8.11/update_available_resource")
def test_wrong_sums_are_corrected(cluster):
    cluster.boot(SMALL)
    with cluster.db.transaction() as tx:
        tx.execute(update(models.compute_nodes).where(models.compute_nodes.c.host == "cmp-0002").values(
            vcpus_used=7, memory_mb_used=1, free_ram_mb=3))
    assert len(cluster.audit()) == 2
    assert tracker.audit(cluster.agents) == ["cmp-0002"]
    assert cluster.audit() == []
    node = cluster.db.read(hosts.nodes, "cmp-0002")[0]
    assert node.free_ram_mb == node.memory_mb - node.memory_mb_used
    assert tracker.audit(cluster.agents) == []


@pytest.mark.spec("8.8/7")
def test_workload_is_counted(cluster):
    uuid = cluster.boot()
    cluster.resize(uuid)
    tracker.audit(cluster.agents)
    running = {node.host: node.running_vms for node in cluster.db.read(hosts.nodes)}
    assert {host for host, count in running.items() if count} == {cluster.row(uuid).host}
    assert sum(running.values()) == 1


def cpu(cluster, host):
    [node] = cluster.db.read(hosts.nodes, host)
    return node.metrics and {one["name"]: one["value"] for one in json.loads(node.metrics)}


def test_monitors_follow_the_guests(make_cluster):
    """A host's CPUs are as busy as its running guests make them; rows that say so already are not written."""
    cluster = make_cluster(hosts=2, compute_monitors=["cpu.virt_driver"], clock=ManualClock())
    uuid = cluster.boot(MEDIUM)
    tracker.audit(cluster.agents)
    host = cluster.row(uuid).host
    other = next(name for name in cluster.agents.hosts if name != host)
    # Of 16 CPUs two are a guest's, which keeps a fifth of them busy.
    assert cpu(cluster, host) == {
        "cpu.frequency": 2600.0, "cpu.percent": 0.025, "cpu.idle.percent": 0.975, "cpu.user.percent": 0.0213,
        "cpu.kernel.percent": 0.0025, "cpu.iowait.percent": 0.0013}
    assert cpu(cluster, other)["cpu.percent"] == 0
    before = {node.host: (node.updated_at, node.metrics) for node in cluster.db.read(hosts.nodes)}
    cluster.clock.advance(60)
    tracker.audit(cluster.agents)
    assert {node.host: (node.updated_at, node.metrics) for node in cluster.db.read(hosts.nodes)} == before
    cluster.do(uuid, "stop")
    tracker.audit(cluster.agents)
    assert cpu(cluster, host)["cpu.percent"] == 0
    cluster.conf.set_override("compute_monitors", [])
    tracker.audit(cluster.agents)
    assert cpu(cluster, host) is cpu(cluster, other) is None


def test_schedulers_weigh_what_monitors_measured(make_cluster):
    """The idle host is preferred, whatever else speaks for the other."""
    cluster = make_cluster(hosts=2, compute_monitors=["cpu.virt_driver"], **{
        "filter_scheduler.weight_classes": ["novasim.scheduler.weighers.metrics.MetricsWeigher"],
        "metrics.weight_setting": ["cpu.percent=-1.0"], "metrics.required": False})
    busy = cluster.boot(MEDIUM)
    tracker.audit(cluster.agents)
    assert cluster.row(cluster.boot()).host != cluster.row(busy).host


@pytest.mark.parametrize("names", [["cpu.virt_driver", "gpu"], ["all"]])
def test_an_unknown_monitor_is_refused_at_the_start(make_cluster, names):
    with pytest.raises(exceptions.ConfigurationError, match="compute_monitors"):
        make_cluster(compute_monitors=names)


@pytest.mark.spec("8.8/6", "8.11/running_deleted", "12.3/56")
def test_only_left_overs_are_cleared_away(cluster):
    moved, at_rest = cluster.boot(), cluster.boot()
    cluster.resize(moved)
    wanted = cluster.all_guests()
    stray = "99999999-9999-9999-9999-999999999999"
    put = cluster.agents.driver._store.put
    put(Guest("cmp-0001", stray, GUEST, states.RUNNING, 1, 512, 0))
    put(Guest("cmp-0002", stray, BACKUP, states.SHUTDOWN, 1, 512, 0))
    other = next(host for host in ("cmp-0001", "cmp-0002") if host != cluster.row(at_rest).host)
    put(Guest(other, at_rest, GUEST, states.RUNNING, 1, 512, 0))
    put(Guest(other, at_rest, BACKUP, states.SHUTDOWN, 1, 512, 0))
    assert len(cluster.audit()) >= 3
    periodics.cleanup_leftovers(cluster.agents)
    assert sorted(cluster.all_guests()) == sorted(wanted)


def test_the_copy_of_a_failed_move_is_kept(cluster):
    """It may be the last one; only the end of the server ends it."""
    uuid = cluster.boot()
    cluster.faults.add({"at": "virt.finish_migration", "do": {"raise": "x"}})
    cluster.resize(uuid, until="compute_finish_resize failed")
    kept = cluster.all_guests()
    periodics.cleanup_leftovers(cluster.agents)
    assert cluster.all_guests() == kept != []
