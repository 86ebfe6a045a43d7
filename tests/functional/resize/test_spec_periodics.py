"""What the agents do by the clock: the rows of spec 8.10 and 8.11 that no other story shows."""

import pytest
from cluster_fixture import ADMIN, MEDIUM, TINY
from sqlalchemy import update

from novasim import states
from novasim.compute import periodics
from novasim.db import models, quotas
from novasim.sim.clock import ManualClock


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=ManualClock(), resize_confirm_window=10, **{"conductor.recovery_after": 1})


@pytest.mark.spec("8.10/instance-gone", "8.10/vm-error")
@pytest.mark.parametrize("end", ["delete", "error"])
def test_no_move_is_left_waiting_by_a_server_that_is_gone_or_in_error(manual, end):
    uuid = manual.boot()
    manual.resize(uuid)
    if end == "delete":
        manual.delete(uuid)
    else:
        manual.action(uuid, {"os-resetState": {"state": "error"}}, ADMIN)
    ended = manual.move(uuid).status
    assert ended == {"delete": "confirmed", "error": "error"}[end]
    manual.clock.advance(11)
    periodics.confirm_resizes(manual.agents)
    assert (manual.move(uuid).status, manual.watch.count("send confirm_resize")) == (ended, 0)


@pytest.mark.spec("8.10/other-state")
@pytest.mark.parametrize("state", [{"vm_state": "active"}, {"task_state": "powering-off"}])
def test_a_server_that_does_not_wait_is_not_confirmed(manual, state):
    uuid = manual.boot()
    manual.resize(uuid)
    manual.clock.advance(11)
    with manual.db.transaction() as tx:
        tx.execute(update(models.instances).values(**state))
    periodics.confirm_resizes(manual.agents)
    assert (manual.move(uuid).status, manual.watch.count("send confirm_resize")) == ("finished", 0)
    with manual.db.transaction() as tx:
        tx.execute(update(models.instances).values(vm_state="resized", task_state=None))


@pytest.mark.spec("8.10/confirm", "8.10/query", "2.6/confirming", "5.9/reserve")
def test_a_locked_server_is_confirmed_by_the_clock(manual):
    uuid, other = manual.boot(MEDIUM), manual.boot()
    manual.resize(uuid, TINY)
    manual.action(uuid, {"lock": None})
    manual.clock.advance(10)
    manual.resize(other)
    periodics.confirm_resizes(manual.agents)
    manual.watch.wait("confirmed", instance_uuid=uuid)
    assert (manual.state(uuid), manual.state(other)) == (("active", None), ("resized", None))
    assert manual.db.read(quotas.usage, "demo", "alice")["ram"] == (512 + 2048, 0)


@pytest.mark.spec("8.11/report_state", "8.11/service-up")
def test_life_is_reported(manual):
    def seen():
        return {row["host"]: row["state"] for row in manual.get("/os-services", ADMIN)["services"]
                if row["binary"] == "nova-compute"}

    manual.clock.advance(manual.conf.service_down_time + 1)
    assert set(seen().values()) == {"down"}
    periodics.report_state(manual.agents)
    assert set(seen().values()) == {"up"}
    body = {"host": "cmp-0002", "binary": "nova-compute", "forced_down": True}
    assert manual.http("PUT", "/os-services/force-down", body, ADMIN, "2.11").status_int == 200
    assert seen() == {"cmp-0001": "up", "cmp-0002": "down", "cmp-0003": "up"}


@pytest.mark.spec("8.11/runner", "8.11/sync_power_states", "8.11/update_available_resource",
                  "8.11/poll_unconfirmed_resizes", "8.11/report_state")
def test_every_periodic_task_has_its_interval(cluster):
    spacing = {task.__name__: seconds for task, seconds in periodics.tasks(cluster.agents)}
    assert spacing.items() >= {"report_state": 10, "update_available_resource": 60, "confirm_resizes": 60,
                               "sync_power_states": 600, "cleanup_leftovers": 1800}.items()


@pytest.mark.spec("8.11/power-skip")
@pytest.mark.parametrize("busy", [{"task_state": "powering-on"}, {"host": "cmp-none"}])
def test_power_of_a_busy_or_moved_server_is_left_alone(cluster, busy):
    uuid = cluster.boot()
    host = cluster.row(uuid).host
    cluster.agents.driver.power_off(host, uuid)
    with cluster.db.transaction() as tx:
        tx.execute(update(models.instances).values(**busy))
    periodics.sync_power_states(cluster.agents)
    row = cluster.row(uuid)
    assert (row.vm_state, row.power_state, row.task_state) == ("active", states.RUNNING, busy.get("task_state"))
    with cluster.db.transaction() as tx:
        tx.execute(update(models.instances).values(task_state=None, host=host))
    periodics.sync_power_states(cluster.agents)
    assert cluster.state(uuid) == ("stopped", None)


@pytest.mark.spec("8.11/power-resized")
@pytest.mark.parametrize("vm_state", ["building", "rescued", "suspended", "error"])
def test_power_of_servers_in_other_states_is_copied_only(cluster, vm_state):
    uuid = cluster.boot()
    with cluster.db.transaction() as tx:
        tx.execute(update(models.instances).values(vm_state=vm_state))
    cluster.agents.driver.power_off(cluster.row(uuid).host, uuid)
    periodics.sync_power_states(cluster.agents)
    row = cluster.row(uuid)
    assert (row.vm_state, row.task_state, row.power_state) == (vm_state, None, states.SHUTDOWN)
    cluster.delete(uuid)
