"""Quotas: limits, usage and reservations (spec 11), always under the server's own project and user (11.3, #50).

Who wants more locks the usage rows of the whole project FOR UPDATE, in the order of their resource and user, so
concurrent requests cannot pass a limit together; who gives back ends reservations, then changes rows of one user in
the same order, so nobody deadlocks.
A reservation carries its server: whoever ends the operation settles it, even without the message that named it. Its
row is gone then: of two who end it, one gets to know what it was, and the table holds the present only.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import (
    Case,
    Insert,
    ScalarSelect,
    Select,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeEngine

from novasim import exceptions, quota
from novasim.db import models
from novasim.db.engine import Transaction, one_of
from novasim.objects import Instance

DEFAULT_CLASS = "default"
# Where a DELETE comes to its rows by an index of the optimizer's choice, and locks all others that it meets there.
_BY_KEY_ONLY = ("mysql", "mariadb")
_U = models.quota_usages.c
_R = models.reservations.c
_Q = models.quotas.c
_PU = models.project_user_quotas.c
_QC = models.quota_classes.c


def _limit(limit: ColumnElement[int], *whose: ColumnElement[bool]) -> ScalarSelect[int]:
    """A limit that is set; absent where none is, though one that is set may be null: unlimited."""
    return select(func.coalesce(limit, quota.UNLIMITED)).where(*whose).scalar_subquery()


_CLASS_LIMIT = _limit(
    _QC.hard_limit, _QC.class_name == DEFAULT_CLASS, _QC.resource == _U.resource, _QC.deleted == 0)
_PROJECT_LIMIT = _limit(
    _Q.hard_limit, _Q.project_id == _U.project_id, _Q.resource == _U.resource, _Q.deleted == 0)
_USER_LIMIT = _limit(
    _PU.hard_limit, _PU.project_id == _U.project_id, _PU.user_id == _U.user_id, _PU.resource == _U.resource,
    _PU.deleted == 0)
_USAGE_LOCKED = select(
    _U.id, _U.user_id, _U.resource, _U.in_use, _U.reserved, _CLASS_LIMIT.label("of_class"),
    _PROJECT_LIMIT.label("of_project"), _USER_LIMIT.label("of_user")).where(
    _U.project_id == bindparam("project"), _U.deleted == 0).order_by(_U.resource, _U.user_id).with_for_update()
# MariaDB locks what it reads on its way to a row: whoever comes by another index meets the others halfway.
_IN_ORDER = "FORCE INDEX (uq_quota_usages_project_id)"
for _dialect in _BY_KEY_ONLY:
    _USAGE_LOCKED = _USAGE_LOCKED.with_hint(models.quota_usages, _IN_ORDER, _dialect)
_USAGE_ROWS = select(_U.id, _U.resource, _U.in_use, _U.reserved, _U.user_id).where(
    _U.project_id == bindparam("project"), _U.deleted == 0)
_RESERVE = insert(models.reservations)
_OPEN = select(_R.id, _R.project_id, _R.user_id, _R.resource, _R.delta).where(
    _R.instance_uuid == bindparam("b_instance"), _R.deleted == 0)
_CLOSE = delete(models.reservations).where(_R.instance_uuid == bindparam("b_instance"), _R.deleted == 0).returning(
    _R.project_id, _R.user_id, _R.resource, _R.delta)
_CLOSE_ONE = delete(models.reservations).where(_R.id == bindparam("b_id"))


_OF_USER = _U.user_id == bindparam("b_user")


def _of_project(names: tuple[str, ...]) -> ColumnElement[bool]:
    """A project's rows of these resources, those of all its users."""
    return and_(_U.project_id == bindparam("b_project"), one_of(_U.resource, names), _U.deleted == 0)


def _own(names: tuple[str, ...]) -> ColumnElement[bool]:
    """A user's rows of these resources."""
    return and_(_of_project(names), _OF_USER)


