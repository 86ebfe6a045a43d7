"""An agent that dies anywhere in a change of power: at its next start, or with a conductor's help, it comes to an end,
told again and again with the death one step later (mortal.py)."""

import itertools

import pytest
from holding import take_up_at_start
from mortal import Fate, make_agents_mortal

from novasim.conductor import recovery
from novasim.sim.clock import ManualClock

BODIES = {"changePassword": {"adminPass": "s3cret"}}
METHODS = {"changePassword": "set_admin_password", "delete": "soft_delete_instance"}
# What is done, one after the other; the agents die in the last. Where the server comes to rest.
STORIES = {
    "pause": "paused", "pause unpause": "active", "suspend": "suspended", "suspend resume": "active",
    "rescue": "rescued", "rescue unrescue": "active", "changePassword": "active", "delete": "soft-delete",
    "delete restore": "active",
}


def end_of(word):
    return "compute_" + METHODS.get(word, f"{word}_instance")


def begin(cluster, uuid, word):
    if word == "delete":
        cluster.begin(uuid, word)
    else:
        cluster.action(uuid, {word: BODIES.get(word)}, status=200 if word == "rescue" else 202)


@pytest.mark.spec("8.12/powering")
@pytest.mark.parametrize("story", STORIES)
def test_death_at_any_step(make_cluster, monkeypatch, story):
    mortal = Fate()
    make_agents_mortal(monkeypatch, mortal)
    take_up_at_start(monkeypatch)
    *past, last = story.split()
    cluster = make_cluster(clock=ManualClock(), reclaim_instance_interval=3600, **{"conductor.recovery_after": 1})
    for number in itertools.count():
        uuid = cluster.boot()
        for word in past:
            mark = cluster.watch.mark()
            begin(cluster, uuid, word)
            cluster.watch.wait(end_of(word), mark, instance_uuid=uuid)
        mortal.arm(cluster, number)
        mark = cluster.watch.mark()
        begin(cluster, uuid, last)
        cluster.watch.wait_any(("agent died", end_of(last)), mark)
        cluster.stop()
        died, steps = mortal.dead, list(mortal.steps)
        mortal.disarm()
        cluster.start()
        told = f"died after {number} steps: {steps}"
        assert recovery.recover(cluster.orchestrator) == 0, told
        assert cluster.state(uuid) == (STORIES[story], None), told
        assert cluster.audit() == [], told
        cluster.act(uuid, {"forceDelete": None}, "deleted")
        if not died:
            break
    assert number > 3


@pytest.mark.parametrize("number", [0, 1, 2])
def test_death_in_the_confirm_that_a_soft_delete_begins_with(make_cluster, monkeypatch, number):
    mortal = Fate()
    make_agents_mortal(monkeypatch, mortal)
    take_up_at_start(monkeypatch)
    cluster = make_cluster(clock=ManualClock(), reclaim_instance_interval=3600, **{"conductor.recovery_after": 1})
    uuid = cluster.boot()
    cluster.resize(uuid)
    mortal.arm(cluster, number)
    mark = cluster.watch.mark()
    begin(cluster, uuid, "delete")
    cluster.watch.wait("agent died", mark)
    cluster.stop()
    mortal.disarm()
    cluster.start()
    # What was sent at last may still be under way.
    cluster.restart()
    assert cluster.state(uuid) == ("soft-delete", None)
    assert cluster.move(uuid).status == "confirmed"
