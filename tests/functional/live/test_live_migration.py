"""Live migration: the server never stops, and is on one host or on the other, whatever happens on the way."""

import pytest
from cluster_fixture import ADMIN, SMALL, USER, on_every_choice, refuse
from live_stories import DONE, FAILED, ask, check_at, elsewhere, live_migrate

from novasim import states
from novasim.compute import periodics
from novasim.db import models

EVENTS = ("conductor_live_migrate_instance", "compute_live_migration", "compute_pre_live_migration",
          "compute_post_live_migration_at_destination")


@pytest.fixture
def checked(make_cluster):
    return make_cluster(checked=True)


@pytest.mark.spec("S16", "6.1/live", "2.6/live", "3.12/2.34")
def test_where_the_scheduler_likes(checked):
    uuid = checked.boot()
    source = checked.row(uuid).host
    mark = checked.watch.mark()
    request = live_migrate(checked, uuid)
    dest = checked.row(uuid).host
    assert dest != source
    check_at(checked, uuid, dest)
    move = checked.move(uuid)
    assert (move.migration_type, move.status, move.step, move.source_compute, move.dest_compute) == (
        "live-migration", "completed", None, source, dest)
    assert (move.memory_total, move.memory_processed, move.memory_remaining) == (512 * 1024 ** 2, 512 * 1024 ** 2, 0)
    assert move.disk_total == move.disk_processed > 0 == move.disk_remaining
    record = checked.record(uuid, request)
    assert (record["action"], record["message"]) == ("live-migration", None)
    assert {event["event"]: event["result"] for event in record["events"]} == dict.fromkeys(EVENTS, "Success")
    assert checked.watch.count("send migrate_server", mark) == 1
    assert [hop["migration_status"] for hop in checked.watch.hops[mark:] if hop.get("migration_status")] == [
        "accepted", "queued", "preparing", "preparing", "running", "post-migrating", "completed"]
    checked.resize(uuid, SMALL)


@pytest.mark.spec("2.3/os-migrateLive")
def test_a_paused_server_stays_paused(checked):
    uuid = checked.boot()
    checked.act(uuid, {"pause": None}, "compute_pause_instance")
    source = checked.row(uuid).host
    live_migrate(checked, uuid)
    host = checked.row(uuid).host
    assert host != source
    check_at(checked, uuid, host, states.POWER_PAUSED, "paused")


@pytest.mark.parametrize(("version", "body"), [
    ("2.1", {"block_migration": False, "disk_over_commit": False}), ("2.25", {}),
    ("2.30", {"force": True}), ("2.30", {"force": False}), ("2.68", {})])
def test_to_a_named_host(checked, version, body):
    uuid = checked.boot()
    _, dest = elsewhere(checked, uuid)
    mark = checked.watch.mark()
    live_migrate(checked, uuid, version=version, host=dest, **body)
    check_at(checked, uuid, dest)
    asked = checked.watch.count("send select_destinations", mark)
    assert asked == (0 if version in ("2.1", "2.25") or body.get("force") else 1)
    assert (checked.move(uuid).disk_total == 0) == (body.get("block_migration") is False)


def test_two_one_after_the_other(checked):
    """There and back again."""
    uuid = checked.boot()
    source, dest = elsewhere(checked, uuid)
    live_migrate(checked, uuid, host=dest)
    live_migrate(checked, uuid, host=source)
    check_at(checked, uuid, source)


def refused(cluster, uuid, version, message, **body):
    answer = ask(cluster, uuid, version, 400, **body)
    assert answer.json["badRequest"]["message"] == message
    assert cluster.state(uuid) == ("active", None)


@pytest.mark.parametrize("version", ["2.1", "2.96"])
def test_a_host_that_cannot_be_a_destination(cluster, version):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    body = {"block_migration": True, "disk_over_commit": False} if version == "2.1" else {}
    refused(cluster, uuid, version, "Compute host nowhere could not be found.", host="nowhere", **body)
    refused(cluster, uuid, version, f"Unable to migrate instance ({uuid}) to current host ({source}).", host=source,
            **body)
    assert cluster.get(f"/os-migrations?instance_uuid={uuid}", ADMIN)["migrations"] == []


