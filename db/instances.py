"""Servers: the one door through which vm_state, task_state, host and flavor columns change.

:func:`update` is the compare-and-swap of spec 9.4: one UPDATE with its condition, a row count, and the two errors
that tell who was faster. System metadata holds the flavor snapshots of spec 9.3; they are moved between their
prefixes row by row, never as a whole dictionary, so two writers cannot overwrite each other's keys (spec 12.2 #34).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import FromClause, Label, Select, Table, and_, bindparam, case, func, insert, literal, or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement, Update

from novasim import exceptions, states
from novasim.db import models, pairs
from novasim.db.engine import Transaction, one_of
from novasim.objects import CURRENT, NEW, OLD, OLD_VM_STATE, Flavor, Instance

_T = models.instances.c
_SYS = models.instance_system_metadata.c
_META = models.instance_metadata.c
_COLUMNS = [_T[name] for name in Instance.__struct_fields__ if name not in ("metadata", "system_metadata")]

SYSTEM_METADATA = pairs.column("system_metadata", models.instance_system_metadata, _SYS.instance_uuid == _T.uuid)
METADATA = pairs.column("metadata", models.instance_metadata, _META.instance_uuid == _T.uuid)
_READ_META = select(_META.instance_uuid, _META.key, _META.value).where(
    _META.instance_uuid.in_(bindparam("uuids", expanding=True)), _META.deleted == 0)
_READ_SYS_MANY = select(_SYS.instance_uuid, _SYS.key, _SYS.value).where(
    _SYS.instance_uuid.in_(bindparam("uuids", expanding=True)), _SYS.deleted == 0)
_INSERT = insert(models.instances)
_INSERT_PAIRS = {table: insert(table) for table in (models.instance_metadata, models.instance_system_metadata)}
_SYS_OF = and_(_SYS.instance_uuid == bindparam("b_uuid"), _SYS.deleted == 0)
# ``deleted`` of a row that is written already, and shown to nobody before its time comes.
_TO_COME = -1

# expected values of a compare-and-swap: column -> allowed values
Expected = Mapping[str, Sequence[Any]]


class Beside(NamedTuple):
    """What can be read together with a server: columns, the tables that they are of, each with the condition of its
    rows (all is null where there is none), and which of its own pairs."""
    columns: tuple[ColumnElement[Any], ...]
    joins: tuple[tuple[Table, ColumnElement[bool]], ...] = ()
    pairs: tuple[Label[str], ...] = (SYSTEM_METADATA,)


def create(tx: Transaction, instances: Sequence[Instance]) -> None:
    """Insert new servers with their metadata and system_metadata."""
    rows = [{column.name: getattr(instance, column.name) for column in _COLUMNS if column.name != "id"}
            | {"created_at": tx.now, "updated_at": tx.now, "deleted": 0} for instance in instances]
    tx.execute(_INSERT, rows)
    for table, attribute in ((models.instance_metadata, "metadata"),
                             (models.instance_system_metadata, "system_metadata")):
        _insert_pairs(tx, table, [(instance.uuid, getattr(instance, attribute)) for instance in instances])


def _insert_pairs(tx: Transaction, table: Any, owners: Iterable[tuple[str, Mapping[str, str]]],
                  to_come: Iterable[tuple[str, Mapping[str, str]]] = ()) -> None:
    rows = [{"instance_uuid": uuid, "key": key, "value": value, "created_at": tx.now, "deleted": deleted}
            for owned, deleted in ((owners, 0), (to_come, _TO_COME))
            for uuid, pairs in owned for key, value in pairs.items()]
    if rows:
        tx.execute(_INSERT_PAIRS[table], rows)


def get(tx: Transaction, uuid: str, project_id: str | None = None, read_deleted: bool = False,
        with_system_metadata: bool = True, with_metadata: bool = True) -> Instance:
    """One server.

    :param project_id: where given, a server of another project is as good as absent
    :raises InstanceNotFound: when there is none, or it is deleted and ``read_deleted`` is not set
    """
    row = tx.execute(_get_statement(read_deleted, with_system_metadata, with_metadata), {"uuid": uuid}).one_or_none()
    if row is None or (project_id is not None and row.project_id != project_id):
        raise exceptions.InstanceNotFound(instance_id=uuid)
    return from_row(row)


@functools.cache
def _get_statement(read_deleted: bool, with_system_metadata: bool, with_metadata: bool) -> Select[Any]:
    more = [column for column, wanted in ((SYSTEM_METADATA, with_system_metadata), (METADATA, with_metadata)) if wanted]
    statement = select(*_COLUMNS, *more).where(_T.uuid == bindparam("uuid"))
    return statement if read_deleted else statement.where(_T.deleted == 0)


def get_beside(tx: Transaction, uuid: str, project_id: str | None, beside: Beside,
               parameters: Mapping[str, Any]) -> tuple[Instance, dict[str, Any]]:
    """One server, and the one row that lies beside it, by column; otherwise as :func:`get_all_beside`."""
    instance, (found,) = get_all_beside(tx, uuid, project_id, beside, parameters)
    return instance, found


def get_all_beside(tx: Transaction, uuid: str, project_id: str | None, beside: Beside,
                   parameters: Mapping[str, Any]) -> tuple[Instance, list[dict[str, Any]]]:
    """One server, and the rows that lie beside it, by column: at least one.

    :param project_id: where given, a server of another project is as good as absent
    :param parameters: those of the condition and of the columns
    :raises InstanceNotFound: when there is none
    """
    statement, own, theirs = _beside_statement(beside)
    rows = tx.execute(statement, {"uuid": uuid, **parameters}).all()
    if not rows or (project_id is not None and rows[0].project_id != project_id):
        raise exceptions.InstanceNotFound(instance_id=uuid)
    return (_instance(dict(zip(own, rows[0], strict=False))),
            [dict(zip(theirs, row[len(own):], strict=True)) for row in rows])


@functools.cache
def _beside_statement(beside: Beside) -> tuple[Select[Any], list[str], list[str]]:
    """The statement, and the names of its columns: first the server's, then those beside."""
    own, theirs = [*_COLUMNS, *beside.pairs], [column.name for column in beside.columns]
    labelled = (column.label(f"beside_{column.name}") for column in beside.columns)
    statement = select(*own, *labelled).where(_T.uuid == bindparam("uuid"), _T.deleted == 0)
    return statement.select_from(outer_joins(models.instances, beside.joins)), [column.name for column in own], theirs