def _each(names: tuple[str, ...], what: str, kind: TypeEngine[Any] | None = None) -> Case[Any]:
    """The bound value of each resource, by row."""
    return case(*((_U.resource == name, bindparam(f"b_{what}_{name}", type_=kind)) for name in names))


@functools.cache
def _lock_statement(names: tuple[str, ...]) -> Select[Any]:
    return select(_U.id).where(_own(names)).order_by(_U.resource).with_for_update()


@functools.cache
def _change_statement(names: tuple[str, ...]) -> Update:
    return sql_update(models.quota_usages).where(_own(names)).values(
        in_use=_U.in_use + _each(names, "in_use"), reserved=_U.reserved + _each(names, "reserved"),
        updated_at=bindparam("b_now"))


@functools.cache
def _reserve_statement(names: tuple[str, ...]) -> Update:
    """Add to what a user has reserved; the rows of the project's other users are locked with it."""
    statement = sql_update(models.quota_usages)
    for dialect in _BY_KEY_ONLY:
        statement = statement.with_hint(_IN_ORDER, dialect_name=dialect)
    return statement.where(_of_project(names)).values(
        reserved=_U.reserved + case((_OF_USER, _each(names, "delta")), else_=0), updated_at=bindparam("b_now"))


@functools.cache
def _lock_project_statement(names: tuple[str, ...]) -> Select[Any]:
    return select(_U.id).where(_of_project(names)).order_by(_U.resource, _U.user_id).with_for_update()


@functools.cache
def _note_statement(names: tuple[str, ...]) -> Insert:
    """Note what was reserved, of each resource of which it passes no limit."""
    all_users = models.quota_usages.alias()
    total = select(func.sum(all_users.c.in_use + all_users.c.reserved)).where(
        all_users.c.project_id == _U.project_id, all_users.c.resource == _U.resource, all_users.c.deleted == 0
        ).scalar_subquery()
    ceilings = (
        (total, func.coalesce(_PROJECT_LIMIT, _CLASS_LIMIT, _each(names, "default"))),
        (_U.in_use + _U.reserved, func.coalesce(_USER_LIMIT, quota.UNLIMITED)))
    fits = (used <= func.coalesce(func.nullif(limit, quota.UNLIMITED), used) for used, limit in ceilings)
    now = bindparam("b_now", type_=models.Time)
    return insert(models.reservations).from_select(
        ["uuid", "usage_id", "project_id", "user_id", "resource", "delta", "created_at", "expire", "instance_uuid",
         "deleted"],
        select(_each(names, "uuid", _R.uuid.type), _U.id, _U.project_id, _U.user_id, _U.resource,
               _each(names, "delta", _R.delta.type), now, bindparam("b_expire", type_=models.Time),
               bindparam("b_instance", type_=_R.instance_uuid.type), literal(0)).where(_own(names), *fits))


_OF_CLASS = select(_QC.resource, _QC.hard_limit).where(_QC.class_name == bindparam("class"), _QC.deleted == 0)
_LIMITS = union_all(
    select(literal("class").label("whose"), _QC.resource, _QC.hard_limit).where(
        _QC.class_name == DEFAULT_CLASS, _QC.deleted == 0),
    select(literal("project"), _Q.resource, _Q.hard_limit).where(
        _Q.project_id == bindparam("project"), _Q.deleted == 0),
    select(literal("user"), _PU.resource, _PU.hard_limit).where(
        _PU.project_id == bindparam("project"), _PU.user_id == bindparam("user"), _PU.deleted == 0))

Limits = dict[str, int]


def _limit_rows(tx: Transaction, project_id: str | None, user_id: str | None) -> dict[str, Limits]:
    """The limits that are set of the default class, a project and one of its users, by whose they are."""
    found: dict[str, Limits] = {"class": {}, "project": {}, "user": {}}
    for row in tx.execute(_LIMITS, {"project": project_id, "user": user_id}):
        found[row.whose][row.resource] = quota.UNLIMITED if row.hard_limit is None else row.hard_limit
    return found


