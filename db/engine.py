"""Connections and transactions: the one door to the database, and the one place that knows which kind it is.

Two pools a process: one that commits each statement by itself, for reading, and one for transactions, so that a
single read costs one round trip. A transaction that met a deadlock or a lost connection is run again as a whole.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from oslo_config import cfg
from oslo_db import api as retry
from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy import Connection, CursorResult, Engine, Table, create_engine, event, insert, literal, or_
from sqlalchemy.engine import make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.sql import ColumnElement, Executable
from sqlalchemy.sql.dml import UpdateBase

from novasim import exceptions
from novasim.db import prepared
from novasim.sim.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")
# Seconds between two tries of what must be written.
INSIST_S = 2


class Transaction:
    """What the functions of this room work on: a connection and the time at which the transaction began."""

    __slots__ = ("conn", "now")

    def __init__(self, conn: Connection, now: datetime):
        self.conn = conn
        self.now = now

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self.conn.execute(statement, parameters)

    def change(self, statement: UpdateBase, parameters: Mapping[str, Any]) -> int:
        """Execute a statement that is built once, or once a shape, and returns no rows; returns how many it met."""
        ready = prepared.prepare(statement, tuple(parameters), self.conn.dialect)
        return self.conn.exec_driver_sql(ready.text, ready.values(parameters)).rowcount

    def insert_one(self, table: Table, values: Mapping[str, Any]) -> int:
        """Insert a row; returns its id."""
        key = self.conn.execute(insert(table).values(values)).inserted_primary_key
        assert key is not None
        return int(key[0])

    def insert_missing(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows that this transaction found missing. When another one was faster, this one runs again from its
        start and finds them."""
        try:
            self.conn.execute(insert(table), rows)
        except db_exception.DBDuplicateEntry as error:
            raise db_exception.RetryRequest(error) from error

    @property
    def dialect(self) -> str:
        return self.conn.dialect.name


