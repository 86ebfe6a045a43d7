"""A host that is gone for good ends nothing any more: the conductor ends what waits for it (spec 12.2 #20, #29, #32),
and what the host finds when it comes back all the same is not its work any more."""

import pytest
from cluster_fixture import ADMIN, MEDIUM, TINY
from holding import Held, take_up_at_start
from sqlalchemy import select

from novasim import states
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.db import hosts, models
from novasim.sim.clock import ManualClock

REPORT, DOWN, PATIENCE = 1000, 2500, 100
RUNNING, OFF = states.RUNNING, states.SHUTDOWN
TINY_HELD, MEDIUM_HELD = (512, 1, 1, False), (4096, 2, 40, False)


@pytest.fixture
def manual(make_cluster, monkeypatch):
    """Its agents report by hand only."""
    take_up_at_start(monkeypatch)
    return make_cluster(clock=ManualClock(), checked=True, report_interval=REPORT,
                        **{"conductor.recovery_after": PATIENCE, "conductor.recovery_interval": -1})


def pass_without(cluster, dead, seconds):
    """Time passes; all report but the agent of one host."""
    cluster.clock.advance(seconds)

    def report(tx):
        hosts.heartbeat(tx, [host for host in cluster.agents.hosts if host != dead], hosts.COMPUTE)
        hosts.heartbeat(tx, [cluster.conf.host], "nova-conductor")

    cluster.db.write(report)


def lose(cluster, dead):
    """What is sent to the host from now on gets lost."""
    cluster.faults.add({"at": "rpc.send", "match": {"server": dead}, "do": "drop"})


def give_up(cluster, dead):
    """The host stays away for longer than anybody waits for it."""
    lose(cluster, dead)
    pass_without(cluster, dead, DOWN - 1)
    recovery.recover(cluster.orchestrator)
    pass_without(cluster, dead, PATIENCE + 2)
    assert recovery.recover(cluster.orchestrator) >= 1
    cluster.faults.clear()


def come_back(cluster):
    """The host is back; what its start set off has ended."""
    cluster.restart()
    cluster.settle()


def open_events(cluster, uuid):
    events, actions = models.instance_actions_events.c, models.instance_actions.c
    return [row.event for row in cluster.db.read(lambda tx: tx.execute(select(events.event).join_from(
        models.instance_actions_events, models.instance_actions, events.action_id == actions.id).where(
        events.finish_time.is_(None), actions.instance_uuid == uuid)).all())]


class Story:
    """What is asked for, where it stops, whose host dies then, and how server, claim and guests are in the end.

    ``back`` is what the hypervisors hold once the host is back: the copy of a move goes when its server has a guest.
    """

    def __init__(self, word, dead, lost=None, verb=None, after=False, vm_state="error", at="source", back=None):
        self.word, self.dead, self.lost, self.verb, self.after = word, dead, lost, verb, after
        self.vm_state, self.at, self.back = vm_state, at, back or {}


S, D = "source", "dest"
STORIES = {
    "pre-migrating": Story("resize", S, "resize_instance", vm_state="active", back={(S, "guest"): RUNNING}),
    "migrating": Story("resize", S, verb="migrate_disk_and_power_off", back={(S, "guest"): RUNNING}),
    "migrating, copied": Story("resize", S, verb="migrate_disk_and_power_off", after=True,
                               back={(S, "guest"): RUNNING}),
    "post-migrating": Story("resize", D, "finish_resize", back={(S, "guest"): RUNNING}),
    "finishing": Story("resize", D, verb="finish_migration", at=D, back={(S, "backup"): OFF}),
    "finishing, made": Story("resize", D, verb="finish_migration", after=True, at=D,
                             back={(D, "guest"): RUNNING}),
    "confirming": Story("confirm", S, "confirm_resize", vm_state="active", at=D, back={(D, "guest"): RUNNING}),
    "confirming, begun": Story("confirm", S, verb="confirm_migration", vm_state="active", at=D,
                               back={(D, "guest"): RUNNING}),
    "confirming, removed": Story("confirm", S, verb="confirm_migration", after=True, vm_state="active", at=D,
                                 back={(D, "guest"): RUNNING}),
    "reverting": Story("revert", D, "revert_resize", at=D, back={(D, "guest"): RUNNING}),
    "reverting, begun": Story("revert", D, verb="destroy", at=D, back={(D, "guest"): RUNNING}),
    "reverting, removed": Story("revert", D, verb="destroy", after=True, at=D, back={(S, "backup"): OFF}),
    "reverting, given up": Story("revert", S, "finish_revert_resize", back={(S, "guest"): RUNNING}),
    "reverting on source": Story("revert", S, verb="finish_revert_migration", back={(S, "guest"): RUNNING}),
    "reverting on source, made": Story("revert", S, verb="finish_revert_migration", after=True,
                                       back={(S, "guest"): RUNNING}),
}