def limits(tx: Transaction, project_id: str | None, defaults: Mapping[str, int], user_id: str | None = None) -> Limits:
    """What a project, or a user of it, may use: its override, the default class, the configuration (spec 11.1)."""
    found = _limit_rows(tx, project_id, user_id)
    return dict(defaults) | found["class"] | found["project"] | found["user"]


def default_limits(tx: Transaction, defaults: Mapping[str, int], class_name: str = DEFAULT_CLASS) -> Limits:
    """What a class of projects may use; that of "default" holds for every project without an override."""
    rows = tx.execute(_OF_CLASS, {"class": class_name})
    found = {row.resource: quota.UNLIMITED if row.hard_limit is None else row.hard_limit for row in rows}
    return dict(defaults) | found


def set_class_limits(tx: Transaction, class_name: str, values: Mapping[str, int]) -> None:
    """Set limits of a class of projects."""
    tx.execute(sql_update(models.quota_classes).where(
        _QC.class_name == class_name, _QC.resource.in_(list(values)), _QC.deleted == 0).values(
        deleted=_QC.id, deleted_at=tx.now))
    if values:
        tx.insert_missing(models.quota_classes, [
            {"class_name": class_name, "resource": name, "hard_limit": limit, "created_at": tx.now, "deleted": 0}
            for name, limit in values.items()])


def set_limits(tx: Transaction, project_id: str, values: Mapping[str, int], user_id: str | None = None) -> None:
    """Override limits for a project or for one of its users."""
    delete_limits(tx, project_id, user_id, list(values))
    table = models.quotas if user_id is None else models.project_user_quotas
    owner = {"project_id": project_id} | ({} if user_id is None else {"user_id": user_id})
    if values:
        tx.insert_missing(table, [owner | {"resource": name, "hard_limit": limit, "created_at": tx.now, "deleted": 0}
                                  for name, limit in values.items()])


def delete_limits(tx: Transaction, project_id: str, user_id: str | None = None,
                  resources: Sequence[str] | None = None) -> None:
    """Drop overrides: all, or those of the named resources."""
    table = models.quotas if user_id is None else models.project_user_quotas
    statement = sql_update(table).where(table.c.project_id == project_id, table.c.deleted == 0)
    if user_id is not None:
        statement = statement.where(_PU.user_id == user_id)
    if resources is not None:
        statement = statement.where(table.c.resource.in_(resources))
    tx.execute(statement.values(deleted=table.c.id, deleted_at=tx.now))


def usage(tx: Transaction, project_id: str | None, user_id: str | None = None) -> dict[str, tuple[int, int]]:
    """(in use, reserved) by resource, of a project or of one of its users."""
    totals = dict.fromkeys(quota.COUNTED, (0, 0))
    for row in tx.execute(_USAGE_ROWS, {"project": project_id}):
        if user_id is None or row.user_id == user_id:
            in_use, reserved = totals.get(row.resource, (0, 0))
            totals[row.resource] = (in_use + row.in_use, reserved + row.reserved)
    return totals


def _lock(tx: Transaction, project_id: str | None, user_id: str | None) -> tuple[dict[str, Any], dict[str, int]]:
    """Lock a project's usage: the user's rows by resource, and the project's use plus reserve by resource."""
    rows = tx.execute(_USAGE_LOCKED, {"project": project_id}).all()
    own = {row.resource: row for row in rows if row.user_id == user_id}
    if _add_missing(tx, project_id, user_id, own):
        return _lock(tx, project_id, user_id)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row.resource] = totals.get(row.resource, 0) + row.in_use + row.reserved
    return own, totals


def _add_missing(tx: Transaction, project_id: str | None, user_id: str | None, there: Collection[str]) -> bool:
    """Make the rows that a user has not got yet; False when there is none."""
    missing = [name for name in quota.COUNTED if name not in there]
    if missing:
        tx.insert_missing(models.quota_usages, [
            {"project_id": project_id, "user_id": user_id, "resource": name, "in_use": 0, "reserved": 0,
             "created_at": tx.now, "deleted": 0} for name in missing])
    return bool(missing)


