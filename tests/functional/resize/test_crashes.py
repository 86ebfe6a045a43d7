"""An agent process that dies anywhere in a move: at its next start the server comes to rest, and nothing is lost.

Everything an agent does to the world goes through its database, its hypervisors and its two proxies. The story is
told again and again, with a death before the first step, after the first, after the second, until it comes to its
end alive. With the process die all messages that are queued, as with a broker that dies too.
"""

import dataclasses
import itertools

import pytest

from novasim import exceptions, states
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.db import migrations
from novasim.launch import service, wiring
from novasim.sim.clock import ManualClock


class ProcessDied(BaseException):
    """Like the end of a process, nothing of ours catches it."""


class Fate:
    """Counts the steps of the agents and lets them die after one; after number 0 they die before the first."""

    def __init__(self):
        self.steps, self.last, self.dead, self.journal = [], None, False, None

    def arm(self, cluster, last):
        self.steps, self.last, self.dead, self.journal = [], last, False, cluster.ground.journal

    def disarm(self):
        self.last, self.dead = None, False

    def live(self, name, work, args, kwargs):
        if self.dead or self.last == 0:
            self._die()
        result = work(*args, **kwargs)
        self.steps.append(name)
        if len(self.steps) == self.last:
            self._die()
        return result

    def _die(self):
        self.dead = True
        self.journal.write("agent died", None)
        raise ProcessDied


class Mortal:
    """Something an agent works with; calls of some names are steps."""

    def __init__(self, fate, thing, names):
        self._fate, self._thing, self._names = fate, thing, names

    def __getattr__(self, name):
        value = getattr(self._thing, name)
        if name not in self._names:
            return value
        return lambda *args, **kwargs: self._fate.live(name, value, args, kwargs)


VERBS = {"spawn", "destroy", "power_on", "power_off", "reboot", "migrate_disk_and_power_off", "finish_migration",
         "confirm_migration", "finish_revert_migration"}
MESSAGES = {"resize_instance", "finish_resize", "finish_revert_resize", "migrate_server", "build_instances",
            "terminate_instance", "confirm_resize"}


@pytest.fixture
def mortal(monkeypatch):
    """Agents that are started from now on are mortal; the fate they share."""
    fate = Fate()
    real = wiring.agents

    def agents(ground, hosts):
        made = real(ground, hosts)
        return dataclasses.replace(
            made, db=Mortal(fate, made.db, {"write"}), driver=Mortal(fate, made.driver, VERBS),
            compute=Mortal(fate, made.compute, MESSAGES), conductor=Mortal(fate, made.conductor, MESSAGES))

    monkeypatch.setattr(wiring, "agents", agents)
    return fate


ENDS = {"boot": "built", "resize": "waiting for confirm or revert", "confirm": "confirmed", "revert": "reverted",
        "delete": "deleted", "stop": "compute_stop_instance", "start": "compute_start_instance",
        "reboot": "compute_reboot_instance"}
# What is done, one after the other; the agents die in the last.
STORIES = ["boot", "resize", "resize confirm", "resize revert", "delete", "resize delete", "stop", "stop start",
           "reboot"]
# Where the server may come to rest.
RESTS = {"boot": {"active", "error"}, "resize": {"resized", "active"}, "confirm": {"active"}, "revert": {"active"},
         "delete": {None}, "stop": {"stopped"}, "start": {"active"}, "reboot": {"active"}}


def at_rest(cluster, uuid):
    """Gone, or without a task and without a move but one that waits for the user."""
    try:
        row = cluster.row(uuid)
    except exceptions.InstanceNotFound:
        return True
    move = cluster.db.read(migrations.in_progress, uuid)
    return row.task_state is None and (move is None or move.status == states.FINISHED)


def come_to_rest(cluster, uuid):
    """Let conductors look for what is lost, until there is nothing any more."""
    while not at_rest(cluster, uuid):
        mark = cluster.watch.mark()
        cluster.clock.advance(2)
        recovery.recover(cluster.orchestrator)
        assert cluster.watch.more(mark, 5) or at_rest(cluster, uuid), (
            f"stuck in {cluster.state(uuid)}, {cluster.db.read(migrations.in_progress, uuid)}")


def outcome(cluster, uuid):
    try:
        return cluster.row(uuid).vm_state
    except exceptions.InstanceNotFound:
        return None


@pytest.fixture
def recovery_first(monkeypatch):
    """Agents take up what was left before their start returns, so that a test need not wait for it."""
    class Inline:
        def __init__(self, _):
            pass

        def submit(self, work, *args):
            work(*args)

        def shutdown(self, **_):
            pass

    monkeypatch.setattr(service, "ThreadPoolExecutor", Inline)


@pytest.mark.parametrize("story", STORIES)
def test_death_at_any_step(make_cluster, mortal, recovery_first, story):
    *past, last = story.split()
    cluster = make_cluster(clock=ManualClock(), **{"conductor.recovery_after": 1})
    for number in itertools.count():
        uuid = cluster.boot() if last != "boot" else None
        for verb in past:
            cluster.do(uuid, verb)
        mortal.arm(cluster, number)
        mark = cluster.watch.mark()
        uuid = cluster.create() if last == "boot" else cluster.begin(uuid, last)
        cluster.watch.wait_any(("agent died", ENDS[last]), mark)
        cluster.stop()
        died, steps = mortal.dead, list(mortal.steps)
        mortal.disarm()
        cluster.start()
        told = f"died after {number} steps: {steps}"
        come_to_rest(cluster, uuid)
        # What was sent at last may still be under way.
        cluster.restart()
        if last == "delete":
            periodics.cleanup_leftovers(cluster.agents)
        assert outcome(cluster, uuid) in RESTS[last], told
        assert cluster.audit() == [], told
        if outcome(cluster, uuid) == "resized":
            cluster.revert(uuid)
        if outcome(cluster, uuid) is not None:
            cluster.delete(uuid)
        assert (cluster.audit(), cluster.all_guests()) == ([], []), told
        if not died:
            break
    assert number > 2
