"""An agent process that dies anywhere in a move: at its next start the server comes to rest, and nothing is lost.

The story is told again and again, with a death before the first step, after the first, after the second, until it comes
to its end alive (mortal.py). With the process die all messages that are queued, as with a broker that dies too.
"""

import itertools

import pytest
from holding import take_up_at_start
from mortal import Fate, make_agents_mortal

from novasim import exceptions, states
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.db import migrations
from novasim.sim.clock import ManualClock


@pytest.fixture
def mortal(monkeypatch):
    """The fate of the agents that are started from now on."""
    fate = Fate()
    make_agents_mortal(monkeypatch, fate)
    return fate


ENDS = {"boot": "built", "resize": "waiting for confirm or revert", "confirm": "confirmed", "revert": "reverted",
        "delete": "deleted", "stop": "compute_stop_instance", "start": "compute_start_instance",
        "reboot": "compute_reboot_instance", "image": "image made", "backup": "image made", "rebuild": "rebuilt",
        "shelve": "shelved", "offload": "offloaded", "unshelve": "unshelved"}
# What is done, one after the other; the agents die in the last.
STORIES = ["boot", "resize", "resize confirm", "resize revert", "delete", "resize delete", "stop", "stop start",
           "reboot", "image", "backup", "rebuild", "stop rebuild", "shelve", "shelve offload", "shelve unshelve",
           "shelve offload unshelve", "shelve delete"]
# Where the server may come to rest.
RESTS = {"boot": {"active", "error"}, "resize": {"resized", "active"}, "confirm": {"active"}, "revert": {"active"},
         "delete": {None}, "stop": {"stopped"}, "start": {"active"}, "reboot": {"active"},
         "image": {"active"}, "backup": {"active"}, "rebuild": {"active", "stopped"}, "shelve": {"shelved"},
         "offload": {"shelved_offloaded"}, "unshelve": {"active", "shelved", "shelved_offloaded"}}


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
        # What was sent again is worked on before it is missed again: time must not run away from greenthreads.
        cluster.settle()
        assert cluster.watch.more(mark, 5) or at_rest(cluster, uuid), (
            f"stuck in {cluster.state(uuid)}, {cluster.db.read(migrations.in_progress, uuid)}")


def outcome(cluster, uuid):
    try:
        return cluster.row(uuid).vm_state
    except exceptions.InstanceNotFound:
        return None


@pytest.fixture
def recovery_first(monkeypatch):
    take_up_at_start(monkeypatch)


@pytest.mark.spec("8.12/building", "8.12/deleting", "8.12/reboot", "8.12/powering", "8.12/resize_prep",
                  "8.12/resize_migrating", "8.12/resize_migrated", "8.12/resize_reverting", "12.2/28", "12.2/29",
                  "8.12/vm-deleted")
@pytest.mark.parametrize("story", STORIES)
def test_death_at_any_step(make_cluster, mortal, recovery_first, story):
    *past, last = story.split()
    cluster = make_cluster(clock=ManualClock(), shelved_offload_time=-1, **{"conductor.recovery_after": 1})
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
