"""Keeping the columns current, on a real SQLite file."""

import itertools
import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from novasim.db import aggregates, claims, hosts, instances
from novasim.db.engine import Transaction
from novasim.objects import Flavor, Instance
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.hosts import HostStates

SMALL = Flavor(flavorid="1", name="small", memory_mb=1024, vcpus=1, root_gb=10)


@pytest.fixture
def claim(db):
    """Hold room for SMALL on a host, as its agent does; ``late`` seconds after the transaction began."""
    numbers = itertools.count()

    def call(host, late=0.0):
        uuid = f"server-{next(numbers)}"

        def write(tx):
            instances.create(tx, [Instance(uuid=uuid)])
            tx = Transaction(tx.conn, tx.now - timedelta(seconds=late))
            claims.take(tx, host, host, uuid, SMALL, {})
        db.write(write)
        return uuid
    return call


@pytest.fixture
def make_states(make_conf, db, clock):
    def make(**overrides):
        options = {"host_reread_interval": 1e6} | overrides
        conf = make_conf({f"scheduler.{name}": value for name, value in options.items()})
        return HostStates(conf, db, clock)
    return make


@pytest.fixture
def statements():
    """The SQL that was sent."""
    sent = []

    def note(_conn, _cursor, statement, *_):
        sent.append(statement)
    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def written(monkeypatch):
    """Names of the hosts whose rows a look handed to the columns."""
    names = []
    real = HostColumns.write_nodes

    def note(self, nodes):
        names.extend(node.host for node in nodes)
        real(self, nodes)
    monkeypatch.setattr(HostColumns, "write_nodes", note)
    return names


def free(states):
    with states.held() as columns:
        return dict(zip(columns.hosts, columns.free_ram_mb.tolist(), strict=True))


def test_the_first_look_reads_all(make_states, add):
    add("cmp-1", "cmp-2")
    states = make_states()
    states.refresh()
    assert free(states) == {"cmp-1": 8192, "cmp-2": 8192}


def test_later_looks_read_changed_rows_only(make_states, add, claim, clock, statements, written):
    add(*[f"cmp-{number}" for number in range(50)])
    clock.advance(100)
    states = make_states()
    states.refresh()
    clock.advance(0.6)      # the first look's own overlap is over; the next one is quick
    claim("cmp-7")
    claim("cmp-9")
    statements.clear()
    states.refresh()
    assert sorted(written) == ["cmp-7", "cmp-9"]
    assert len(statements) == 1
    assert free(states)["cmp-7"] == 7168


def test_many_changes_cost_no_more_statements_than_one(make_states, add, claim, clock, statements):
    names = [f"cmp-{number}" for number in range(30)]
    add(*names)
    states = make_states()
    clock.advance(20)       # the services are not new any more
    states.refresh()
    counts = []
    for changed in (names[:1], names):
        clock.advance(20)
        for name in changed:
            claim(name)
        statements.clear()
        states.refresh()    # a wide one
        counts.append(len(statements))
    assert counts == [2, 2]
    assert sum(free(states).values()) == 30 * 8192 - 31 * 1024


def test_room_given_away_counts_until_a_newer_row(make_states, add, claim, clock):
    add("cmp-1")
    states = make_states()
    states.refresh()
    clock.advance(0.1)
    with states.held() as columns:
        columns.consume(0, SMALL)
    states.refresh()
    assert free(states) == {"cmp-1": 7168}
    clock.advance(0.1)
    claim("cmp-1")
    states.refresh()
    assert free(states) == {"cmp-1": 7168}


def test_room_given_back_is_seen_though_the_clock_stands_still(make_states, add, claim, db):
    add("cmp-1")
    states = make_states()
    states.refresh()
    uuid = claim("cmp-1")
    states.refresh()
    assert free(states) == {"cmp-1": 7168}
    db.write(claims.drop_all, uuid)
    states.refresh()
    assert free(states) == {"cmp-1": 8192}


def test_a_transaction_that_commits_late_is_seen_by_a_wide_look(make_states, add, claim, clock):
    add("cmp-1")
    clock.advance(100)
    states = make_states(late_commit_window=10.0)
    states.refresh()
    claim("cmp-1", late=5)
    states.refresh()
    assert free(states) == {"cmp-1": 8192}
    clock.advance(1)
    states.refresh()
    assert free(states) == {"cmp-1": 7168}


def test_hosts_that_come_and_go(make_states, add, db):
    add("cmp-1", "cmp-2")
    states = make_states()
    states.refresh()
    add("cmp-3")
    states.refresh()
    assert list(free(states)) == ["cmp-1", "cmp-2", "cmp-3"]
    [service] = db.read(hosts.services, host="cmp-2")
    db.write(hosts.delete_service, service.id)
    states.refresh()
    assert list(free(states)) == ["cmp-1", "cmp-3"]
    add("cmp-2")
    states.refresh()
    assert list(free(states)) == ["cmp-1", "cmp-3", "cmp-2"]


def test_old_columns_stand_when_hosts_come_and_room_given_away_is_kept(make_states, add, clock):
    add("cmp-1", "cmp-2")
    clock.advance(1)
    states = make_states()
    states.refresh()
    with states.held() as old:
        old.consume(1, SMALL)
    add("cmp-3")
    states.refresh()
    assert len(old) == 2
    assert free(states) == {"cmp-1": 8192, "cmp-2": 7168, "cmp-3": 8192}


