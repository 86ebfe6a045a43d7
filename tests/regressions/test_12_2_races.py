"""Two at once, late messages, and work that was overtaken (spec 12.2 #30, #33, #34, #39, #40, #42)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cluster_fixture import ADMIN, MEDIUM, SMALL, TINY
from holding import Held, Kept
from sqlalchemy import insert, select

from novasim import states
from novasim.api import guards
from novasim.conductor import recovery
from novasim.db import models
from novasim.sim.clock import ManualClock


@pytest.fixture
def checked(make_cluster):
    return make_cluster(checked=True)


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=ManualClock(), checked=True, **{"conductor.recovery_after": 1,
                                                              "conductor.recovery_interval": -1})


PAIRS = {
    "two resizes": ({"resize": {"flavorRef": SMALL}}, {"resize": {"flavorRef": MEDIUM}}),
    "resize and migrate": ({"resize": {"flavorRef": SMALL}}, {"migrate": None}),
    "resize and stop": ({"resize": {"flavorRef": SMALL}}, {"os-stop": None}),
    "confirm and revert": ({"confirmResize": None}, {"revertResize": None}),
    "two reverts": ({"revertResize": None}, {"revertResize": None}),
}


@pytest.mark.spec("12.2/33", "12.2/18")
@pytest.mark.parametrize("pair", PAIRS)
def test_two_who_have_both_seen_that_they_may(checked, monkeypatch, pair):
    """Both requests have passed every check before either takes the state; then one wins, the other is told so, and
    only the winner's work, quota and action are left."""
    uuid = checked.boot()
    if "esize" not in next(iter(PAIRS[pair][0])) or "confirm" in pair or "revert" in pair:
        checked.resize(uuid, SMALL)
    both, real = threading.Barrier(2), guards.lost_races

    def lost_races(*args):
        both.wait(10)
        return real(*args)

    monkeypatch.setattr(guards, "lost_races", lost_races)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda body: checked.http(
            "POST", f"/servers/{uuid}/action", body, ADMIN), PAIRS[pair]))
    monkeypatch.undo()
    codes = sorted(answer.status_int for answer in answers)
    assert codes[0] in (202, 204)
    assert codes[1] == 409 or (codes[1] == 400 and "resized" in answers[-1].text + answers[0].text)
    winner = next(body for body, answer in zip(PAIRS[pair], answers, strict=True) if answer.status_int < 300)
    ends = {"resize": "waiting for confirm or revert", "migrate": "waiting for confirm or revert",
            "os-stop": "compute_stop_instance", "confirmResize": "confirmed", "revertResize": "reverted"}
    checked.watch.wait(ends[next(iter(winner))], instance_uuid=uuid)
    taken = [record["action"] for record in checked.get(f"/servers/{uuid}/os-instance-actions")["instanceActions"]]
    names = {"os-stop": "stop"}
    losers = [name for name in (next(iter(body)) for body in PAIRS[pair]) if name != next(iter(winner))]
    assert names.get(next(iter(winner)), next(iter(winner))) in taken
    assert not [name for name in losers if names.get(name, name) in taken and name != "resize"]
    checked.restart()
    assert checked.audit() == []


@pytest.mark.spec("12.2/34")
@pytest.mark.parametrize("word", ["confirm", "revert"])
def test_keys_of_others_are_left_alone(checked, monkeypatch, word):
    """At every hop of a move somebody else writes a key of system metadata. All of them are there in the end, and no
    hop has touched the row of one."""
    uuid = checked.boot(TINY)
    table, written = models.instance_system_metadata, {}
    hops = ("resize accepted", "chose cmp-0001", "chose cmp-0002", "chose cmp-0003", "prep_resize",
            "powering off and moving", "disks moved", "starting on destination", "waiting for confirm or revert",
            "destination removed", "confirmed", "reverted")

    def write(hop):
        if hop.get("instance_uuid") == uuid and hop["what"] in hops:
            key = f"other_{len(written)}"
            written[key] = hop["what"]
            checked.db.write(lambda tx: tx.execute(insert(table), {
                "instance_uuid": uuid, "key": key, "value": hop["what"], "created_at": tx.now, "deleted": 0}))

    stop = checked.ground.journal.subscribe(write)
    checked.resize(uuid, MEDIUM)
    checked.do(uuid, word)
    stop()
    found = {key: value for key, value in checked.row(uuid).system_metadata.items() if key.startswith("other_")}
    assert found == written
    assert len(written) >= 7
    rows = checked.db.read(lambda tx: tx.execute(select(table.c.updated_at).where(
        table.c.instance_uuid == uuid, table.c.key.startswith("other_"))).scalars().all())
    assert set(rows) == {None}