def begin(cluster, monkeypatch, story):
    """Bring a server to where the story stops; returns (uuid, source, destination, what is held up)."""
    uuid = cluster.boot()
    if story.word != "resize":
        cluster.resize(uuid, MEDIUM)
    if story.lost:
        cluster.faults.add({"at": "rpc.send", "match": {"method": story.lost}, "do": "drop"})
    held = Held(monkeypatch, cluster, story.verb, story.after) if story.verb else None
    mark = cluster.watch.mark()
    if story.word == "resize":
        cluster.action(uuid, {"resize": {"flavorRef": MEDIUM}})
    else:
        cluster.begin(uuid, story.word)
    if held:
        held.wait()
    else:
        cluster.watch.wait(f"send {story.lost}", mark)
    move = cluster.move(uuid)
    return uuid, {S: move.source_compute, D: move.dest_compute}, held


def check_end(cluster, uuid, where, story):
    row, move = cluster.row(uuid), cluster.move(uuid)
    assert (row.vm_state, row.task_state) == (story.vm_state, None)
    confirmed = story.word == "confirm"
    assert move.status == ("confirmed" if confirmed else "error")
    new = confirmed or (story.word == "revert" and story.at == D)
    assert (row.host, cluster.held(uuid)) == (
        where[story.at], [(where[story.at], *(MEDIUM_HELD if new else TINY_HELD))])
    assert cluster.quota()["ram"] == (4096 if new else 512, 0)
    assert cluster.snapshots(uuid) == {"": "m1.medium" if new else "m1.tiny", "old_": None, "new_": None,
                                       "old_vm_state": None}
    dead = where[story.dead]
    assert cluster.fault(uuid) == (None if confirmed else f"Compute service of {dead} is unavailable at this time.")
    request = cluster.get(f"/servers/{uuid}/os-instance-actions")["instanceActions"][0]
    assert request["message"] == (None if confirmed else "Error")
    assert open_events(cluster, uuid) == []


@pytest.mark.spec("12.2/20", "12.2/29", "12.2/32")
@pytest.mark.parametrize(("name", "slow"), [
    pytest.param(name, slow, id=f"{'slow' if slow else 'dead'}-{name}") for name, story in STORIES.items()
    for slow in (False, True) if story.verb is not None or not slow])
def test_a_host_that_is_gone(manual, monkeypatch, name, slow):
    """The process dies in the middle; or, where its hop has begun, it is only cut off and ends that after all."""
    story = STORIES[name]
    uuid, where, held = begin(manual, monkeypatch, story)
    if held and not slow:
        mark = manual.watch.mark()
        held.die()
        manual.watch.wait("agent died", mark)
    give_up(manual, where[story.dead])
    check_end(manual, uuid, where, story)
    if held and slow:
        held.release()
    come_back(manual)
    check_end(manual, uuid, where, story)
    guests = {(where[end], role): power for (end, role), power in story.back.items()}
    if slow and name == "reverting, begun":
        # It ended what it was told before anybody told it otherwise; the copy on the source is the last one.
        guests = {(where[S], "backup"): OFF}
    if slow and name == "finishing":
        guests = {(where[D], "guest"): RUNNING}
    assert manual.guests(uuid) == guests
    manual.delete(uuid)
    manual.restart()
    assert manual.all_guests() == []


@pytest.mark.spec("12.2/20")
def test_a_host_that_comes_back_in_time_does_its_work(manual, monkeypatch):
    story = STORIES["confirming"]
    uuid, where, _ = begin(manual, monkeypatch, story)
    lose(manual, where[S])
    pass_without(manual, where[S], DOWN + PATIENCE - 1)
    recovery.recover(manual.orchestrator)
    assert manual.move(uuid).status == "confirming"
    manual.faults.clear()
    manual.restart()
    if manual.move(uuid).status != "confirmed":
        manual.watch.wait("confirmed", instance_uuid=uuid)
    assert manual.guests(uuid) == {(where[D], "guest"): RUNNING}


@pytest.mark.spec("12.2/20")
def test_a_host_that_an_admin_forced_down(manual, monkeypatch):
    """Its heartbeat goes on; what counts is what the admin says."""
    uuid, where, _ = begin(manual, monkeypatch, STORIES["confirming"])
    service = next(one for one in manual.get("/os-services", ADMIN, "2.53")["services"] if one["host"] == where[S])
    manual.clock.advance(10)
    assert manual.http("PUT", f"/os-services/{service['id']}", {"forced_down": True}, ADMIN, "2.53").status_int == 200
    pass_without(manual, None, PATIENCE - 20)
    recovery.recover(manual.orchestrator)
    assert manual.move(uuid).status == "confirming"
    pass_without(manual, None, PATIENCE)
    recovery.recover(manual.orchestrator)
    assert manual.move(uuid).status == "confirmed"
    assert manual.http("PUT", f"/os-services/{service['id']}", {"forced_down": False}, ADMIN, "2.53").status_int == 200
    manual.faults.clear()
    come_back(manual)
    assert manual.guests(uuid) == {(where[D], "guest"): RUNNING}


