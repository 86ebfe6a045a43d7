"""Host aggregates: groups of hosts with metadata. The key ``availability_zone`` names the zone of their hosts.

Every change raises the generation of its aggregate, in its transaction, so that :func:`stamp` tells of each.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from oslo_db import exception as db_exception
from oslo_utils import uuidutils
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy import update as sql_update

from novasim import exceptions
from novasim.db import hosts, models
from novasim.db.engine import Transaction
from novasim.objects import Aggregate

_A = models.aggregates.c
_H = models.aggregate_hosts.c
_M = models.aggregate_metadata.c
_I = models.instances.c
ZONE_KEY = "availability_zone"
_COLUMNS = [_A.id, _A.uuid, _A.name, _A.created_at, _A.updated_at]
_ZONES = select(_H.host, _M.value).join_from(
    models.aggregate_hosts, models.aggregate_metadata, _H.aggregate_id == _M.aggregate_id).where(
    _H.deleted == 0, _M.deleted == 0, _M.key == ZONE_KEY)
_ZONE_OF = _ZONES.where(_H.host == bindparam("host"))
_ZONES_OF = _ZONES.where(_H.host.in_(bindparam("hosts", expanding=True)))
# That of the host of a server that is read; null for the default one.
ZONE_OF_SERVER = _ZONES.with_only_columns(_M.value).where(_H.host == _I.host).limit(1).scalar_subquery().label("zone")
_IN_ZONE = _ZONES.where(_M.value == bindparam("zone")).limit(1)
_LOCKED = select(_A.id).where(_A.deleted == 0).order_by(_A.id).with_for_update()
# Differ after any change of an aggregate: of one small table, deleted ones included.
STAMP = [select(value).scalar_subquery().label(name) for name, value in (
    ("aggregates", func.count(_A.id)), ("generations", func.sum(_A.generation)))]
_STAMP = select(*STAMP)
_CHANGED = sql_update(models.aggregates).where(_A.id.in_(bindparam("ids", expanding=True))).values(
    generation=_A.generation + 1)


def zones(tx: Transaction, of_hosts: Iterable[str] | None = None) -> dict[str, str]:
    """The availability zone of each host that is in an aggregate with one; others are in the default zone.

    :param of_hosts: of these only
    """
    if of_hosts is None:
        return {row.host: row.value for row in tx.execute(_ZONES)}
    wanted = list(of_hosts)
    if len(wanted) == 1:
        return {row.host: row.value for row in tx.execute(_ZONE_OF, {"host": wanted[0]})}
    return {row.host: row.value for part in hosts.chunks(wanted)
            for row in tx.execute(_ZONES_OF, {"hosts": list(part)})}


def has_hosts(tx: Transaction, zone: str) -> bool:
    """Whether any host is in this zone by an aggregate."""
    return tx.execute(_IN_ZONE, {"zone": zone}).first() is not None


def stamp(tx: Transaction) -> tuple[Any, ...]:
    """A value that differs after any change of an aggregate."""
    return tuple(tx.execute(_STAMP).one())


def _filled(tx: Transaction, rows: Sequence[Any]) -> list[Aggregate]:
    found = {row.id: Aggregate(**row._mapping, hosts=[], metadata={}) for row in rows}
    for host in tx.execute(select(_H.aggregate_id, _H.host).where(
            _H.aggregate_id.in_(found), _H.deleted == 0).order_by(_H.id)):
        found[host.aggregate_id].hosts.append(host.host)
    for pair in tx.execute(select(_M.aggregate_id, _M.key, _M.value).where(
            _M.aggregate_id.in_(found), _M.deleted == 0).order_by(_M.id)):
        found[pair.aggregate_id].metadata[pair.key] = pair.value
    return list(found.values())


def list_all(tx: Transaction) -> list[Aggregate]:
    """Every aggregate with its hosts and metadata: three statements."""
    return _filled(tx, tx.execute(select(*_COLUMNS).where(_A.deleted == 0).order_by(_A.id)).all())


def get(tx: Transaction, aggregate_id: int) -> Aggregate:
    """One aggregate.

    :raises AggregateNotFound: when there is none
    """
    found = _filled(tx, tx.execute(select(*_COLUMNS).where(_A.id == aggregate_id, _A.deleted == 0)).all())
    if not found:
        raise exceptions.AggregateNotFound(aggregate_id=aggregate_id)
    return found[0]


def _lock(tx: Transaction, aggregate_id: int) -> Aggregate:
    """Let nobody else change any aggregate until this transaction ends: a host may be in one zone only, whichever of
    its aggregates says so. Changes are an administrator's, and rare. It is about to be changed, so it has a new
    generation."""
    tx.execute(_LOCKED)
    tx.execute(_CHANGED, {"ids": [aggregate_id]})
    return get(tx, aggregate_id)


@contextlib.contextmanager
def _name_taken(name: str) -> Iterator[None]:
    try:
        yield
    except db_exception.DBDuplicateEntry as error:
        raise exceptions.AggregateNameExists(aggregate_name=name) from error


def create(tx: Transaction, name: str, zone: str | None = None) -> Aggregate:
    """Insert an aggregate without hosts.

    :raises AggregateNameExists: when the name is taken
    """
    with _name_taken(name):
        number = tx.insert_one(models.aggregates, {
            "uuid": uuidutils.generate_uuid(), "name": name, "created_at": tx.now, "deleted": 0})
    _put(tx, number, {} if zone is None else {ZONE_KEY: zone})
    return get(tx, number)


def rename(tx: Transaction, aggregate_id: int, name: str) -> Aggregate:
    """
    :raises AggregateNotFound: when there is none
    :raises AggregateNameExists: when the name is taken
    """
    _lock(tx, aggregate_id)
    with _name_taken(name):
        tx.execute(sql_update(models.aggregates).where(_A.id == aggregate_id).values(name=name, updated_at=tx.now))
    return get(tx, aggregate_id)


def set_metadata(tx: Transaction, aggregate_id: int, metadata: Mapping[str, str | None], action: str) -> Aggregate:
    """Merge metadata; None drops a key.

    :param action: what a refusal calls it
    :raises AggregateNotFound: when there is none
    :raises InvalidAggregateAction: for a zone that its hosts or their servers do not allow
    """
    aggregate = _lock(tx, aggregate_id)
    if ZONE_KEY in metadata and metadata[ZONE_KEY] != aggregate.metadata.get(ZONE_KEY):
        _check_zone(tx, aggregate, metadata[ZONE_KEY], action)
    _put(tx, aggregate_id, metadata)
    tx.execute(sql_update(models.aggregates).where(_A.id == aggregate_id).values(updated_at=tx.now))
    return get(tx, aggregate_id)


def _check_zone(tx: Transaction, aggregate: Aggregate, zone: str | None, action: str) -> None:
    def refused(reason: str) -> exceptions.InvalidAggregateAction:
        return exceptions.InvalidAggregateAction(action=action, aggregate_id=aggregate.id, reason=reason)

    if not zone:
        raise refused(f"Aggregate {aggregate.id} does not support empty named availability zone")
    others = _zones_elsewhere(tx, aggregate.id, aggregate.hosts) - {zone}
    if others:
        raise refused(f"One or more hosts already in availability zone(s) {sorted(others)}")
    for part in hosts.chunks(aggregate.hosts):
        if tx.execute(select(_I.id).where(_I.host.in_(part), _I.deleted == 0).limit(1)).first():
            raise refused("One or more hosts contain instances in this zone")


def _zones_elsewhere(tx: Transaction, aggregate_id: int, of_hosts: Sequence[str]) -> set[str]:
    """The zones that these hosts are in by other aggregates than this one."""
    return {row.value for part in hosts.chunks(of_hosts) for row in tx.execute(
        _ZONES.where(_H.host.in_(part), _H.aggregate_id != aggregate_id))}


def _put(tx: Transaction, aggregate_id: int, metadata: Mapping[str, str | None]) -> None:
    tx.execute(sql_update(models.aggregate_metadata).where(
        _M.aggregate_id == aggregate_id, _M.key.in_(list(metadata)), _M.deleted == 0).values(
        deleted=_M.id, deleted_at=tx.now))
    rows = [{"aggregate_id": aggregate_id, "key": key, "value": value, "created_at": tx.now, "deleted": 0}
            for key, value in metadata.items() if value is not None]
    if rows:
        tx.execute(insert(models.aggregate_metadata), rows)


def add_host(tx: Transaction, aggregate_id: int, host: str) -> Aggregate:
    """Put a host into an aggregate.

    :raises AggregateNotFound: when there is none
    :raises ComputeHostNotFound: when no compute agent is known by this name
    :raises AggregateHostExists: when it is in already
    :raises Conflict: when another aggregate has it in another zone
    """
    aggregate = _lock(tx, aggregate_id)
    if not hosts.services(tx, host, hosts.COMPUTE):
        raise exceptions.ComputeHostNotFound(host=host)
    if host in aggregate.hosts:
        raise exceptions.AggregateHostExists(aggregate_id=aggregate_id, host=host)
    zone = aggregate.metadata.get(ZONE_KEY)
    others = _zones_elsewhere(tx, aggregate_id, [host]) - {zone}
    if zone is not None and others:
        raise exceptions.Conflict(f"Cannot add host to aggregate {aggregate_id}. Reason: One or more hosts already in "
                                  f"availability zone(s) {sorted(others)}.")
    tx.execute(insert(models.aggregate_hosts), {
        "host": host, "aggregate_id": aggregate_id, "created_at": tx.now, "deleted": 0})
    return get(tx, aggregate_id)


def remove_host(tx: Transaction, aggregate_id: int, host: str) -> Aggregate:
    """Take a host out of an aggregate.

    :raises AggregateNotFound: when there is none
    :raises AggregateHostNotFound: when the host is not in it
    """
    _lock(tx, aggregate_id)
    gone = tx.execute(sql_update(models.aggregate_hosts).where(
        _H.host == host, _H.aggregate_id == aggregate_id, _H.deleted == 0).values(deleted=_H.id, deleted_at=tx.now))
    if not gone.rowcount:
        raise exceptions.AggregateHostNotFound(aggregate_id=aggregate_id, host=host)
    return get(tx, aggregate_id)


def forget_hosts(tx: Transaction, hosts: Sequence[str]) -> None:
    """Hosts are gone for good: out of all their aggregates."""
    tx.execute(_LOCKED)
    of_hosts = select(_H.aggregate_id).where(_H.host.in_(hosts), _H.deleted == 0).distinct()
    tx.execute(_CHANGED, {"ids": [row.aggregate_id for row in tx.execute(of_hosts)]})
    tx.execute(sql_update(models.aggregate_hosts).where(_H.host.in_(hosts), _H.deleted == 0).values(
        deleted=_H.id, deleted_at=tx.now))


def delete(tx: Transaction, aggregate_id: int) -> None:
    """Delete an aggregate and its metadata softly.

    :raises AggregateNotFound: when there is none
    :raises InvalidAggregateAction: when it still has hosts
    """
    if _lock(tx, aggregate_id).hosts:
        raise exceptions.InvalidAggregateAction(action="delete", aggregate_id=aggregate_id, reason="not empty")
    for table, owner in ((models.aggregate_metadata, _M.aggregate_id), (models.aggregates, _A.id)):
        tx.execute(sql_update(table).where(owner == aggregate_id, table.c.deleted == 0).values(
            deleted=table.c.id, deleted_at=tx.now))