@pytest.mark.spec("3.12/2.30", "3.12/2.68")
def test_force_needs_a_host_and_goes_away_again(cluster):
    uuid = cluster.boot()
    refused(cluster, uuid, "2.30", "Can't force to a non-provided destination", force=True)
    _, dest = elsewhere(cluster, uuid)
    for version in ("2.29", "2.68"):
        answer = ask(cluster, uuid, version, 400, host=dest, force=True)
        assert "'force' was unexpected" in answer.text


@pytest.mark.spec("3.12/2.25")
@pytest.mark.parametrize(("version", "body", "text"), [
    ("2.1", {"block_migration": False}, "'disk_over_commit' is a required property"),
    ("2.1", {"block_migration": "auto", "disk_over_commit": False}, "block_migration"),
    ("2.1", {"block_migration": False, "disk_over_commit": None}, "disk_over_commit"),
    ("2.25", {"disk_over_commit": False}, "disk_over_commit"),
    ("2.25", {"block_migration": "maybe"}, "block_migration"), ("2.25", {"host": ""}, "host"),
    ("2.25", {"host": 7}, "host")])
def test_bad_bodies(cluster, version, body, text):
    uuid = cluster.boot()
    assert text in ask(cluster, uuid, version, 400, **body).text


def force_down(cluster, host, forced_down=True, status=200):
    answer = cluster.http("PUT", "/os-services/force-down", {"host": host, "binary": "nova-compute",
                                                             "forced_down": forced_down}, ADMIN, "2.11")
    assert answer.status_int == status, answer.text
    return answer


OLD = {"version": "2.24", "block_migration": True, "disk_over_commit": False}


@pytest.mark.spec("3.12/2.34")
def test_what_stands_against_it_is_told_to_who_waits(checked):
    """Until 2.33 at once, and later as the server's fault; the server is as it was both times."""
    uuid = checked.boot()
    source, dest = elsewhere(checked, uuid)
    force_down(checked, dest)
    text = f"Compute service of {dest} is unavailable at this time."
    answer = ask(checked, uuid, status=400, host=dest, **OLD)
    assert answer.json["badRequest"]["message"] == text
    check_at(checked, uuid, source)
    assert checked.move(uuid).status == "error"
    request = live_migrate(checked, uuid, "restored", version="2.34", host=dest)
    check_at(checked, uuid, source)
    record = checked.record(uuid, request)
    assert record["message"] == "Error"
    failed = [event for event in record["events"] if event["result"] == "Error"]
    assert [event["event"] for event in failed] == ["conductor_live_migrate_instance"]
    # From 2.30 on the scheduler judges a host that is named.
    assert checked.fault(uuid).startswith("No valid host was found.")
    assert checked.move(uuid).status == "error"
    request = live_migrate(checked, uuid, "restored", version="2.34", host=dest, force=True)
    assert checked.fault(uuid) == text


def test_no_host_is_left(make_cluster):
    cluster = make_cluster(hosts=1)
    uuid = cluster.boot()
    answer = ask(cluster, uuid, status=400, **OLD)
    assert answer.json["badRequest"]["message"].startswith("No valid host was found.")
    check_at(cluster, uuid, "cmp-0001")


def test_a_source_that_is_down(cluster):
    uuid = cluster.boot()
    source, _ = elsewhere(cluster, uuid)
    force_down(cluster, source)
    answer = ask(cluster, uuid, status=400, **OLD)
    assert answer.json["badRequest"]["message"] == f"Compute service of {source} is unavailable at this time."
    assert cluster.state(uuid) == ("active", None)


def test_hypervisors_of_another_kind_are_no_destination(cluster):
    uuid = cluster.boot()
    _, dest = elsewhere(cluster, uuid)
    with cluster.db.transaction() as tx:
        tx.execute(_node_update(dest, hypervisor_type="QEMU"))
    answer = ask(cluster, uuid, status=400, host=dest, **OLD)
    assert answer.json["badRequest"]["message"] == "The supplied hypervisor type of is invalid."
    with cluster.db.transaction() as tx:
        tx.execute(_node_update(dest, hypervisor_type="novasim", hypervisor_version=999))
    answer = ask(cluster, uuid, status=400, host=dest, **OLD)
    assert "requires a newer hypervisor version" in answer.text
    # The scheduler's choice goes on to the next one.
    mark = cluster.watch.mark()
    live_migrate(cluster, uuid)
    assert cluster.row(uuid).host != dest
    assert cluster.watch.count("send select_destinations", mark) == 1


def _node_update(host, **values):
    return models.compute_nodes.update().where(models.compute_nodes.c.host == host).values(**values)


