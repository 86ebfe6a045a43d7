"""Choosing a host, failing there and trying the next one (spec 12.1 #1-#4, #8-#11, #14, #15)."""

import threading

import pytest
from cluster_fixture import ADMIN, MEDIUM, TINY, USER, on_every_choice, refuse
from holding import Kept

from novasim import config, exceptions
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.context import admin_context
from novasim.db import hosts, instances, migrations
from novasim.scheduler.driver import load_driver
from novasim.scheduler.endpoints import SchedulerEndpoints
from novasim.sim.chance import Chance
from novasim.sim.clock import ManualClock

WAITING = "waiting for confirm or revert"
# All hosts weigh the same, so the first one that fits is chosen; a server may be as big as a host.
LEVEL = {"filter_scheduler.weight_classes": [], "quota.ram": -1, "quota.cores": -1}
SPECS = ["RetryFilter", "ComputeFilter", "RamFilter", "AggregateInstanceExtraSpecsFilter"]


def make_huge(cluster):
    """A flavor of which two do not fit on one host, which has room for half as much again as its memory."""
    total = cluster.db.read(hosts.nodes, "cmp-0001")[0].memory_mb
    answer = cluster.http("POST", "/flavors", {"flavor": {
        "name": "huge", "id": "huge", "ram": total, "vcpus": 1, "disk": 1}}, ADMIN)
    assert answer.status_int == 200, answer.text
    return "huge"


@pytest.mark.spec("12.1/1")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
@pytest.mark.parametrize("action", ["resize", "migrate"])
def test_a_move_without_a_host_says_so(make_cluster, action, vm_state):
    """202 all the same; then the user reads in the server's actions that it failed, and the operator why."""
    cluster = make_cluster(hosts=1, checked=True)
    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    before = cluster.get(f"/servers/{uuid}")["server"]["status"]
    request = cluster.resize(uuid, MEDIUM, "restored") if action == "resize" else cluster.migrate(uuid, "restored")
    assert cluster.status(uuid) == before
    shown = cluster.get(f"/servers/{uuid}/os-instance-actions/{request}", ADMIN, "2.51")["instanceAction"]
    assert (shown["action"], shown["message"]) == (action, "Error")
    event, around = shown["events"]
    assert (event["event"], event["result"]) == ("cold_migrate", "Error")
    assert (around["event"], around["result"]) == ("conductor_migrate_server", "Error")
    assert "No valid host was found." in event["traceback"]
    assert cluster.fault(uuid).startswith("No valid host was found.")
    assert cluster.state(uuid) == (vm_state, None)


@pytest.mark.spec("12.1/2")
def test_the_room_was_taken_before_it_was_claimed(make_cluster, monkeypatch):
    """Another server is put on the chosen host between the choice and the claim, so the claim really fails."""
    cluster = make_cluster(hosts=3, **LEVEL)
    huge, uuid = make_huge(cluster), cluster.boot()

    def take(number, chosen):
        if number == 1:
            cluster.boot(huge, ADMIN, availability_zone=f"nova:{chosen['host']}")

    told = on_every_choice(monkeypatch, take)
    request = cluster.resize(uuid, huge)
    del told[1]     # of the other server
    assert len(told) == len({*told, "cmp-0001"}) - 1 == 2
    assert cluster.row(uuid).host == told[1]
    record = cluster.record(uuid, request)
    tries = {event["host"]: event["result"] for event in record["events"] if event["event"] == "compute_prep_resize"}
    assert (tries, record["message"]) == ({told[0]: "Error", told[1]: "Success"}, None)
    assert "Free memory" in cluster.fault(uuid)


@pytest.mark.spec("12.1/3")
def test_extra_specs_bind_the_second_attempt_too(make_cluster, monkeypatch):
    """Host 2 would be the first choice of one who does not know what the flavor wants."""
    cluster = make_cluster(hosts=4, **LEVEL, **{"filter_scheduler.enabled_filters": SPECS})
    for names, disk in ((["cmp-0001", "cmp-0002"], "hdd"), (["cmp-0003", "cmp-0004"], "ssd")):
        made = cluster.http("POST", "/os-aggregates", {"aggregate": {"name": disk}}, ADMIN).json["aggregate"]["id"]
        for body in ({"set_metadata": {"metadata": {"disk": disk}}}, *({"add_host": {"host": name}} for name in names)):
            assert cluster.http("POST", f"/os-aggregates/{made}/action", body, ADMIN).status_int == 200
    uuid = cluster.boot(TINY)
    assert cluster.row(uuid).host == "cmp-0001"
    specs = {"extra_specs": {"disk": "ssd"}}
    assert cluster.http("POST", f"/flavors/{MEDIUM}/os-extra_specs", specs, ADMIN).status_int == 200
    told = on_every_choice(monkeypatch, lambda number, chosen: refuse(chosen) if number == 1 else None)
    cluster.resize(uuid, MEDIUM)
    assert told == ["cmp-0003", "cmp-0004"]


