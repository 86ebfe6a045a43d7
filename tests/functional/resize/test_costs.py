"""What a resize costs in SQL statements, transactions and messages: exact numbers (doc/performance.md)."""

import collections

import pytest
from cluster_fixture import ADMIN, MEDIUM, TINY, USER
from sqlalchemy import event

from novasim.sim.clock import ManualClock

VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@pytest.fixture
def cluster(make_cluster):
    # The clock stands still, so no heartbeat is counted; and what is read once only has been read.
    cluster = make_cluster(clock=ManualClock())
    cluster.clock.advance(30)
    for flavor in (TINY, MEDIUM):
        uuid = cluster.boot(flavor)
        cluster.migrate(uuid)
        cluster.confirm(uuid)
        cluster.get(f"/servers/{uuid}")
    return cluster


@pytest.fixture
def cost(cluster):
    """Do something; returns (statements, transactions, messages)."""
    counts, engines = collections.Counter(), (cluster.db._writer, cluster.db._reader)

    def statement(_connection, _cursor, text, *_more):
        counts["statements"] += text.split(None, 1)[0].upper() in VERBS

    def transaction(_connection):
        counts["transactions"] += 1

    def of(work, *args):
        cluster.settle()
        counts.clear()
        mark = cluster.watch.mark()
        work(*args)
        cluster.settle()
        messages = [hop for hop in cluster.watch.hops[mark:] if hop["what"].startswith("send ")]
        # The reply of a call is a message too.
        return (counts["statements"], counts["transactions"],
                len(messages) + sum(hop["kind"] == "call" for hop in messages))

    for engine in engines:
        event.listen(engine, "before_cursor_execute", statement)
    event.listen(engines[0], "commit", transaction)
    yield of
    for engine in engines:
        event.remove(engine, "before_cursor_execute", statement)
    event.remove(engines[0], "commit", transaction)


# What quota adds: an increase is reserved and noted, and both are settled at the end; a decrease is noted, and refunded
# at the end; the same of the way back.
INCREASE, DECREASE, RETURN = 4, 4, 3


@pytest.mark.parametrize(("old", "new", "more", "more_to_confirm", "more_to_revert"), [
    (TINY, MEDIUM, INCREASE, 0, RETURN), (MEDIUM, TINY, 0, DECREASE, 0)])
def test_a_resize(cluster, cost, old, new, more, more_to_confirm, more_to_revert):
    for settle, expected in ((cluster.confirm, (12 + more_to_confirm, 3, 1)),
                             (cluster.revert, (20 + more_to_revert, 5, 2))):
        uuid = cluster.boot(old)
        assert cost(cluster.resize, uuid, new) == (26 + more, 7, 6)
        assert cost(settle, uuid) == expected


def test_a_migration(cluster, cost):
    uuid = cluster.boot()
    assert cost(cluster.migrate, uuid) == (26, 7, 6)
    assert cost(cluster.confirm, uuid) == (12, 3, 1)


@pytest.mark.parametrize("user", [USER, ADMIN])
def test_a_look_at_a_server(cluster, cost, user):
    uuid = cluster.boot()
    # Itself with its metadata, the zone of its host and its addresses.
    assert cost(cluster.get, f"/servers/{uuid}", user)[:2] == (1, 0)