def test_room_that_was_never_claimed_is_free_again_after_a_full_look(make_states, add, clock):
    add("cmp-1")
    clock.advance(1)
    states = make_states(host_reread_interval=60.0, late_commit_window=10.0)
    states.refresh()
    clock.advance(55)
    with states.held() as columns:
        columns.consume(0, SMALL)
    clock.advance(5)
    states.refresh()
    assert free(states) == {"cmp-1": 7168}      # full, but it may still be claimed
    clock.advance(60)
    states.refresh()
    assert free(states) == {"cmp-1": 8192}


def test_room_that_was_not_taken_is_free_again_as_soon_as_the_host_says_so(make_states, add, db, clock):
    """A claim that is lost touches the host's row."""
    add("cmp-1")
    clock.advance(1)
    states = make_states()
    states.refresh()
    with states.held() as columns:
        columns.consume(0, SMALL)
    states.refresh(wide=True)
    assert free(states) == {"cmp-1": 7168}
    clock.advance(0.01)
    db.write(hosts.touch, "cmp-1")
    states.refresh()
    assert free(states) == {"cmp-1": 8192}


def test_of_two_claims_the_one_that_began_first_may_end_last(make_states, add, claim, clock):
    """It waited for the other one's lock: the row is not older for that, and both are seen."""
    add("cmp-1")
    clock.advance(1)
    states = make_states()
    states.refresh()
    clock.advance(1)
    claim("cmp-1")
    states.refresh()
    claim("cmp-1", late=0.4)
    states.refresh()
    assert free(states) == {"cmp-1": 6144}


def test_a_look_is_one_statement_and_reads_no_memberships(make_states, add, statements, clock):
    """Of the aggregates only how often they changed; in a wide look the heartbeats too."""
    add(*(f"cmp-{number}" for number in range(50)))
    clock.advance(30)
    states = make_states()
    states.refresh()
    clock.advance(30)
    for wide, count in ((True, 2), (False, 1)):
        statements.clear()
        states.refresh(wide)
        assert len(statements) == count
        assert not any("aggregate_hosts" in one or "aggregate_metadata" in one for one in statements)


def test_a_disabled_service_is_seen_at_once(make_states, add, db):
    add("cmp-1", "cmp-2")
    states = make_states()
    states.refresh()
    [service] = db.read(hosts.services, host="cmp-2")
    db.write(hosts.update_service, service.id, disabled=True, forced_down=True)
    states.refresh()
    with states.held() as columns:
        assert columns.disabled.tolist() == columns.forced_down.tolist() == [False, True]


def test_heartbeats_are_read_by_wide_looks(make_states, add, db, clock):
    add("cmp-1", "cmp-2")
    clock.advance(100)
    states = make_states()
    states.refresh()
    clock.advance(0.5)
    db.write(hosts.heartbeat, ["cmp-2"], hosts.COMPUTE)
    states.refresh()
    with states.held() as columns:
        assert (columns.last_seen_up == columns.now).tolist() == [False, False]
    states.refresh(wide=True)
    with states.held() as columns:
        assert (columns.last_seen_up == columns.now).tolist() == [False, True]


def test_a_change_of_an_aggregate_is_noticed_at_the_next_look(make_states, add, db):
    """The clock stands still: neither times nor the next wide look are needed for it."""
    add("cmp-1", "cmp-2")
    states = make_states()

    def zones():
        states.refresh()
        with states.held() as columns:
            return [columns.zone_name(row, "nova") for row in range(2)]

    assert zones() == ["nova", "nova"]
    number = db.write(aggregates.create, "a", "east").id
    assert zones() == ["nova", "nova"]
    db.write(aggregates.add_host, number, "cmp-2")
    assert zones() == ["nova", "east"]
    db.write(aggregates.set_metadata, number, {"availability_zone": "west"}, "test")
    assert zones() == ["nova", "west"]
    db.write(aggregates.remove_host, number, "cmp-2")
    assert zones() == ["nova", "nova"]


def test_spacing_lets_an_older_look_do(make_states, add, clock, statements):
    add("cmp-1")
    states = make_states(host_refresh_spacing=0.2)
    looked = []
    for seconds, wide in ((0, False), (0.1, False), (0, True), (0.25, False)):
        statements.clear()
        clock.advance(seconds)
        states.refresh(wide)
        looked.append(bool(statements))
    assert looked == [True, False, True, True]


def test_callers_that_wait_share_one_look(make_states, add, monkeypatch):
    """Ten callers come while a look is under way. They need one that begins after they came: one for all."""
    add("cmp-1")
    states = make_states()
    states.refresh()
    begun, gate, entered = threading.Event(), threading.Event(), threading.Semaphore(0)
    lock, looks, look = threading.Lock(), [], states._look

    class Turn:
        def __enter__(self):
            entered.release()
            lock.acquire()

        def __exit__(self, *_):
            lock.release()

    def slow(began, wide):
        looks.append(began)
        look(began, wide)
        begun.set()
        gate.wait()
    monkeypatch.setattr(states, "_turn", Turn())
    monkeypatch.setattr(states, "_look", slow)
    callers = [threading.Thread(target=states.refresh) for _ in range(11)]
    callers[0].start()
    entered.acquire()
    begun.wait()
    for caller in callers[1:]:
        caller.start()
    for _ in callers[1:]:
        entered.acquire()
    gate.set()
    for caller in callers:
        caller.join()
    assert len(looks) == 2
