"""Transactions: all or nothing, one after the other, again after a deadlock, and one moment for checkers."""

import threading

import pytest
from oslo_db import exception as db_exception
from sqlalchemy.exc import TimeoutError as PoolTimeout

from novasim import exceptions
from novasim.db import engine, instances


def test_all_or_nothing(db, make_server):
    server = make_server()

    def half(tx):
        instances.update(tx, server.uuid, task_state="x")
        raise KeyError

    with pytest.raises(KeyError):
        db.write(half)
    assert db.read(instances.get, server.uuid).task_state is None


def test_again_after_a_deadlock(db, make_server):
    server, tries = make_server(), []

    def unlucky(tx):
        tries.append(tx)
        instances.update(tx, server.uuid, {"task_state": (None,)}, task_state="x")
        if len(tries) < 3:
            raise db_exception.DBDeadlock
        return "done"

    assert db.write(unlucky) == "done"
    assert len(tries) == 3


@pytest.mark.parametrize("trouble", [PoolTimeout, db_exception.DBConnectionError])
def test_until_the_database_takes_it(db, monkeypatch, trouble):
    """Longer than a write would try."""
    write, tries = db.write, []

    def busy(function):
        tries.append(function)
        if len(tries) < 30:
            raise trouble()
        return write(function)

    monkeypatch.setattr(db, "write", busy)
    monkeypatch.setattr(db._patience, "retry_interval", 0)
    assert db.insist(lambda tx: "done") == "done"
    with pytest.raises(KeyError):
        db.insist({}.__getitem__)


def test_a_snapshot_sees_one_moment(db, make_server):
    server = make_server()
    read, written = threading.Event(), threading.Event()

    def look(tx):
        before = instances.get(tx, server.uuid).task_state
        read.set()
        assert written.wait(10)
        return before, instances.get(tx, server.uuid).task_state

    def change():
        assert read.wait(10)
        db.write(instances.update, server.uuid, task_state="x")
        written.set()

    thread = threading.Thread(target=change)
    thread.start()
    assert db.snapshot(look) == (None, None)
    thread.join()
    assert db.read(instances.get, server.uuid).task_state == "x"


@pytest.mark.parametrize("url", ["nonsense", "nosuchdb://x/y"])
def test_a_wrong_url(url, clock):
    with pytest.raises(exceptions.ConfigurationError, match=r"\[database\] connection"):
        engine.Database(url, clock)
