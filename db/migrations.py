"""Moves of servers: their rows, and the compare-and-swap of migration.status along its one road (spec 2.6, 12.4).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import and_, bindparam, exists, insert, or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement, Update

from novasim import exceptions, states
from novasim.db import hosts, models, pages
from novasim.db.engine import Transaction, one_of
from novasim.db.instances import Beside
from novasim.objects import Migration

_T = models.migrations.c
_I = models.instances.c
_COLUMNS = [_T[name] for name in Migration.__struct_fields__]
_GET = select(*_COLUMNS).where(_T.id == bindparam("id"))
_IN_PROGRESS = select(*_COLUMNS).where(
    _T.instance_uuid == bindparam("uuid"), one_of(_T.status, states.IN_PROGRESS), _T.deleted == 0).order_by(
    _T.id.desc())

# What a confirm or revert asks beside its server: the move that waits, and whether its source has been heard of since a
# time.
WAITING = Beside(
    (*_COLUMNS, hosts.up(_T.source_compute)), (
        (models.migrations, and_(_T.instance_uuid == _I.uuid, _T.status == states.FINISHED, _T.deleted == 0)),))
_GIVEN = [column.name for column in _COLUMNS if column.name != "id"]
_CREATE = insert(models.migrations).from_select(
    _GIVEN, select(*(bindparam("b_" + name, type_=_T[name].type) for name in _GIVEN)).where(
        _I.uuid == bindparam("b_instance_uuid"), ~exists().where(
            _T.instance_uuid == _I.uuid, one_of(_T.status, states.IN_PROGRESS), _T.deleted == 0))).returning(_T.id)


def create(tx: Transaction, migration: Migration) -> Migration:
    """Insert a move, unless its server is in one: there is never a second one. Returns it with its id.

    :raises MigrationStatusConflict: when it is; the caller has locked the server's row
    """
    migration.uuid = migration.uuid or uuidutils.generate_uuid()
    migration.created_at = migration.updated_at = tx.now
    made = tx.execute(_CREATE, {"b_" + name: getattr(migration, name) for name in _GIVEN}).scalar()
    if made is None:
        other = in_progress(tx, migration.instance_uuid)
        raise exceptions.MigrationStatusConflict(migration_id=other and other.id, actual=other and other.status,
                                                 expected="none yet")
    migration.id = int(made)
    return migration


def get(tx: Transaction, migration_id: int) -> Migration:
    row = tx.execute(_GET, {"id": migration_id}).one_or_none()
    if row is None:
        raise exceptions.MigrationNotFound(migration_id=migration_id)
    return Migration(**row._mapping)


def in_progress(tx: Transaction, instance_uuid: str) -> Migration | None:
    """The move a server is in, or None; there is never more than one (spec 12.4, invariant 1)."""
    row = tx.execute(_IN_PROGRESS, {"uuid": instance_uuid}).first()
    return None if row is None else Migration(**row._mapping)


def with_source(values: Mapping[str, Any]) -> tuple[Migration | None, bool]:
    """What was found beside a server: the move, or None; and whether its source is up."""
    own, is_up = hosts.part_up(values)
    return None if own["id"] is None else Migration(**own), is_up


def _kinds(expected: Sequence[str], status: str) -> tuple[str, ...]:
    """The types of moves that have such a way from each of ``expected`` to ``status``."""
    return tuple(kind for kind, flow in states.FLOWS.items()
                 if all(status in (before, states.MIG_ERROR, *flow.get(before, ())) for before in expected))


@functools.lru_cache(maxsize=64)
def _advance_statement(columns: frozenset[str], expected: tuple[str, ...], status: str,
                       steps: tuple[str | None, ...]) -> Update:
    kinds = _kinds(expected, status)
    assert kinds, (expected, status)
    conditions = [_T.id == bindparam("b_id"), one_of(_T.status, expected), one_of(_T.migration_type, kinds)]
    if steps:
        conditions.append(one_of(_T.step, steps))
    return sql_update(models.migrations).where(*conditions).values(
        {name: bindparam("v_" + name) for name in sorted(columns)})


def advance(tx: Transaction, migration_id: int, expected: Sequence[str], status: str,
            steps: Sequence[str | None] = (), **values: Any) -> None:
    """Move on to ``status`` if the row still is in one of ``expected`` (and, where given, in one of ``steps``), along
    the road of its type: no other way can be asked for (spec 12.4, invariant 5).

    :raises MigrationStatusConflict: when it is not: a duplicate or late message, or a second request
    """
    values |= {"status": status, "updated_at": tx.now}
    statement = _advance_statement(frozenset(values), tuple(expected), status, tuple(steps))
    if not tx.change(statement, {"b_id": migration_id, **{"v_" + k: v for k, v in values.items()}}):
        actual = get(tx, migration_id)
        raise exceptions.MigrationStatusConflict(
            migration_id=migration_id, expected="/".join(expected), actual=actual.status)


def list_page(tx: Transaction, filters: Mapping[str, Any], limit: int | None = None, marker: str | None = None,
              newest_first: bool = False) -> list[Migration]:
    """Moves for ``GET /os-migrations`` (spec 3.8).

    :param filters: status, host (either end), source_compute, instance_uuid, migration_type, user_id, project_id,
        changes_since, changes_before
    :raises Invalid: when the marker is unknown
    """
    statement = select(*_COLUMNS).where(_T.deleted == 0, _T.hidden.is_(False))
    for name in ("status", "source_compute", "instance_uuid", "migration_type", "user_id", "project_id"):
        if filters.get(name) is not None:
            statement = statement.where(_T[name] == filters[name])
    if filters.get("host") is not None:
        statement = statement.where(or_(_T.source_compute == filters["host"], _T.dest_compute == filters["host"]))
    if filters.get("changes_since") is not None:
        statement = statement.where(_T.updated_at >= filters["changes_since"])
    if filters.get("changes_before") is not None:
        statement = statement.where(_T.updated_at <= filters["changes_before"])
    order = ((_T.created_at, "desc"), (_T.id, "desc")) if newest_first else ((_T.id, "asc"),)
    if marker is not None:
        at = tx.execute(select(_T.id, _T.created_at).where(_T.uuid == marker)).one_or_none()
        if at is None:
            raise exceptions.Invalid(f"Marker {marker} could not be found.")
        statement = pages.after(statement, at, order)
    return [Migration(**row._mapping)
            for row in tx.execute(pages.ordered(statement, order, tx.dialect).limit(limit))]


def unconfirmed(tx: Transaction, dest_hosts: Sequence[str], before: datetime) -> list[Migration]:
    """Moves that wait for a confirm since before a time, on any of these destinations (spec 8.10): one statement."""
    return [Migration(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.status == states.FINISHED, _T.updated_at <= before, _T.dest_compute.in_(dest_hosts), _T.deleted == 0))]


def stale(tx: Transaction, waiting: Iterable[tuple[str, str | None]], before: datetime, limit: int) -> list[Migration]:
    """Moves that nobody has touched since ``before``, oldest first: work for recovery.

    :param waiting: (status, step) in which a move waits for a message; in any other a host works on it
    """
    return [Migration(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        or_(*(and_(_T.status == status, _T.step.is_(None) if step is None else _T.step == step)
              for status, step in waiting)),
        _T.updated_at <= before, _T.deleted == 0).order_by(_T.updated_at).limit(limit))]


def stranded(tx: Transaction, steps: Iterable[tuple[str, str | None]], end: str, before: datetime,
             gone: Callable[[ColumnElement[Any]], ColumnElement[bool]], limit: int) -> list[Migration]:
    """Moves that nobody has touched since ``before`` and whose turn it is on a host that is gone, oldest first.

    :param steps: (status, step) in which it is that end's turn
    :param end: ``source_compute`` or ``dest_compute``
    :param gone: the condition that a host is gone (db/hosts.py)
    """
    return [Migration(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        or_(*(and_(_T.status == status, _T.step.is_(None) if step is None else _T.step == step)
              for status, step in steps)),
        _T.updated_at <= before, _T.deleted == 0, gone(_T[end])).order_by(_T.updated_at).limit(limit))]


def in_progress_on(tx: Transaction, hosts: Sequence[str]) -> list[Migration]:
    """Moves on their way that touch one of the hosts, at either end: what an agent looks at when it starts."""
    return [Migration(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.status.in_(states.IN_PROGRESS), _T.deleted == 0,
        or_(_T.source_compute.in_(hosts), _T.dest_compute.in_(hosts))))]


def hosts_of(tx: Transaction, instance_uuid: str) -> set[str]:
    """Every host that a move of this server has touched: where leftovers of it may lie."""
    rows = tx.execute(select(_T.source_compute, _T.dest_compute).where(_T.instance_uuid == instance_uuid))
    return {host for row in rows for host in row if host}


# A resize or cold migration that failed may have left the last copy of a disk at either end; the others leave none.
_FAILED = and_(_T.status == states.MIG_ERROR, _T.migration_type.in_((states.RESIZE, states.MIGRATION)))


def unsettled(tx: Transaction, instance_uuids: Sequence[str]) -> list[Migration]:
    """Moves of these servers that are on their way, or have failed and may have left the last copy of a disk."""
    failed = and_(_FAILED, or_(_T.step.is_(None), _T.step != states.SETTLED))
    return [Migration(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.instance_uuid.in_(instance_uuids), or_(_T.status.in_(states.IN_PROGRESS), failed), _T.deleted == 0))]


def settle(tx: Transaction, migration_ids: Sequence[int]) -> None:
    """Note of failed moves that nothing they left is needed any more; the rows stay as users see them."""
    tx.execute(sql_update(models.migrations).where(_T.id.in_(migration_ids), _FAILED).values(step=states.SETTLED))


_HELD = and_(_FAILED, _T.step == states.ON_DEST)


def held_by_destination(tx: Transaction, instance_uuids: Sequence[str]) -> set[str]:
    """Those of these servers whose move ended at its source, while its destination was giving the guest up."""
    return set(tx.execute(select(_T.instance_uuid).where(_T.instance_uuid.in_(instance_uuids), _HELD)).scalars())


def held_on(tx: Transaction, hosts: Sequence[str]) -> list[Migration]:
    """The same as moves, by destination: what an agent looks at when it starts."""
    return [Migration(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.dest_compute.in_(hosts), _HELD, _T.deleted == 0))]


def let_go(tx: Transaction, migration_id: int) -> None:
    """Note that the destination of such a move has given the guest up."""
    tx.execute(sql_update(models.migrations).where(_T.id == migration_id, _HELD).values(step=None))


def all_in_progress(tx: Transaction) -> list[Migration]:
    """Every move that has not ended: for checkers, not for services."""
    return [Migration(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.status.in_(states.IN_PROGRESS), _T.deleted == 0))]


def failed_ends(tx: Transaction) -> set[tuple[str, str]]:
    """(server, host) of both ends of every failed move of a server that lives: for checkers, not for services."""
    rows = tx.execute(select(_T.instance_uuid, _T.source_compute, _T.dest_compute).join_from(
        models.migrations, models.instances, models.instances.c.uuid == _T.instance_uuid).where(
        _FAILED, _T.deleted == 0, models.instances.c.deleted == 0))
    return {(row.instance_uuid, host) for row in rows for host in (row.source_compute, row.dest_compute)}


def of_instance(tx: Transaction, migration_id: int, instance_uuid: str) -> Migration:
    """One move of a server.

    :raises MigrationNotFoundForInstance: when it has none of this number
    """
    row = tx.execute(_GET, {"id": migration_id}).one_or_none()
    if row is None or row.instance_uuid != instance_uuid:
        raise exceptions.MigrationNotFoundForInstance(migration_id=migration_id, instance_id=instance_uuid)
    return Migration(**row._mapping)


def take_queued(tx: Transaction, source_host: str, at_most: int) -> Migration | None:
    """Let the live migration that has waited longest on a source prepare, if fewer than ``at_most`` are under way.

    The rows are locked, so that of two who ask at once one sees what the other has taken.
    """
    rows = tx.execute(select(*_COLUMNS).where(
        _T.source_compute == source_host, _T.migration_type == states.LIVE_MIGRATION, _T.deleted == 0,
        _T.status.in_((states.QUEUED, states.PREPARING, states.MIG_RUNNING))).order_by(_T.id).with_for_update()).all()
    waiting = [Migration(**row._mapping) for row in rows if row.status == states.QUEUED]
    if not waiting or len(rows) - len(waiting) >= at_most:
        return None
    advance(tx, waiting[0].id, (states.QUEUED,), states.PREPARING)
    return waiting[0]


def evacuated_from(tx: Transaction, source_hosts: Sequence[str]) -> list[Migration]:
    """Evacuations of servers that live elsewhere by now and may still have a guest on one of these hosts."""
    return [Migration(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.source_compute.in_(source_hosts), _T.status == states.DONE, _T.deleted == 0))]


def evacuations(tx: Transaction) -> set[tuple[str, str]]:
    """(server, source) of evacuations whose source may still have the guest, dead as it is: for checkers."""
    rows = tx.execute(select(_T.instance_uuid, _T.source_compute).where(
        _T.migration_type == states.EVACUATION, _T.deleted == 0,
        _T.status.in_((states.ACCEPTED, states.PRE_MIGRATING, states.DONE))))
    return {(row.instance_uuid, row.source_compute) for row in rows}
