"""Limits, reservations and usage, alone and with many at once."""

import threading

import pytest

from novasim import exceptions, quota
from novasim.db import quotas

LIMITS = {"cores": 20, "instances": 10, "ram": 51200}


def used(db, project="p", user=None):
    return db.read(quotas.usage, project, user)


def test_use_and_settle(db, make_server):
    server = make_server()
    db.write(quotas.use, "p", "u", {"cores": 2, "instances": 1, "ram": 100}, LIMITS)
    assert used(db) == {"cores": (2, 0), "instances": (1, 0), "ram": (100, 0)}
    db.write(quotas.settle, server, {"cores": 2, "ram": 100})
    assert used(db) == {"cores": (0, 0), "instances": (1, 0), "ram": (0, 0)}


def test_a_reservation_is_released_once(db, make_server):
    server = make_server()
    db.write(quotas.use, "p", "u", {"cores": 2}, LIMITS)
    assert len(db.write(quotas.reserve, server, {"cores": 3}, LIMITS, 100)) == 1
    assert used(db)["cores"] == (2, 3)
    for _ in range(2):
        db.write(quotas.rollback, server.uuid)
        assert used(db)["cores"] == (2, 0)


def test_what_was_reserved_is_used_in_the_end(db, make_server):
    server = make_server()
    db.write(quotas.use, "p", "u", {"cores": 2}, LIMITS)
    db.write(quotas.reserve, server, {"cores": 3}, LIMITS, 100)
    db.write(quotas.settle, server, {"cores": -3})
    assert used(db)["cores"] == (5, 0)


@pytest.mark.spec("11.2/post-confirm")
def test_a_decrease_is_refunded_in_the_end_only(db, make_server):
    server = make_server()
    db.write(quotas.use, "p", "u", {"cores": 4}, LIMITS)
    db.write(quotas.reserve, server, {"cores": -3}, {}, 100)
    assert used(db)["cores"] == (4, 0)
    db.write(quotas.settle, server, {"cores": 3})
    assert used(db)["cores"] == (1, 0)


def test_nothing_to_reserve(db, make_server):
    assert db.write(quotas.reserve, make_server(), {}, LIMITS, 100) == []


@pytest.mark.parametrize(("limits", "of_user", "fits"), [
    ({}, {}, False), ({"cores": 21}, {}, True), ({"cores": -1}, {}, True), ({"cores": -1}, {"cores": 13}, False),
    ({"cores": 21}, {"cores": 14}, True), ({"cores": 21}, {"cores": -1}, True), ({"cores": 21, "ram": 10}, {}, False)])
@pytest.mark.parametrize("known", [True, False], ids=["rows", "no rows"])
def test_a_reservation_fits_or_changes_nothing(db, make_server, limits, of_user, fits, known):
    """Seven cores are another user's, and seven the owner's where he has any."""
    server = make_server()
    db.write(quotas.use, "p", "other", {"cores": 7 if known else 14}, LIMITS)
    if known:
        db.write(quotas.use, "p", server.user_id, {"cores": 7}, LIMITS)
    db.write(quotas.set_limits, "p", limits)
    db.write(quotas.set_limits, "p", of_user, server.user_id)
    fits = fits or (not known and of_user == {"cores": 13})
    before, deltas = used(db), {"cores": 7, "ram": 20}
    if fits:
        assert len(db.write(quotas.reserve, server, deltas, LIMITS, 100)) == 2
        assert used(db) == before | {"cores": (14, 7), "ram": (0, 20)}
        assert used(db, user="other") == before | {"cores": (before["cores"][0] - 7 * known, 0)}
    else:
        with pytest.raises(exceptions.OverQuota):
            db.write(quotas.reserve, server, deltas, LIMITS, 100)
    _, noted = db.read(quotas.everything)
    assert {row.resource: row.delta for row in noted} == (deltas if fits else {})
    db.write(quotas.rollback, server.uuid)
    assert used(db) == before


@pytest.mark.spec("8.11/expire-reservations")
def test_reservations_expire(db, clock, make_server):
    first, second = make_server(), make_server()
    db.write(quotas.reserve, first, {"cores": 3}, LIMITS, 5)
    db.write(quotas.reserve, second, {"cores": 4}, LIMITS, 50)
    clock.advance(6)
    assert db.read(quotas.expired, clock.now()) == [first.uuid]
    db.write(quotas.rollback, first.uuid)
    assert used(db)["cores"] == (0, 4)
    db.write(quotas.rollback, first.uuid)
    assert used(db)["cores"] == (0, 4), "what has expired is not released again"
    assert db.read(quotas.expired, clock.now()) == []


def test_reserved_counts_too(db, make_server):
    server = make_server()
    db.write(quotas.use, "p", "u", {"cores": 10}, LIMITS)
    db.write(quotas.reserve, server, {"cores": 8}, LIMITS, 100)
    with pytest.raises(exceptions.OverQuota, match="Requested 3, but already used 18 of 20 cores"):
        db.write(quotas.use, "p", "u", {"cores": 3, "ram": 1}, LIMITS)
    assert used(db)["ram"] == (0, 0), "all or nothing"


def test_the_project_pays_for_all_its_users(db):
    db.write(quotas.use, "p", "u", {"cores": 15}, LIMITS)
    with pytest.raises(exceptions.OverQuota):
        db.write(quotas.use, "p", "other", {"cores": 6}, LIMITS)
    db.write(quotas.use, "q", "other", {"cores": 6}, LIMITS)
    assert (used(db)["cores"], used(db, "p", "other")["cores"]) == ((15, 0), (0, 0))


@pytest.mark.spec("12.3/54")
def test_limits_of_project_and_user(db):
    db.write(quotas.set_limits, "p", {"cores": -1})
    db.write(quotas.set_limits, "p", {"cores": 5}, "u")
    assert db.read(quotas.limits, "p", LIMITS)["cores"] == -1
    assert db.read(quotas.limits, "p", LIMITS, "u")["cores"] == 5
    with pytest.raises(exceptions.OverQuota, match="of 5 cores"):
        db.write(quotas.use, "p", "u", {"cores": 6}, LIMITS)
    db.write(quotas.use, "p", "other", {"cores": 600}, LIMITS)
    db.write(quotas.set_limits, "p", {"cores": 7}, "u")
    assert db.read(quotas.limits, "p", {}, "u")["cores"] == 7
    db.write(quotas.delete_limits, "p", "u")
    db.write(quotas.delete_limits, "p")
    assert db.read(quotas.limits, "p", LIMITS, "u") == LIMITS


def test_many_at_once_pass_no_limit(db):
    results, start = [], threading.Event()

    def take():
        start.wait()
        try:
            db.write(quotas.use, "p", "u", quota_of_one(), LIMITS)
            results.append(True)
        except exceptions.OverQuota:
            results.append(False)

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    start.set()
    for thread in threads:
        thread.join()
    assert (results.count(True), results.count(False)) == (10, 6)
    assert used(db) == {"cores": (10, 0), "instances": (10, 0), "ram": (5120, 0)}


def quota_of_one():
    return {"cores": 1, "instances": 1, "ram": 512}


def test_what_is_checked_is_what_is_counted():
    assert tuple(sorted(LIMITS)) == quota.COUNTED