def test_a_named_host_without_room(make_cluster):
    """Forced past the scheduler, but not past the claim."""
    cluster = make_cluster(hosts=2, profile="small", **{"filter_scheduler.ram_allocation_ratio": 1.0})
    big = [cluster.boot("3"), cluster.boot("3")]
    source, dest = (cluster.row(uuid).host for uuid in big)
    assert source != dest
    answer = ask(cluster, big[0], status=400, host=dest, **OLD)
    assert answer.json["badRequest"]["message"] == (
        f"Migration pre-check error: Unable to migrate {big[0]} to {dest}: Lack of memory(host:3584 <= instance:4096)")
    assert cluster.state(big[0]) == ("active", None)


@pytest.mark.parametrize("retries", [-1, 0])
def test_a_full_host_makes_room_for_the_next(make_cluster, monkeypatch, retries):
    cluster = make_cluster(**{"conductor.migrate_max_retries": retries})
    uuid = cluster.boot()
    chosen = on_every_choice(monkeypatch, lambda number, answer: refuse(answer) if number == 1 else None)
    mark = cluster.watch.mark()
    live_migrate(cluster, uuid, DONE if retries else "restored")
    assert cluster.watch.count("send select_destinations", mark) == 1
    if retries:
        assert chosen[0] != chosen[1] == cluster.row(uuid).host
    else:
        assert "Exceeded max scheduling retries 0" in cluster.fault(uuid)


def test_who_may_and_when(cluster):
    uuid = cluster.boot()
    assert ask(cluster, uuid, status=403, token=USER).json["forbidden"]
    cluster.do(uuid, "stop")
    answer = ask(cluster, uuid, status=409)
    assert answer.json["conflictingRequest"]["message"] == (
        f"Cannot 'os-migrateLive' instance {uuid} while it is in vm_state stopped")


# Verb of the hypervisors that fails -> status of the migration, and whether the server was handed over by then.
FAILURES = {
    "check_can_live_migrate_source": ("error", False), "pre_live_migration": ("error", False),
    "live_migration": ("failed", False), "post_live_migration": ("error", True),
    "post_live_migration_at_destination": ("error", True)}


@pytest.mark.spec("2.6/failed")
@pytest.mark.parametrize("verb", FAILURES)
def test_a_hypervisor_that_fails(checked, verb):
    status, moved = FAILURES[verb]
    uuid = checked.boot()
    source, dest = elsewhere(checked, uuid)
    checked.faults.add({"at": f"virt.{verb}", "do": {"raise": "no luck"}, "times": 1})
    mark = checked.watch.mark()
    request = live_migrate(checked, uuid, {
        "post_live_migration": "compute_live_migration failed",
        "post_live_migration_at_destination": "compute_post_live_migration_at_destination failed"}.get(verb, FAILED),
        host=dest)
    assert checked.move(uuid).status == status
    assert checked.fault(uuid) == "no luck"
    record = checked.record(uuid, request)
    assert record["message"] == "Error"
    assert all(event["finish_time"] for event in record["events"])
    if not moved:
        checked.watch.wait("destination cleaned", mark)
        check_at(checked, uuid, source)
        live_migrate(checked, uuid, host=dest)
        return
    assert checked.state(uuid) == ("error", None)
    # Where its guest is: on the source, as long as that could not remove it.
    home = source if verb == "post_live_migration" else dest
    assert (checked.row(uuid).host, checked.held(uuid)) == (home, [(home, 512, 1, 1, False)])
    if home == source:
        checked.watch.wait("destination cleaned", mark)
    checked.act(uuid, {"reboot": {"type": "HARD"}}, "compute_reboot_instance")
    check_at(checked, uuid, home)
    checked.delete(uuid)
    checked.watch.wait("receive terminate_instance", mark, times=2)


def test_what_could_not_be_cleaned_goes_later(cluster):
    uuid = cluster.boot()
    source, dest = elsewhere(cluster, uuid)
    cluster.faults.add({"at": "virt.live_migration", "do": {"raise": "no luck"}, "times": 1})
    cluster.faults.add({"at": "rpc.send", "match": {"method": "rollback_live_migration_at_destination"}, "do": "drop"})
    live_migrate(cluster, uuid, "send rollback_live_migration_at_destination", host=dest)
    assert (dest, "guest") in cluster.guests(uuid)
    periodics.cleanup_leftovers(cluster.agents)
    check_at(cluster, uuid, source)