def hold(tx: Transaction, project_id: str | None, user_id: str | None) -> None:
    """Let nobody else judge or change what a project uses until this transaction ends: for what is counted by its own
    rows."""
    _lock(tx, project_id, user_id)


def _check(tx: Transaction, project_id: str | None, user_id: str | None, deltas: Mapping[str, int],
           defaults: Mapping[str, int]) -> dict[str, Any]:
    own, totals = _lock(tx, project_id, user_id)

    def limits_of(*whose: str) -> Limits:
        return {name: limit for one in whose for name, row in own.items()
                if (limit := row._mapping[one]) is not None}

    allowed, overrides = dict(defaults) | limits_of("of_class", "of_project"), limits_of("of_user")
    overs, used, ceilings = quota.exceeded(deltas, allowed, totals), totals, allowed
    if not overs and overrides:
        used = {name: row.in_use + row.reserved for name, row in own.items()}
        ceilings = {name: overrides.get(name, quota.UNLIMITED) for name in deltas}
        overs = quota.exceeded(deltas, ceilings, used)
    if overs:
        def told(values: Mapping[str, int]) -> str:
            return ", ".join(str(values.get(name, 0)) for name in overs)
        raise exceptions.OverQuota(overs=", ".join(overs), requested=told(deltas), used=told(used),
                                   allowed=told(ceilings))
    return own


def _change(tx: Transaction, project_id: str | None, user_id: str | None, in_use: Mapping[str, int],
            reserved: Mapping[str, int]) -> None:
    """Add amounts to what a user has in use and reserved: one statement for all resources."""
    names = tuple(sorted(name for name in {*in_use, *reserved} if in_use.get(name) or reserved.get(name)))
    if not names:
        return
    whose = {"b_project": project_id, "b_user": user_id}
    if tx.dialect == "postgresql":
        # An UPDATE locks rows as it comes to them, which there is not always their order.
        tx.execute(_lock_statement(names), whose)

    def change(names: tuple[str, ...]) -> int:
        amounts = {f"b_{kind}_{name}": values.get(name, 0) for name in names
                   for kind, values in (("in_use", in_use), ("reserved", reserved))}
        return tx.change(_change_statement(names), whose | amounts | {"b_now": tx.now})

    if change(names) < len(names):
        # Somebody's first rows; what is there already has its amount.
        there = {row.resource for row in tx.execute(_USAGE_ROWS, {"project": project_id}) if row.user_id == user_id}
        _add_missing(tx, project_id, user_id, there)
        change(tuple(name for name in names if name not in there))


def use(tx: Transaction, project_id: str | None, user_id: str | None, deltas: Mapping[str, int],
        defaults: Mapping[str, int]) -> None:
    """Count deltas as used at once: what a boot does, in the transaction that inserts its servers.

    :raises OverQuota: when a limit would be passed
    """
    _check(tx, project_id, user_id, deltas, defaults)
    _change(tx, project_id, user_id, deltas, {})


def reserve(tx: Transaction, instance: Instance, deltas: Mapping[str, int], defaults: Mapping[str, int],
            expire_s: int) -> list[str]:
    """Reserve deltas for an operation on a server; negative ones are only noted until commit (spec 11.1).

    :param expire_s: seconds until an unsettled reservation is rolled back
    :returns: the reservations' uuids, none when there is nothing to reserve
    :raises OverQuota: when a limit would be passed
    """
    if not deltas:
        return []
    project_id, user_id = instance.project_id, instance.user_id
    increases = {name: delta for name, delta in deltas.items() if delta > 0}
    uuids = {name: uuidutils.generate_uuid() for name in sorted(deltas)}
    if len(increases) == len(deltas) and _reserve_at_once(tx, instance, uuids, increases, defaults, expire_s):
        return list(uuids.values())
    if increases:
        own = _check(tx, project_id, user_id, deltas, defaults)
    else:
        rows_of = tx.execute(_USAGE_ROWS, {"project": project_id})
        own = {row.resource: row for row in rows_of if row.user_id == user_id} or _lock(tx, project_id, user_id)[0]
    rows = [{"uuid": uuid, "usage_id": own[name].id, "project_id": project_id,
             "user_id": user_id, "resource": name, "delta": deltas[name], "created_at": tx.now,
             "expire": tx.now + timedelta(seconds=expire_s), "instance_uuid": instance.uuid, "deleted": 0}
            for name, uuid in uuids.items()]
    tx.execute(_RESERVE, rows)
    _change(tx, project_id, user_id, {}, increases)
    return list(uuids.values())