# verb of the hypervisors that fails late -> what is asked for
FAILING = {"migrate_disk_and_power_off": "resize", "finish_migration": "resize", "confirm_migration": "confirm",
           "destroy": "revert", "finish_revert_migration": "revert"}


def fail_late(monkeypatch, cluster, verb):
    """The next call of the verb stops, and fails when it goes on."""
    held = Held(monkeypatch, cluster, verb)
    held_verb = getattr(cluster.agents.driver, verb)

    def work(*args, **kwargs):
        held_verb(*args, **kwargs)
        if not failed:
            failed.append(verb)
            from novasim.exceptions import HypervisorError
            raise HypervisorError("broken")

    failed = []
    monkeypatch.setattr(cluster.agents.driver, verb, work)
    return held


@pytest.mark.spec("12.2/39", "8.1/reverts-task-state")
@pytest.mark.parametrize("verb", FAILING)
def test_a_failure_leaves_the_task_of_another(manual, monkeypatch, verb):
    """While a hop runs, an admin resets the server and a user stops it. Then the hop fails: the stop goes on."""
    uuid = manual.boot()
    if FAILING[verb] != "resize":
        manual.resize(uuid, MEDIUM)
    held = fail_late(monkeypatch, manual, verb)
    manual.begin(uuid, FAILING[verb])
    held.wait()
    manual.action(uuid, {"os-resetState": {"state": "active"}}, ADMIN)
    manual.faults.add({"at": "rpc.send", "match": {"method": "stop_instance"}, "do": "drop"})
    manual.action(uuid, {"os-stop": None})
    mine = manual.row(uuid).task_request_id
    held.release()
    manual.stop()
    row = manual.row(uuid)
    assert (row.vm_state, row.task_state, row.task_request_id) == ("active", "powering-off", mine)
    manual.start()
    manual.faults.clear()
    manual.delete(uuid)


@pytest.mark.spec("12.2/40", "12.2/30")
@pytest.mark.parametrize("verb", FAILING)
def test_a_failure_leaves_a_delete_alone(manual, monkeypatch, verb):
    """While a hop runs, the server is deleted, but the host has not begun with that. Then the hop fails: the server
    does not become error, is deleted when its host comes to it, and nothing is left."""
    uuid = manual.boot()
    if FAILING[verb] != "resize":
        manual.resize(uuid, MEDIUM)
    held = fail_late(monkeypatch, manual, verb)
    manual.begin(uuid, FAILING[verb])
    held.wait()
    manual.faults.add({"at": "rpc.send", "match": {"method": "terminate_instance"}, "do": "drop", "times": 1})
    mark = manual.watch.mark()
    manual.begin(uuid, "delete")
    manual.watch.wait("send terminate_instance", mark)
    held.release()
    manual.stop()
    row = manual.row(uuid)
    assert (row.vm_state == "error", row.task_state) == (False, "deleting")
    manual.start()
    manual.clock.advance(2)
    recovery.recover(manual.orchestrator)
    if manual.http("GET", f"/servers/{uuid}").status_int != 404:
        manual.watch.wait("deleted", instance_uuid=uuid)
    manual.restart()
    assert (manual.all_guests(), manual.quota()["ram"]) == ([], (0, 0))


# message -> (whose proxy sends it, what is asked for)
MESSAGES = {"migrate_server": ("api", "resize"), "prep_resize": ("conductor", "resize"),
            "resize_instance": ("agents", "resize"), "finish_resize": ("agents", "resize"),
            "confirm_resize": ("api", "confirm"), "revert_resize": ("api", "revert"),
            "finish_revert_resize": ("agents", "revert")}


def proxy(cluster, whose, method):
    return {"api": getattr(cluster.embedded.app, "conductor" if method == "migrate_server" else "compute"),
            "conductor": cluster.orchestrator.compute, "agents": cluster.agents.compute}[whose]


