"""What becomes of work when the agent that is at it crashes, or stands still."""

import threading
from datetime import timedelta

import pytest
from cluster_fixture import ADMIN, DEADLINE_S

from novasim import states
from novasim.compute import periodics
from novasim.db import hosts
from novasim.rpc.sim_driver import Bus
from novasim.sim.clock import ManualClock


def act(cluster, action, *names):
    answer = cluster.http("POST", "/os-simulator/hosts/action", {action: {"hosts": list(names)}}, ADMIN)
    assert answer.status_int == 202, answer.text


def waiting(cluster):
    return Bus.of(cluster.conf.transport_url).waiting()


class Sleeper(ManualClock):
    """A clock that tells that somebody sleeps by it."""

    def __init__(self):
        super().__init__()
        self.asleep = threading.Event()

    def sleep(self, seconds):
        if seconds > 0:
            with self._moved:
                until = self._now + timedelta(seconds=seconds)
                self.asleep.set()
                self._moved.wait_for(lambda: self._now >= until)


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=Sleeper(), service_down_time=1000)


def in_the_middle(cluster, verb, action):
    """Keep the hypervisors busy with a verb for a minute, and return when one is."""
    cluster.faults.add({"at": f"virt.{verb}", "do": {"delay": 60}, "times": 1})
    action()
    assert cluster.clock.asleep.wait(DEADLINE_S)


@pytest.mark.parametrize("action", ["crash", "freeze"])
def test_messages_wait_in_the_queue(manual, action):
    uuid = manual.boot()
    host = manual.row(uuid).host
    act(manual, action, host)
    mark = manual.watch.mark()
    manual.begin(uuid, "stop")
    manual.settle()
    assert (manual.state(uuid), waiting(manual)) == ((states.ACTIVE, states.POWERING_OFF), {f"compute.{host}": 1})
    act(manual, {"crash": "revive", "freeze": "thaw"}[action], host)
    manual.watch.wait("compute_stop_instance", mark, instance_uuid=uuid)
    assert (manual.state(uuid), waiting(manual)) == ((states.STOPPED, None), {})


def test_a_crash_ends_the_work_and_a_revived_agent_takes_it_up(manual):
    """As a compute service that is killed in the middle of a copy: its start undoes the move (spec 8.12)."""
    uuid = manual.boot()
    source = manual.row(uuid).host
    mark = manual.watch.mark()
    in_the_middle(manual, "migrate_disk_and_power_off", lambda: manual.begin(uuid, "resize"))
    act(manual, "crash", source)
    manual.clock.advance(60)
    manual.settle()
    assert manual.state(uuid) == (states.ACTIVE, states.RESIZE_MIGRATING), "the dead write nothing"
    assert manual.guests(uuid) == {(source, "guest"): states.RUNNING}, "and touch no guest"
    act(manual, "revive", source)
    manual.watch.wait("compute_resize_instance failed", mark, instance_uuid=uuid)
    assert manual.state(uuid) == (states.ACTIVE, None)
    assert manual.row(uuid).host == source
    manual.resize(uuid)


def test_a_crash_of_the_destination(manual):
    uuid = manual.boot()
    mark = manual.watch.mark()
    in_the_middle(manual, "finish_migration", lambda: manual.begin(uuid, "resize"))
    dest = manual.row(uuid).host
    act(manual, "crash", dest)
    manual.clock.advance(60)
    manual.settle()
    assert manual.state(uuid) == (states.ACTIVE, states.RESIZE_FINISH)
    act(manual, "revive", dest)
    manual.watch.wait("waiting for confirm or revert", mark, instance_uuid=uuid)
    assert manual.state(uuid) == (states.RESIZED, None)


def test_frozen_work_stands_still_and_goes_on(manual):
    uuid = manual.boot()
    source = manual.row(uuid).host
    mark = manual.watch.mark()
    in_the_middle(manual, "migrate_disk_and_power_off", lambda: manual.begin(uuid, "resize"))
    act(manual, "freeze", source)
    manual.clock.advance(60)
    assert not Bus.of(manual.conf.transport_url).wait_idle(0.2), "it is still at it"
    assert manual.state(uuid) == (states.ACTIVE, states.RESIZE_MIGRATING)
    act(manual, "thaw", source)
    manual.watch.wait("waiting for confirm or revert", mark, instance_uuid=uuid)
    assert manual.state(uuid) == (states.RESIZED, None)


def test_what_is_frozen_can_crash(manual):
    uuid = manual.boot()
    host = manual.row(uuid).host
    mark = manual.watch.mark()
    in_the_middle(manual, "reboot", lambda: manual.begin(uuid, "reboot"))
    act(manual, "freeze", host)
    manual.clock.advance(60)
    act(manual, "crash", host)
    manual.settle()
    assert manual.row(uuid).task_state in states.REBOOT_TASKS
    act(manual, "revive", host)
    manual.watch.wait("compute_reboot_instance", mark, instance_uuid=uuid)
    assert manual.state(uuid) == (states.ACTIVE, None)


@pytest.mark.parametrize(("action", "back"), [("crash", "revive"), ("freeze", "thaw")])
def test_no_heartbeat(manual, action, back):
    act(manual, action, "cmp-0002")
    manual.clock.advance(2000)
    periodics.report_state(manual.agents)
    since = manual.clock.now()
    up = [host for host in ("cmp-0001", "cmp-0002", "cmp-0003") if manual.db.read(hosts.is_up, host, since)]
    assert up == ["cmp-0001", "cmp-0003"]
    found = manual.get("/os-simulator/hosts", ADMIN)["hosts"]
    assert {host["host"]: host["service_state"] for host in found}["cmp-0002"] == "down"
    act(manual, back, "cmp-0002")
    assert manual.db.read(hosts.is_up, "cmp-0002", since)


def test_evacuated_while_it_was_gone(manual):
    """What was on it is elsewhere; revived, it clears away what it still has."""
    uuid = manual.boot()
    host = manual.row(uuid).host
    act(manual, "crash", host)
    manual.clock.advance(2000)
    manual.db.write(hosts.heartbeat, manual.agents.hosts, hosts.COMPUTE)
    manual.act(uuid, {"evacuate": {"onSharedStorage": False}}, "evacuated", ADMIN, 200)
    new = manual.row(uuid).host
    assert manual.guests(uuid).keys() == {(host, "guest"), (new, "guest")}
    mark = manual.watch.mark()
    act(manual, "revive", host)
    manual.watch.wait("evacuated guest removed", mark, instance_uuid=uuid)
    assert manual.guests(uuid).keys() == {(new, "guest")}