def _reserve_at_once(tx: Transaction, instance: Instance, uuids: Mapping[str, str], deltas: Mapping[str, int],
                     defaults: Mapping[str, int], expire_s: int) -> bool:
    """Reserve increases first, and look whether they fit while they are noted; False when they do not, or when a row
    is missing: then nothing has changed, and it takes a closer look to say why."""
    names = tuple(uuids)
    whose = {"b_project": instance.project_id, "b_user": instance.user_id, "b_now": tx.now}
    if tx.dialect == "postgresql":
        tx.execute(_lock_project_statement(names), whose)
    amounts = {f"b_delta_{name}": delta for name, delta in deltas.items()}
    tx.change(_reserve_statement(names), whose | amounts)
    noted = tx.change(_note_statement(names), {
        **whose, **amounts, **{f"b_uuid_{name}": uuid for name, uuid in uuids.items()},
        **{f"b_default_{name}": defaults[name] for name in names}, "b_instance": instance.uuid,
        "b_expire": tx.now + timedelta(seconds=expire_s)})
    if noted == len(names):
        return True
    tx.change(_reserve_statement(names), whose | {name: -delta for name, delta in amounts.items()})
    tx.execute(delete(models.reservations).where(one_of(_R.uuid, list(uuids.values()))))
    return False


def _close(tx: Transaction, instance_uuid: str) -> list[Any]:
    """End a server's reservations; returns them to the one who ended them."""
    whose = {"b_instance": instance_uuid}
    if tx.dialect not in _BY_KEY_ONLY:
        return list(tx.execute(_CLOSE, whose).all())
    return [row for row in tx.execute(_OPEN, whose).all() if tx.change(_CLOSE_ONE, {"b_id": row.id})]


def _freed(rows: Iterable[Any]) -> dict[str, int]:
    freed: dict[str, int] = {}
    for row in rows:
        freed[row.resource] = freed.get(row.resource, 0) - max(row.delta, 0)
    return freed


def rollback(tx: Transaction, instance_uuid: str) -> None:
    """The operation came to nothing: what was reserved for the server is free again."""
    rows = _close(tx, instance_uuid)
    if rows:
        _change(tx, rows[0].project_id, rows[0].user_id, {}, _freed(rows))


def settle(tx: Transaction, instance: Instance, surplus: Mapping[str, int]) -> None:
    """An operation ended: what was reserved for it is free again, and what the server uses no more is given back.

    :param surplus: how much less it uses than before; negative where it uses more
    """
    _change(tx, instance.project_id, instance.user_id, {name: -amount for name, amount in surplus.items()},
            _freed(_close(tx, instance.uuid)))


def expired(tx: Transaction, before: datetime, limit: int = 1000) -> list[str]:
    """Servers with a reservation that nobody settled in time; each is to be rolled back by itself."""
    return list(tx.execute(select(_R.instance_uuid).where(_R.deleted == 0, _R.expire < before).distinct().limit(
        limit)).scalars())


def everything(tx: Transaction) -> tuple[list[Any], list[Any]]:
    """All rows of usage and all open reservations: for checkers, not for services."""
    usages = tx.execute(select(models.quota_usages).where(_U.deleted == 0)).all()
    return list(usages), list(tx.execute(select(models.reservations).where(_R.deleted == 0)).all())