@pytest.mark.spec("12.1/4")
def test_nothing_of_an_attempt_is_left_when_the_next_begins(make_cluster, monkeypatch):
    """The host fails after it has claimed; the next choice already finds its room free, and no move."""
    cluster = make_cluster(checked=True)
    uuid = cluster.boot()
    source, real, seen = cluster.row(uuid).host, instances.stash_new_flavor, []

    def stash(tx, *args):
        real(tx, *args)
        if len(seen) == 1:
            raise exceptions.MigrationError(reason="late")

    def look(_, chosen):
        free = {node.host: node.memory_mb_used for node in cluster.db.read(hosts.nodes)}
        moves = cluster.db.read(migrations.list_page, {"instance_uuid": uuid})
        seen.append((cluster.held(uuid), moves, free, cluster.snapshots(uuid)["new_"]))

    monkeypatch.setattr(instances, "stash_new_flavor", stash)
    told = on_every_choice(monkeypatch, look)
    cluster.resize(uuid, MEDIUM)
    assert len(set(told)) == 2
    assert seen[1] == seen[0] == ([(source, 512, 1, 1, False)], [], seen[0][2], None)
    assert [move.dest_compute for move in cluster.db.read(migrations.list_page, {"instance_uuid": uuid})] == told[1:]


@pytest.mark.spec("12.1/8")
def test_a_choice_takes_the_room_of_the_new_flavor(make_cluster, monkeypatch):
    """Two resizes are chosen for before either is claimed. By the old flavor's size both would fit on one host."""
    cluster = make_cluster(hosts=3, **LEVEL)
    huge, one, other = make_huge(cluster), cluster.boot(TINY), cluster.boot(TINY)
    assert cluster.row(one).host == cluster.row(other).host == "cmp-0001"
    told = on_every_choice(monkeypatch, lambda *_: None)
    kept = Kept(monkeypatch, cluster.orchestrator.compute, "prep_resize")
    mark = cluster.watch.mark()
    for number, uuid in enumerate((one, other), 1):
        cluster.act(uuid, {"resize": {"flavorRef": huge}}, f"chose cmp-000{number + 1}")
    assert told == ["cmp-0002", "cmp-0003"]
    kept.send()
    cluster.watch.wait(WAITING, mark, times=2)
    assert cluster.watch.count("prep_resize failed", mark) == 0


@pytest.mark.spec("12.1/9")
def test_two_schedulers_that_do_not_know_of_each_other(make_cluster, monkeypatch):
    """Each gives the one free host to a server of its own. One is claimed for; the other fits nowhere any more, and no
    instant sees more on the host than there is room for."""
    cluster = make_cluster(hosts=2, checked=True, **LEVEL)
    huge, pair = make_huge(cluster), [cluster.boot(TINY), cluster.boot(TINY)]
    second = SchedulerEndpoints(load_driver(cluster.conf, cluster.db, cluster.clock, Chance(1)),
                                cluster.ground.as_service("scheduler"))
    meeting, first, asked, used = threading.Barrier(2), cluster.orchestrator.scheduler.select_destinations, [], []

    def select(ctxt, **question):
        asked.append(None)
        number = len(asked)
        chosen = first(ctxt, **question) if number == 1 else second.select_destinations(ctxt, **question)
        if number <= 2:
            meeting.wait(20)
        asked[number - 1] = chosen[0]["host"]
        return chosen

    def look(_):
        node = cluster.db.read(hosts.nodes, "cmp-0002")[0]
        used.append(node.memory_mb_used <= 1.5 * node.memory_mb)

    monkeypatch.setattr(cluster.orchestrator.scheduler, "select_destinations", select)
    stop = cluster.ground.journal.subscribe(look)
    mark = cluster.watch.mark()
    for uuid in pair:
        cluster.action(uuid, {"resize": {"flavorRef": huge}})
    [won] = cluster.watch.wait(WAITING, mark)
    [lost] = cluster.watch.wait("restored", mark)
    stop()
    assert asked[:2] == ["cmp-0002", "cmp-0002"]
    assert cluster.watch.count("prep_resize failed", mark) == 1
    assert {won["instance_uuid"], lost["instance_uuid"]} == set(pair)
    assert cluster.state(lost["instance_uuid"]) == ("active", None)
    assert all(used)


# (resize here, migrate here) -> what may stay on its host. The second option does nothing alone.
SAME_HOST = {(False, False): set(), (False, True): set(), (True, False): {"resize"},
             (True, True): {"resize", "migrate"}}


