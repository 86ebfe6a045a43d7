"""The one road of migration.status, and who finds which moves."""

import itertools
from datetime import timedelta

import pytest

from novasim import exceptions, states
from novasim.db import migrations
from novasim.objects import Migration


@pytest.fixture
def make_move(db, make_server):
    def make(status=states.PRE_MIGRATING, server=None, **values):
        server = server or make_server()
        return db.write(migrations.create, Migration(
            uuid="", instance_uuid=server.uuid, status=status,
            **({"source_compute": "a", "dest_compute": "b"} | values)))
    return make


@pytest.mark.spec("12.4/5")
def test_the_whole_road(db, make_move):
    for road in (("migrating", "post-migrating", "finished", "confirming", "confirmed"),
                 ("migrating", "post-migrating", "finished", "reverting", "reverted")):
        move = make_move()
        for before, status in itertools.pairwise(("pre-migrating", *road)):
            db.write(migrations.advance, move.id, (before,), status)
        assert db.read(migrations.get, move.id).status == road[-1]


@pytest.mark.spec("12.4/5")
@pytest.mark.parametrize(("before", "status"), [
    ("pre-migrating", "finished"), ("finished", "migrating"), ("confirmed", "reverting"), ("reverted", "confirmed"),
    ("confirming", "reverting")])
def test_no_way_across(db, make_move, before, status):
    move = make_move(before)
    with pytest.raises(AssertionError):
        db.write(migrations.advance, move.id, (before,), status)


@pytest.mark.spec("12.2/18")
def test_a_second_request_loses(db, make_move):
    move = make_move("finished")
    db.write(migrations.advance, move.id, ("finished",), "confirming")
    with pytest.raises(exceptions.MigrationStatusConflict, match="is confirming, not finished"):
        db.write(migrations.advance, move.id, ("finished",), "reverting")


@pytest.mark.parametrize(("at", "steps", "wins"), [
    (None, (None,), True), ("on-source", (None,), False), ("on-source", (None, "on-source"), True),
    (None, ("on-source",), False), ("on-dest", (), True)])
def test_steps(db, make_move, at, steps, wins):
    move = make_move("confirming", step=at)
    if wins:
        db.write(migrations.advance, move.id, ("confirming",), "confirming", steps, step="next")
    else:
        with pytest.raises(exceptions.MigrationStatusConflict):
            db.write(migrations.advance, move.id, ("confirming",), "confirming", steps, step="next")
    assert db.read(migrations.get, move.id).step == ("next" if wins else at)


def test_in_progress(db, make_move, make_server):
    server = make_server()
    for status in (states.CONFIRMED, states.REVERTED, states.MIG_ERROR):
        make_move(status, server)
    assert db.read(migrations.in_progress, server.uuid) is None
    for status in states.IN_PROGRESS:
        other = make_server()
        assert db.read(migrations.in_progress, other.uuid) is None
        assert make_move(status, other).id == db.read(migrations.in_progress, other.uuid).id


def test_stale_moves_are_those_that_wait_for_a_message(db, clock, make_move):
    waiting = make_move("post-migrating")
    working = make_move("post-migrating", step="finishing")
    copying = make_move("migrating")
    clock.advance(10)
    fresh = make_move("post-migrating")
    found = db.read(migrations.stale, [("post-migrating", None)], clock.now() - timedelta(seconds=10), 10)
    assert [move.id for move in found] == [waiting.id]
    assert {working.id, copying.id, fresh.id}.isdisjoint(move.id for move in found)


@pytest.mark.spec("8.10/query", "8.10/clock")
def test_unconfirmed(db, clock, make_move):
    old = make_move("finished")
    make_move("confirming")
    make_move("finished", dest_compute="elsewhere")
    clock.advance(10)
    make_move("finished")
    assert [move.id for move in db.read(migrations.unconfirmed, ["b"], clock.now() - timedelta(seconds=10))] == [old.id]


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_hold_every_move_once(db, clock, make_move, newest_first):
    moves = [make_move() for _ in range(5)]
    clock.advance(1)
    moves += [make_move() for _ in range(2)]
    wanted = [move.uuid for move in (reversed(moves) if newest_first else moves)]
    found, marker = [], None
    while page := db.read(migrations.list_page, {}, 3, marker, newest_first):
        found += [move.uuid for move in page]
        marker = page[-1].uuid
    assert found == wanted


def test_filters(db, make_move, make_server):
    server = make_server()
    first = make_move("finished", server, migration_type="resize", user_id="u", project_id="p")
    make_move("error", source_compute="x", dest_compute="y", migration_type="migration")
    for filters in ({"status": "finished"}, {"host": "a"}, {"host": "b"}, {"source_compute": "a"},
                    {"instance_uuid": server.uuid}, {"migration_type": "resize"}, {"user_id": "u"},
                    {"project_id": "p"}):
        assert [move.id for move in db.read(migrations.list_page, filters)] == [first.id], filters
    with pytest.raises(exceptions.Invalid, match="Marker nowhere"):
        db.read(migrations.list_page, {}, None, "nowhere")


def test_both_ends_are_remembered(db, make_move, make_server):
    server = make_server()
    make_move("reverted", server, source_compute="a", dest_compute="b")
    failed = make_move("error", server, source_compute="a", dest_compute="c")
    assert db.read(migrations.hosts_of, server.uuid) == {"a", "b", "c"}
    assert [move.id for move in db.read(migrations.unsettled, [server.uuid])] == [failed.id]
    db.write(migrations.settle, [failed.id])
    assert db.read(migrations.unsettled, [server.uuid]) == []
    assert db.read(migrations.failed_ends) == {(server.uuid, "a"), (server.uuid, "c")}
    assert [move.dest_compute for move in db.read(migrations.in_progress_on, ["c"])] == []