@pytest.mark.spec("12.2/42")
@pytest.mark.parametrize("method", MESSAGES)
def test_a_message_that_comes_long_after(manual, monkeypatch, method):
    """It was under way for so long that its operation ended without it and the server has been moved again since. Now
    it arrives, twice, at each state of the next move: nothing happens."""
    whose, word = MESSAGES[method]
    uuid = manual.boot()
    if word != "resize":
        manual.resize(uuid, MEDIUM)
    with monkeypatch.context() as keeping:
        kept = Kept(keeping, proxy(manual, whose, method), method)
        manual.begin(uuid, word)
        kept.wait()
    mark = manual.watch.mark()
    manual.action(uuid, {"os-resetState": {"state": "active"}}, ADMIN)
    if method in ("finish_resize", "finish_revert_resize"):
        manual.watch.wait("guest put back", mark)
    old = manual.row(uuid).instance_type_id

    def comes(hop):
        if hop.get("instance_uuid") == uuid and hop["what"] in ("resize accepted", "migrate accepted", "disks moved",
                                                                "prep_resize", "confirmed", "reverted", STARTED,
                                                                "waiting for confirm or revert"):
            kept.send()
            sent.append(hop["what"])

    sent, stop = [], manual.ground.journal.subscribe(comes)
    manual.migrate(uuid)
    manual.revert(uuid)
    manual.migrate(uuid)
    manual.confirm(uuid)
    stop()
    assert len(sent) >= 8
    manual.restart()
    assert (manual.state(uuid), manual.row(uuid).instance_type_id) == (("active", None), old)
    row = manual.row(uuid)
    assert manual.guests(uuid)[row.host, "guest"] == states.RUNNING
    assert manual.held(uuid) == [(row.host, row.memory_mb, row.vcpus, row.root_gb, False)]


STARTED = "starting on destination"


@pytest.mark.spec("12.2/30")
def test_a_delete_while_the_conductor_chooses(manual, monkeypatch):
    """Before there is a move there is a reservation: it goes too."""
    uuid = manual.boot()
    scheduler, real = manual.orchestrator.scheduler, manual.orchestrator.scheduler.select_destinations

    def select_destinations(*args, **kwargs):
        chosen = real(*args, **kwargs)
        manual.delete(uuid)
        return chosen

    monkeypatch.setattr(scheduler, "select_destinations", select_destinations)
    mark = manual.watch.mark()
    manual.begin(uuid, "resize")
    manual.watch.wait("receive prep_resize", mark)
    manual.restart()
    assert (manual.all_guests(), manual.quota()) == ([], {"cores": (0, 0), "instances": (0, 0), "ram": (0, 0)})


@pytest.mark.parametrize(("state", "fails"), [("active", False), ("error", False), ("active", True)])
def test_a_reset_while_it_is_built(manual, monkeypatch, state, fails):
    """What became of the build is noted all the same: the server has its guest and can be used, or says that not."""
    held = fail_late(monkeypatch, manual, "spawn") if fails else Held(monkeypatch, manual, "spawn")
    uuid = manual.create()
    held.wait()
    manual.action(uuid, {"os-resetState": {"state": state}}, ADMIN)
    assert manual.state(uuid) == (state, None)
    mark = manual.watch.mark()
    held.release()
    manual.watch.wait("build failed after a reset" if fails else "built after a reset", mark)
    assert manual.state(uuid) == ("error" if fails else state, None)
    assert len(manual.held(uuid)) == 1
    if not fails:
        manual.do(uuid, "reboot")
        assert manual.state(uuid) == ("active", None)
        manual.resize(uuid, SMALL)


@pytest.mark.parametrize("method", ["build_instances", "run_instance"])
def test_a_reset_before_it_has_a_host(manual, monkeypatch, method):
    """It never gets one, and can be deleted."""
    whose = {"build_instances": manual.embedded.app.conductor, "run_instance": manual.orchestrator.compute}[method]
    kept = Kept(monkeypatch, whose, method)
    uuid = manual.create()
    kept.wait()
    manual.action(uuid, {"os-resetState": {"state": "error"}}, ADMIN)
    mark = manual.watch.mark()
    monkeypatch.undo()
    kept.send()
    manual.watch.wait("receive run_instance", mark)
    manual.restart()
    assert (manual.state(uuid), manual.held(uuid), manual.all_guests()) == (("error", None), [], [])
    manual.delete(uuid)
    assert manual.quota()["instances"] == (0, 0)