@pytest.mark.spec("12.4/4", "12.4/8")
@pytest.mark.parametrize("word", ["stop", "start", "reboot"])
def test_power(manual, monkeypatch, word):
    """The server is given back as it was; whether the host still did it, it says itself when it is back."""
    uuid = manual.stopped() if word == "start" else manual.boot()
    before, dead = manual.state(uuid), manual.row(uuid).host
    lose(manual, dead)
    manual.begin(uuid, word)
    give_up(manual, dead)
    assert manual.state(uuid) == before
    assert manual.fault(uuid) == f"Compute service of {dead} is unavailable at this time."
    come_back(manual)
    assert (manual.state(uuid), open_events(manual, uuid)) == (before, [])
    manual.do(uuid, word)


@pytest.mark.spec("12.4/4", "12.4/8")
def test_build(manual, monkeypatch):
    held = Held(monkeypatch, manual, "spawn")
    uuid = manual.create()
    held.wait().die()
    manual.watch.wait("agent died")
    dead = manual.row(uuid).host
    give_up(manual, dead)
    assert (manual.state(uuid), manual.held(uuid)) == (("error", None), [(dead, *TINY_HELD)])
    come_back(manual)
    assert (manual.state(uuid), open_events(manual, uuid)) == (("error", None), [])
    manual.delete(uuid)


@pytest.mark.spec("12.2/30", "12.4/4")
@pytest.mark.parametrize("resized", [False, True])
def test_delete(manual, resized):
    """The records go; what lies on the host goes when it is back, and on others at once."""
    uuid = manual.boot()
    if resized:
        manual.resize(uuid, MEDIUM)
    dead = manual.row(uuid).host
    lose(manual, dead)
    manual.begin(uuid, "delete")
    give_up(manual, dead)
    assert manual.http("GET", f"/servers/{uuid}").status_int == 404
    assert (manual.held(uuid), manual.quota()["ram"]) == ([], (0, 0))
    come_back(manual)
    assert manual.all_guests() == []


@pytest.mark.spec("12.2/20")
def test_no_confirm_by_the_clock_without_the_source(make_cluster):
    """A confirm that nobody can carry out would take the user's revert away."""
    cluster = make_cluster(clock=ManualClock(), checked=True, report_interval=REPORT, resize_confirm_window=10)
    uuid = cluster.boot(TINY)
    cluster.resize(uuid, MEDIUM)
    dead = cluster.move(uuid).source_compute
    pass_without(cluster, dead, DOWN + 1)
    periodics.confirm_resizes(cluster.agents)
    assert (cluster.move(uuid).status, cluster.quota()["ram"]) == ("finished", (4096, 0))
    cluster.db.write(hosts.heartbeat, [dead], hosts.COMPUTE)
    periodics.confirm_resizes(cluster.agents)
    cluster.watch.wait("confirmed")


@pytest.mark.spec("12.2/20")
def test_no_confirm_by_the_user_without_the_source(manual):
    uuid = manual.boot()
    manual.resize(uuid, MEDIUM)
    pass_without(manual, manual.move(uuid).source_compute, DOWN + 1)
    manual.action(uuid, {"confirmResize": None}, status=409)
    assert manual.move(uuid).status == "finished"
    manual.revert(uuid)


@pytest.mark.spec("12.2/32")
@pytest.mark.parametrize("body", [{"resize": {"flavorRef": MEDIUM}}, {"migrate": None}])
def test_no_move_from_a_host_that_is_down(manual, body):
    uuid = manual.boot()
    pass_without(manual, manual.row(uuid).host, DOWN + 1)
    manual.action(uuid, body, ADMIN, status=409)
    assert (manual.state(uuid), manual.quota()["ram"]) == (("active", None), (512, 0))


@pytest.mark.spec("12.2/41")
@pytest.mark.parametrize("change", [{"status": "disabled"}, {"status": "enabled"}, {"forced_down": False}])
def test_an_edit_is_no_sign_of_life(manual, change):
    uuid = manual.boot()
    dead = manual.row(uuid).host
    pass_without(manual, dead, DOWN + 1)

    def service():
        return next(one for one in manual.get("/os-services", ADMIN, "2.53")["services"] if one["host"] == dead)

    assert service()["state"] == "down"
    answer = manual.http("PUT", f"/os-services/{service()['id']}", change, ADMIN, "2.53")
    assert (answer.status_int, service()["state"]) == (200, "down")
    manual.action(uuid, {"migrate": None}, ADMIN, status=409)


@pytest.mark.spec("12.2/31")
@pytest.mark.parametrize("end", [S, D])
@pytest.mark.parametrize("name", ["pre-migrating", "post-migrating", "confirming", "reverting"])
def test_a_service_with_a_move_is_not_deleted(manual, monkeypatch, name, end):
    uuid, where, _ = begin(manual, monkeypatch, STORIES[name])
    service = next(one for one in manual.get("/os-services", ADMIN, "2.53")["services"] if one["host"] == where[end])
    assert manual.http("DELETE", f"/os-services/{service['id']}", token=ADMIN, version="2.53").status_int == 409
    assert where[end] in [one["host"] for one in manual.get("/os-services", ADMIN, "2.53")["services"]]
    manual.faults.clear()
    manual.delete(uuid)