def one_of(column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """The condition that a column is one of these values, or of these parameters, or null where None is among them.

    Each is bound by itself: with plain values, SQLAlchemy writes an IN anew whenever the statement is executed.
    """
    named = [value if isinstance(value, ColumnElement) else literal(value) for value in values if value is not None]
    return or_(*([column.in_(named)] if named else []), *([column.is_(None)] if len(named) < len(values) else []))


def _connect_args(url: Any) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": 30, "check_same_thread": False, "isolation_level": None}
    if url.get_backend_name() in ("mysql", "mariadb") and url.host in ("127.0.0.1", "localhost", None):
        # PyMySQL loads the system's certificates at each connect (31 ms); on loopback there is nothing to protect.
        return {"ssl_disabled": True}
    return {}


def _prepare_sqlite(engine: Engine, synchronous: bool) -> None:
    # A commit writes whole pages, and with most of them little that is new: smaller ones make it cheaper.
    pragmas = ("page_size=2048", "journal_mode=WAL", f"synchronous={'NORMAL' if synchronous else 'OFF'}",
               "foreign_keys=ON")

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute("PRAGMA " + pragma)


class Database:
    """The database of a process.

    :param url: SQLAlchemy URL
    :param pool_size: connections kept for writing, and as many for reading
    :param pool_timeout: seconds to wait for a free one
    :param max_retries: how often a transaction is run again
    :param synchronous: whether SQLite waits for the disk
    :raises ConfigurationError: when the URL is none or names a driver that is not there
    """

    def __init__(self, url: str, clock: Clock, pool_size: int = 16, pool_timeout: int = 60, max_retries: int = 20,
                 synchronous: bool = True):
        self.clock = clock
        try:
            parsed = make_url(url)
            common: dict[str, Any] = {
                "pool_size": pool_size, "max_overflow": 0, "pool_timeout": pool_timeout, "pool_recycle": 3600,
                "pool_reset_on_return": None, "connect_args": _connect_args(parsed)}
            self._sqlite = parsed.get_backend_name() == "sqlite"
            self._writer = create_engine(
                parsed, **common, **({} if self._sqlite else {"isolation_level": "READ COMMITTED"}))
            self._reader = create_engine(
                parsed, **common, **({} if self._sqlite else {
                    "isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}))
        except Exception as error:
            raise exceptions.ConfigurationError(reason=f"[database] connection: {error}") from error
        # SQLite has one writer at a time; waiting for it here wakes the next one at once, its own waiting polls.
        self._turn: contextlib.AbstractContextManager[Any] = (
            threading.Lock() if self._sqlite else contextlib.nullcontext())
        self._held: list[Connection] = []
        for engine in (self._writer, self._reader):
            # Not exc_filters.register_engine: its further listeners are for savepoints, of which there are none, and
            # make each statement a quarter dearer.
            event.listen(engine, "handle_error", exc_filters.handler, retval=True)
            if self._sqlite:
                _prepare_sqlite(engine, synchronous)
        again = retry.wrap_db_retry(
            max_retries=max_retries, retry_on_deadlock=True, retry_on_disconnect=True, retry_interval=0.02,
            max_retry_interval=1, inc_retry_interval=True, jitter=True)
        self._write, self._read = again(Database._write_once), again(Database._read_once)
        self._patience = retry.wrap_db_retry(
            max_retries=sys.maxsize, retry_on_deadlock=True, retry_on_disconnect=True, retry_interval=INSIST_S,
            exception_checker=lambda error: isinstance(error, PoolTimeout))

    @property
    def engine(self) -> Engine:
        """For alembic and for tools that need the bare thing."""
        return self._writer

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction without the retry; :meth:`write` is what services use."""
        if not self._sqlite:
            with self._writer.begin() as conn:
                yield Transaction(conn, self.clock.now())
            return
        with self._turn:
            # Only one writes, so it needs not ask the pool for a connection each time.
            if not self._held:
                self._held.append(self._writer.connect())
            conn = self._held[0]
            with conn.begin():
                conn.exec_driver_sql("BEGIN IMMEDIATE")
                yield Transaction(conn, self.clock.now())

    def write(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function(transaction, ...)`` in one transaction, again from its start after a deadlock."""
        result: T = self._write(self, function, *args, **kwargs)
        return result

    def _write_once(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        with self.transaction() as tx:
            return function(tx, *args, **kwargs)

    def insist(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As :meth:`write`, but until the database takes it, however long it is away or busy: for the end of what this
        process has begun, since nobody else takes that up while the process lives."""
        @self._patience
        def attempt() -> T:
            return self.write(function, *args, **kwargs)

        result: T = attempt()
        return result

    def read(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that only reads; each statement sees what is committed when it runs."""
        result: T = self._read(self, function, *args, **kwargs)
        return result

    def _read_once(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        with self._reader.connect() as conn:
            return function(Transaction(conn, self.clock.now()), *args, **kwargs)

    def snapshot(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that only reads, all of whose statements see the same moment: for checkers."""
        with self._writer.connect().execution_options(
                **({} if self._sqlite else {"isolation_level": "REPEATABLE READ"})) as conn, conn.begin():
            if self._sqlite:
                conn.exec_driver_sql("BEGIN")
            return function(Transaction(conn, self.clock.now()), *args, **kwargs)

    @contextlib.contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection outside any transaction; on SQLite nobody else of this process writes meanwhile."""
        with self._turn, self._writer.connect() as conn:
            yield conn

    def close(self) -> None:
        while self._held:
            self._held.pop().close()
        for engine in (self._writer, self._reader):
            engine.dispose()


def connect(conf: cfg.ConfigOpts, clock: Clock) -> Database:
    """The database that a configuration names."""
    url = conf.database.connection or f"sqlite:///{conf.state_path}/novasim.sqlite"
    return Database(url, clock, conf.database.pool_size, conf.database.pool_timeout, conf.database.max_retries,
                    conf.database.sqlite_synchronous)
