"""Quotas: limits, usage and reservations (spec 11), always under the server's own project and user (11.3, #50).

Usage rows of a project are locked FOR UPDATE, in the order of their resource and user, before anything else of the
quota is written, so concurrent requests cannot pass a limit together and cannot deadlock.
A reservation carries its server: whoever ends the operation settles it, even without the message that named it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import bindparam, insert, literal, select, union_all
from sqlalchemy import update as sql_update

from novasim import exceptions, quota
from novasim.db import models
from novasim.db.engine import Transaction
from novasim.objects import Instance

_U = models.quota_usages.c
_R = models.reservations.c
_Q = models.quotas.c
_PU = models.project_user_quotas.c
_QC = models.quota_classes.c

_USAGE_LOCKED = select(_U.id, _U.user_id, _U.resource, _U.in_use, _U.reserved).where(
    _U.project_id == bindparam("project"), _U.deleted == 0).order_by(_U.resource, _U.user_id).with_for_update()
_USAGE_ROWS = select(_U.resource, _U.in_use, _U.reserved, _U.user_id).where(
    _U.project_id == bindparam("project"), _U.deleted == 0)
_OPEN = select(_R.id, _R.usage_id, _R.delta, _R.project_id, _R.user_id).where(
    _R.instance_uuid == bindparam("uuid"), _R.deleted == 0).order_by(_R.resource)
_CLOSE = sql_update(models.reservations).where(_R.id == bindparam("b_id"), _R.deleted == 0).values(
    deleted=_R.id, deleted_at=bindparam("b_now"))
_CHANGE = sql_update(models.quota_usages).where(_U.id == bindparam("b_id")).values(
    in_use=_U.in_use + bindparam("b_in_use"), reserved=_U.reserved + bindparam("b_reserved"),
    updated_at=bindparam("b_now"))

DEFAULT_CLASS = "default"
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
    missing = [name for name in quota.COUNTED if name not in own]
    if missing:
        tx.insert_missing(models.quota_usages, [
            {"project_id": project_id, "user_id": user_id, "resource": name, "in_use": 0, "reserved": 0,
             "created_at": tx.now, "deleted": 0} for name in missing])
        return _lock(tx, project_id, user_id)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row.resource] = totals.get(row.resource, 0) + row.in_use + row.reserved
    return own, totals


def hold(tx: Transaction, project_id: str | None, user_id: str | None) -> None:
    """Let nobody else judge or change what a project uses until this transaction ends: for what is counted by its own
    rows."""
    _lock(tx, project_id, user_id)


def _check(tx: Transaction, project_id: str | None, user_id: str | None, deltas: Mapping[str, int],
           defaults: Mapping[str, int]) -> dict[str, Any]:
    # All that can be read before the lock is: the whole project waits for whoever has it.
    found = _limit_rows(tx, project_id, user_id)
    allowed, overrides = dict(defaults) | found["class"] | found["project"], found["user"]
    own, totals = _lock(tx, project_id, user_id)
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


def use(tx: Transaction, project_id: str | None, user_id: str | None, deltas: Mapping[str, int],
        defaults: Mapping[str, int]) -> None:
    """Count deltas as used at once: what a boot does, in the transaction that inserts its servers.

    :raises OverQuota: when a limit would be passed
    """
    own = _check(tx, project_id, user_id, deltas, defaults)
    for name in sorted(deltas):
        tx.execute(_CHANGE, {"b_id": own[name].id, "b_in_use": deltas[name], "b_reserved": 0, "b_now": tx.now})


def reserve(tx: Transaction, instance: Instance, deltas: Mapping[str, int], defaults: Mapping[str, int],
            expire_s: int) -> list[str]:
    """Reserve deltas for an operation on a server; negative ones are only noted until commit (spec 11.1).

    :param expire_s: seconds until an unsettled reservation is rolled back
    :returns: the reservations' uuids, none when there is nothing to reserve
    :raises OverQuota: when a limit would be passed
    """
    if not deltas:
        return []
    own = _check(tx, instance.project_id, instance.user_id, deltas, defaults)
    rows = [{"uuid": uuidutils.generate_uuid(), "usage_id": own[name].id, "project_id": instance.project_id,
             "user_id": instance.user_id, "resource": name, "delta": deltas[name], "created_at": tx.now,
             "expire": tx.now + timedelta(seconds=expire_s), "instance_uuid": instance.uuid, "deleted": 0}
            for name in sorted(deltas)]
    tx.execute(insert(models.reservations), rows)
    for row in rows:
        if row["delta"] > 0:
            tx.execute(_CHANGE, {"b_id": row["usage_id"], "b_in_use": 0, "b_reserved": row["delta"], "b_now": tx.now})
    return [row["uuid"] for row in rows]


def rollback(tx: Transaction, instance_uuid: str) -> None:
    """The operation came to nothing: what was reserved for the server is free again."""
    rows = tx.execute(_OPEN, {"uuid": instance_uuid}).all()
    if rows:
        _lock(tx, rows[0].project_id, rows[0].user_id)
    for row in rows:
        if tx.execute(_CLOSE, {"b_id": row.id, "b_now": tx.now}).rowcount and row.delta > 0:
            tx.execute(_CHANGE, {"b_id": row.usage_id, "b_in_use": 0, "b_reserved": -row.delta, "b_now": tx.now})


def settle(tx: Transaction, instance: Instance, surplus: Mapping[str, int]) -> None:
    """An operation ended: what was reserved for it is free again, and what the server uses no more is given back.

    :param surplus: how much less it uses than before; negative where it uses more
    """
    rows = tx.execute(_OPEN, {"uuid": instance.uuid}).all()
    if not rows and not surplus:
        return
    own, _ = _lock(tx, instance.project_id, instance.user_id)
    freed: dict[int, int] = {}
    for row in rows:
        if tx.execute(_CLOSE, {"b_id": row.id, "b_now": tx.now}).rowcount:
            freed[row.usage_id] = freed.get(row.usage_id, 0) + max(row.delta, 0)
    unused = {own[name].id: amount for name, amount in surplus.items()}
    for usage_id in sorted({*freed, *unused}):
        change = {"b_in_use": -unused.get(usage_id, 0), "b_reserved": -freed.get(usage_id, 0)}
        if any(change.values()):
            tx.execute(_CHANGE, {"b_id": usage_id, "b_now": tx.now, **change})


def expired(tx: Transaction, before: datetime, limit: int = 1000) -> list[str]:
    """Servers with a reservation that nobody settled in time; each is to be rolled back by itself."""
    return list(tx.execute(select(_R.instance_uuid).where(_R.deleted == 0, _R.expire < before).distinct().limit(
        limit)).scalars())


def everything(tx: Transaction) -> tuple[list[Any], list[Any]]:
    """All rows of usage and all open reservations: for checkers, not for services."""
    usages = tx.execute(select(models.quota_usages).where(_U.deleted == 0)).all()
    return list(usages), list(tx.execute(select(models.reservations).where(_R.deleted == 0)).all())