def outer_joins(table: FromClause, joins: Iterable[tuple[Table, ColumnElement[bool]]]) -> FromClause:
    """A table and what is joined to it. One after the other: SQLite reads all of a join that is joined to another."""
    return functools.reduce(lambda joined, join: joined.outerjoin(*join), joins, table)


def from_row(row: Any) -> Instance:
    """The server of a row that has its columns, and maybe its metadata and system_metadata."""
    return _instance(dict(row._mapping))


def _instance(values: dict[str, Any]) -> Instance:
    for name in ("metadata", "system_metadata"):
        if name in values:
            values[name] = pairs.read(values[name])
    return Instance(**values)


def load_metadata(tx: Transaction, instances: Sequence[Instance]) -> None:
    """Fill in the user's metadata of a page of servers: one statement for all."""
    _load_pairs(tx, instances, _READ_META, "metadata")


def load_system_metadata(tx: Transaction, instances: Sequence[Instance]) -> None:
    """Fill in the system_metadata of a page of servers: one statement for all."""
    _load_pairs(tx, instances, _READ_SYS_MANY, "system_metadata")


def system_metadata_of(tx: Transaction, uuids: Iterable[str], prefix: str) -> dict[str, dict[str, str]]:
    """What the system_metadata of a page of servers says under keys with a prefix, by uuid: one statement for all."""
    found: dict[str, dict[str, str]] = {}
    for row in tx.execute(_READ_SYS_MANY.where(_with_prefix(prefix)), {"uuids": list(uuids)}):
        found.setdefault(row.instance_uuid, {})[row.key] = row.value
    return found


def _load_pairs(tx: Transaction, instances: Sequence[Instance], statement: Any, attribute: str) -> None:
    if not instances:
        return
    pairs: dict[str, dict[str, str]] = {instance.uuid: {} for instance in instances}
    for row in tx.execute(statement, {"uuids": list(pairs)}):
        pairs[row.instance_uuid][row.key] = row.value
    for instance in instances:
        setattr(instance, attribute, pairs[instance.uuid])