@pytest.mark.spec("12.1/10")
@pytest.mark.parametrize("options", SAME_HOST)
def test_who_may_stay_on_its_host(make_cluster, options):
    cluster = make_cluster(hosts=1, allow_resize_to_same_host=options[0], allow_migrate_to_same_host=options[1])
    for action, body in (("resize", {"resize": {"flavorRef": MEDIUM}}), ("migrate", {"migrate": None})):
        uuid = cluster.boot()
        stays = action in SAME_HOST[options]
        cluster.act(uuid, body, WAITING if stays else "restored", ADMIN)
        assert cluster.row(uuid).host == "cmp-0001"
        assert cluster.state(uuid) == (("resized" if stays else "active"), None)
        assert len(cluster.held(uuid)) == (2 if stays else 1), "room for both sizes on the one host"
        cluster.delete(uuid)


@pytest.mark.spec("12.1/10")
def test_the_option_without_effect_says_so():
    options = {option.name: option.help for option in config.OPTIONS}
    assert "allow_resize_to_same_host" in options["allow_migrate_to_same_host"]


@pytest.mark.spec("12.1/11")
def test_a_refused_host_leaves_no_error_for_the_next_attempt(make_cluster, monkeypatch):
    """The scheduler names the server's own host, again and again: with each attempt the server is as before, and so
    it is in the end."""
    cluster = make_cluster(checked=True)
    uuid = cluster.stopped()
    source, seen = cluster.row(uuid).host, []

    def err(_, chosen):
        seen.append(cluster.state(uuid))
        chosen |= {"host": source, "nodename": source}

    on_every_choice(monkeypatch, err)
    cluster.resize(uuid, MEDIUM, "restored")
    assert seen == [("stopped", "resize_prep")] * 3
    assert cluster.state(uuid) == ("stopped", None)
    assert f"to current host ({source})" in cluster.fault(uuid)


@pytest.mark.spec("12.1/14")
def test_a_long_chain_of_attempts(make_cluster, monkeypatch):
    """Nine hosts fail, each after so long that the whole chain outlasts every timeout there is: on the wire, until a
    lost message is missed, until a reservation expires. The user has had an answer since before the first choice, and
    nobody holds the server for lost meanwhile."""
    clock = ManualClock()
    cluster = make_cluster(hosts=11, clock=clock, **{
        "scheduler.max_attempts": 10, "conductor.recovery_after": 1000, "conductor.recovery_interval": -1,
        "reservation_expire": 5000})
    uuid = cluster.boot()
    answered, began, taken = threading.Event(), clock.now(), []

    def late(number, chosen):
        assert answered.wait(20), "the answer waits for the choice"
        if number < 10:
            refuse(chosen)
        clock.advance(999)
        periodics.report_state(cluster.agents)
        taken.append(recovery.recover(cluster.orchestrator))
        recovery.expire_reservations(cluster.orchestrator)

    told = on_every_choice(monkeypatch, late)
    mark = cluster.watch.mark()
    request = cluster.action(uuid, {"resize": {"flavorRef": MEDIUM}}, USER)
    assert cluster.watch.count("chose cmp-0002", mark) == 0
    answered.set()
    cluster.watch.wait(WAITING, mark, instance_uuid=uuid)
    assert (clock.now() - began).total_seconds() > 1800 + cluster.conf.rpc_response_timeout
    assert (len(set(told)), taken) == (10, [0] * 10)
    calls = {hop["method"] for hop in cluster.watch.hops[mark:] if hop["kind"] == "call"}
    assert calls == {"select_destinations"}, "nobody waits for more than one choice"
    assert cluster.record(uuid, request)["message"] is None
    assert cluster.quota()["ram"] == (4096, 0)


@pytest.mark.spec("12.1/15", "12.3/45")
@pytest.mark.parametrize("end", ["confirm", "revert"])
def test_the_next_request_is_made_of_the_server(cluster, monkeypatch, end):
    """Asked for by an administrator of another project, after a resize that was kept or taken back."""
    uuid, asked = cluster.boot(TINY), []
    cluster.resize(uuid, MEDIUM)
    cluster.do(uuid, end)
    scheduler, real = cluster.orchestrator.scheduler, cluster.orchestrator.scheduler.select_destinations

    def select(ctxt, **question):
        asked.append(question["request_spec"])
        return real(ctxt, **question)

    monkeypatch.setattr(scheduler, "select_destinations", select)
    cluster.migrate(uuid)
    [spec] = asked
    flavor, memory = ("m1.medium", 4096) if end == "confirm" else ("m1.tiny", 512)
    told = spec["instance_properties"]
    assert (told["project_id"], told["user_id"], told["memory_mb"]) == ("demo", "alice", memory)
    assert (spec["instance_type"]["name"], spec["instance_type"]["memory_mb"]) == (flavor, memory)
    assert told["host"] == cluster.move(uuid).source_compute
    assert cluster.row(uuid).memory_mb == memory
    assert admin_context().project_id != "demo"
