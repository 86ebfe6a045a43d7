"""Live migrations and evacuations whose messages come twice or never, and whose agents die at any step."""

import itertools

import pytest
from cluster_fixture import ADMIN
from holding import take_up_at_start
from live_stories import DONE, ask, busy_guests, check_at
from mortal import Fate, make_agents_mortal

from novasim import exceptions
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.db import migrations
from novasim.sim.clock import ManualClock

PATIENCE = {"conductor.recovery_after": 1}
HOPS = ["migrate_server", "live_migration", "pre_live_migration", "do_live_migration",
        "post_live_migration_at_destination"]


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=ManualClock(), **PATIENCE)


def recover(cluster):
    cluster.clock.advance(2)
    return recovery.recover(cluster.orchestrator)


@pytest.mark.parametrize("method", HOPS)
def test_twice(make_cluster, method):
    cluster = make_cluster(checked=True)
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    cluster.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "duplicate"})
    mark = cluster.watch.mark()
    ask(cluster, uuid)
    cluster.watch.wait(DONE, mark, instance_uuid=uuid)
    cluster.watch.wait(f"receive {method}", mark, times=2)
    cluster.restart()
    host = cluster.row(uuid).host
    assert host != source
    check_at(cluster, uuid, host)
    assert cluster.fault(uuid) is None
    assert cluster.move(uuid).status == "completed"


@pytest.mark.parametrize("method", HOPS)
def test_lost(manual, method):
    """Before a conductor had it, the server is given back; after that, the migration goes on under its request."""
    uuid = manual.boot()
    manual.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop", "times": 1})
    mark = manual.watch.mark()
    request = ask(manual, uuid).headers["x-openstack-request-id"]
    manual.watch.wait(f"send {method}", mark)
    assert manual.state(uuid) == ("active", "migrating")
    assert recovery.recover(manual.orchestrator) == 0, "it is given its time"
    assert recover(manual) == 1
    manual.watch.wait("restored" if method == "migrate_server" else DONE, mark, instance_uuid=uuid)
    assert manual.state(uuid) == ("active", None)
    assert (manual.record(uuid, request)["message"] == "Error") == (method == "migrate_server")
    assert recover(manual) == 0


def test_a_conductor_that_dies_while_it_looks_for_a_host(manual, monkeypatch):
    class Died(BaseException):
        pass

    def die(*_, **__):
        manual.ground.journal.write("conductor died", None)
        raise Died

    uuid = manual.boot()
    monkeypatch.setattr(manual.orchestrator.scheduler, "select_destinations", die)
    mark = manual.watch.mark()
    ask(manual, uuid)
    manual.watch.wait("conductor died", mark)
    assert manual.move(uuid).status == "accepted"
    assert recover(manual) == 1
    check_at(manual, uuid, manual.row(uuid).host)
    assert manual.move(uuid).status == "error"
    assert "was lost on its way" in manual.fault(uuid)


def at_rest(cluster, uuid):
    try:
        return cluster.row(uuid).task_state is None and cluster.db.read(migrations.in_progress, uuid) is None
    except exceptions.InstanceNotFound:
        return True


def come_to_rest(cluster, uuid):
    """Let conductors look for what is lost, until there is nothing any more."""
    while not at_rest(cluster, uuid):
        mark = cluster.watch.mark()
        recover(cluster)
        # What was sent again is worked on before it is missed again: time must not run away from greenthreads.
        cluster.settle()
        assert cluster.watch.more(mark, 5) or at_rest(cluster, uuid), (
            f"stuck in {cluster.state(uuid)}, {cluster.db.read(migrations.in_progress, uuid)}")


def force_down(cluster, host, forced_down=True):
    answer = cluster.http("PUT", "/os-services/force-down", {"host": host, "binary": "nova-compute",
                                                             "forced_down": forced_down}, ADMIN, "2.11")
    assert answer.status_int == 200, answer.text


def begin(cluster, uuid, word):
    """Ask for something; how it ends."""
    if word == "live":
        ask(cluster, uuid)
        return DONE
    if word == "evacuate":
        force_down(cluster, cluster.row(uuid).host)
        assert cluster.http("POST", f"/servers/{uuid}/action", {"evacuate": {}}, ADMIN, "2.14").status_int == 200
        return "evacuated"
    cluster.begin(uuid, "delete")
    return "deleted"


@pytest.mark.spec("8.12/order")
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("story", ["live", "evacuate", "live delete"])
def test_death_at_any_step(make_cluster, monkeypatch, story, first):
    """The server comes to rest with one guest, on the one host or on the other.

    :param first: after so many steps they die, and after 2, 4, ... more
    """
    mortal = Fate()
    make_agents_mortal(monkeypatch, mortal)
    take_up_at_start(monkeypatch)
    cluster = make_cluster(clock=ManualClock(), **PATIENCE)
    for number in itertools.count(first, 2):
        uuid = cluster.boot()
        mortal.arm(cluster, number)
        mark = cluster.watch.mark()
        for word in story.split():
            end = begin(cluster, uuid, word)
        cluster.watch.wait_any(("agent died", end), mark)
        cluster.stop()
        died, steps = mortal.dead, list(mortal.steps)
        mortal.disarm()
        cluster.start()
        told = f"died after {number} steps: {steps}"
        come_to_rest(cluster, uuid)
        cluster.restart()
        periodics.cleanup_leftovers(cluster.agents)
        assert cluster.audit() == [], told
        if "delete" not in story:
            assert cluster.state(uuid) == ("active", None), told
            cluster.delete(uuid)
        if story == "evacuate":
            for host in cluster.agents.hosts:
                force_down(cluster, host, False)
        assert (cluster.audit(), cluster.all_guests()) == ([], []), told
        if not died:
            break
    assert number > 2


def test_a_source_that_starts_again_while_it_copied(make_cluster, monkeypatch, tmp_path):
    take_up_at_start(monkeypatch)
    cluster = make_cluster(graceful_shutdown_timeout=1, **busy_guests(tmp_path))
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    mark = cluster.watch.mark()
    request = ask(cluster, uuid).headers["x-openstack-request-id"]
    cluster.watch.wait("copying the guest", mark)
    assert cluster.move(uuid).status == "running"
    cluster.restart()
    assert cluster.move(uuid).status == "failed"
    assert cluster.record(uuid, request)["message"] == "Error"
    assert cluster.row(uuid).host == source
    assert cluster.state(uuid) == ("active", None)