@functools.lru_cache(maxsize=256)
def _update_statement(columns: frozenset[str], expected: tuple[tuple[str, bool, int], ...]) -> Update:
    """:param expected: column, whether NULL is allowed, how many values are: the shape, so that few are kept"""
    conditions: list[ColumnElement[bool]] = [_T.uuid == bindparam("b_uuid"), _T.deleted == 0]
    for name, null, count in expected:
        allowed = [bindparam(f"e{number}_{name}", type_=_T[name].type) for number in range(count)]
        conditions.append(one_of(_T[name], [*allowed, *([None] if null else [])]))
    return sql_update(models.instances).where(*conditions).values(
        {name: bindparam("v_" + name) for name in sorted(columns)})


def update(tx: Transaction, uuid: str, expected: Expected | None = None, **values: Any) -> None:
    """Change a server, if it still is what the caller thinks (spec 9.4).

    :param expected: ``{"task_state": (None,), "host": ("cmp-1",)}``: allowed values by column
    :param values: new values by column; updated_at is set by itself
    :raises InstanceNotFound: when the server is gone
    :raises UnexpectedDeletingTaskStateError: when it is being deleted instead
    :raises UnexpectedTaskStateError: when it is something else
    """
    values["updated_at"] = tx.now
    wanted = {name: [value for value in allowed if value is not None] for name, allowed in (expected or {}).items()}
    shape = tuple(sorted((name, None in (expected or {})[name], len(named)) for name, named in wanted.items()))
    changed = tx.change(_update_statement(frozenset(values), shape), {
        "b_uuid": uuid, **{"v_" + name: value for name, value in values.items()},
        **{f"e{number}_{name}": value for name, named in wanted.items() for number, value in enumerate(named)}})
    if not changed:
        _raise_conflict(tx, uuid, expected or {})


def _raise_conflict(tx: Transaction, uuid: str, expected: Expected) -> None:
    row = tx.execute(_get_statement(True, False, False), {"uuid": uuid}).one_or_none()
    if row is None or row.deleted:
        raise exceptions.InstanceNotFound(instance_id=uuid)
    actual = {name: row._mapping.get(name) for name in expected}
    wrong = (exceptions.UnexpectedDeletingTaskStateError if row.task_state == states.DELETING
             else exceptions.UnexpectedTaskStateError)
    raise wrong(instance_uuid=uuid, expected={name: list(allowed) for name, allowed in expected.items()},
                actual=actual)


def soft_delete(tx: Transaction, uuid: str) -> bool:
    """Mark a server and its metadata deleted (spec 9.1); False when it was already."""
    gone = tx.execute(sql_update(models.instances).where(_T.uuid == uuid, _T.deleted == 0).values(
        deleted=_T.id, deleted_at=tx.now, terminated_at=tx.now, updated_at=tx.now, vm_state=states.DELETED,
        task_state=None, host=None, node=None))
    for table in (models.instance_metadata, models.instance_system_metadata):
        living = one_of(table.c.deleted, (0, _TO_COME))
        tx.execute(sql_update(table).where(table.c.instance_uuid == uuid, living).values(
            deleted=table.c.id, deleted_at=tx.now))
    return bool(gone.rowcount)


def set_metadata(tx: Transaction, uuid: str, metadata: Mapping[str, str], replace: bool) -> None:
    """Merge the user's metadata into what is there, or put it in its place."""
    doomed = and_(_META.instance_uuid == uuid, _META.deleted == 0)
    if not replace:
        doomed = and_(doomed, _META.key.in_(list(metadata)))
    tx.execute(sql_update(models.instance_metadata).where(doomed).values(deleted=_META.id, deleted_at=tx.now))
    _insert_pairs(tx, models.instance_metadata, [(uuid, metadata)])


def delete_metadata(tx: Transaction, uuid: str, key: str) -> bool:
    """Drop one key of the user's metadata; False when there is none."""
    return bool(tx.execute(sql_update(models.instance_metadata).where(
        _META.instance_uuid == uuid, _META.key == key, _META.deleted == 0).values(
        deleted=_META.id, deleted_at=tx.now)).rowcount)


def replace_system_metadata(tx: Transaction, uuid: str, prefix: str, pairs: Mapping[str, str]) -> None:
    """Put these keys of system_metadata in the place of all that begin with a prefix."""
    tx.execute(_drop_statement(and_(_SYS.deleted == 0, _with_prefix(prefix))), {"b_uuid": uuid, "b_now": tx.now})
    _insert_pairs(tx, models.instance_system_metadata, [(uuid, pairs)])


# The flavor stash of a move (spec 2.4). Prefixes are plain letters, so LIKE needs no escape but for '_'.

def _with_prefix(prefix: str) -> ColumnElement[bool]:
    return _SYS.key.startswith(prefix, autoescape=True)


# MariaDB assigns from left to right: what still has to know the old value of ``deleted`` goes first.
_PROMOTE = sql_update(models.instance_system_metadata).where(
    _SYS.instance_uuid == bindparam("b_uuid"), one_of(_SYS.deleted, (0, _TO_COME)), _with_prefix(CURRENT)
    ).ordered_values((_SYS.key, case((_SYS.deleted == 0, literal("old_") + _SYS.key), else_=_SYS.key)),
                     (_SYS.deleted, 0), (_SYS.updated_at, bindparam("b_now")))
_RENAME_OLD_TO_CURRENT = sql_update(models.instance_system_metadata).where(_SYS_OF, _with_prefix(OLD)).values(
    key=func.substr(_SYS.key, len(OLD) - len(CURRENT) + 1), updated_at=bindparam("b_now"))


def _drop_statement(which: ColumnElement[bool]) -> Update:
    return sql_update(models.instance_system_metadata).where(_SYS.instance_uuid == bindparam("b_uuid"), which).values(
        deleted=_SYS.id, deleted_at=bindparam("b_now"))


def _drop_of_move(prefix: str) -> Update:
    """Drop what a move has brought, and the snapshot of this prefix."""
    of_move = or_(_with_prefix(prefix), _with_prefix(NEW), _SYS.key == OLD_VM_STATE)
    # In this form, which databases find by their index: a server has many rows of moves that have ended.
    return _drop_statement(and_(one_of(_SYS.deleted, (0, _TO_COME)), or_(of_move, _SYS.deleted == _TO_COME)))


_DROP_STASH, _DROP_CURRENT_AND_NEW = _drop_of_move(OLD), _drop_of_move(CURRENT)


def stash_new_flavor(tx: Transaction, uuid: str, flavor: Flavor, old_vm_state: str) -> None:
    """What prep_resize keeps: new_* and old_vm_state (spec 8.2 step 5), and what :func:`promote_new_flavor` will show.
    Whatever ends a move drops them."""
    _insert_pairs(tx, models.instance_system_metadata, [(uuid, flavor.to_stash(old_vm_state))],
                  [(uuid, flavor.to_sys(CURRENT))])


def promote_new_flavor(tx: Transaction, uuid: str) -> None:
    """What finish_resize does to the snapshots: old := current, current := new (spec 8.4 steps 2-3)."""
    tx.change(_PROMOTE, {"b_uuid": uuid, "b_now": tx.now})


def restore_old_flavor(tx: Transaction, uuid: str) -> None:
    """What a revert does: current := old; old_*, new_* and old_vm_state go (spec 8.6)."""
    parameters = {"b_uuid": uuid, "b_now": tx.now}
    tx.change(_DROP_CURRENT_AND_NEW, parameters)
    tx.change(_RENAME_OLD_TO_CURRENT, parameters)


def drop_stash(tx: Transaction, uuid: str) -> None:
    """What a confirm does, and every undo: old_*, new_* and old_vm_state go (spec 8.5 step 4)."""
    tx.change(_DROP_STASH, {"b_uuid": uuid, "b_now": tx.now})


def flavor_columns(flavor: Flavor) -> dict[str, int]:
    """The columns of a server that say its flavor (spec 8.4); swap and rxtx live in system_metadata only."""
    return {"instance_type_id": flavor.id, "memory_mb": flavor.memory_mb, "vcpus": flavor.vcpus,
            "root_gb": flavor.root_gb, "ephemeral_gb": flavor.ephemeral_gb}
