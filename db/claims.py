"""Room on hosts: a ledger of rows, and on compute_nodes its running sum, changed together in one transaction.

A server holds one claim where it lives. A move takes a second one, with its migration_id, on the destination; confirm
drops the first, revert the second. Who deletes a row is told its amounts and gives them
back, so nothing is given back twice. The sum can be made again from the rows at any
time: :func:`sums` and :func:`correct` do, for the periodic audit and ``novasim-manage audit`` (spec 8.7, 8.8).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, insert, literal, or_, select, true
from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement, Update
from sqlalchemy.sql.dml import ReturningDelete

from novasim import exceptions
from novasim.db import hosts, models
from novasim.db.engine import Transaction
from novasim.objects import Flavor

_C = models.claims.c
_N = models.compute_nodes.c

# size -> (running sum, total, key of the ceiling in filter_properties.limits, text of a refusal)
SIZES = {
    "memory_mb": (_N.memory_mb_used, _N.memory_mb, "memory_mb", "Free memory %.2f MB < requested %d MB"),
    "disk_gb": (_N.local_gb_used, _N.local_gb, "disk_gb", "Free disk %.2f GB < requested %d GB"),
    "vcpus": (_N.vcpus_used, _N.vcpus, "vcpu", "Free CPUs %.2f VCPUs < requested %d VCPUs"),
}


@functools.cache
def _add_statement(limited: frozenset[str]) -> Update:
    """Add amounts (negative to give back) to a node's sums, if they stay below the ceilings of ``limited``."""
    conditions: list[ColumnElement[bool]] = [
        _N.host == bindparam("b_host"), _N.hypervisor_hostname == bindparam("b_node"), _N.deleted == 0]
    conditions += [SIZES[size][0] + bindparam("b_" + size) <= bindparam("b_limit_" + size) for size in sorted(limited)]
    # MariaDB assigns from left to right and lets later expressions see it: what is derived from a sum goes first.
    return sql_update(models.compute_nodes).where(*conditions).ordered_values(
        (_N.free_ram_mb, _N.memory_mb - _N.memory_mb_used - bindparam("b_memory_mb")),
        (_N.free_disk_gb, _N.local_gb - _N.local_gb_used - bindparam("b_disk_gb")),
        *((used, used + bindparam("b_" + size)) for size, (used, _, _, _) in SIZES.items()),
        (_N.updated_at, hosts.newest(bindparam("b_now"))))


_SUMS_OF = select(_N.memory_mb_used, _N.local_gb_used, _N.vcpus_used).where(
    _N.host == bindparam("host"), _N.hypervisor_hostname == bindparam("node"), _N.deleted == 0)
_OF_INSTANCE = select(models.claims).where(_C.instance_uuid == bindparam("uuid")).order_by(_C.host, _C.id)
_TAKE = insert(models.claims)


def _drop_statement(which: ColumnElement[bool]) -> ReturningDelete[Any]:
    return sql_delete(models.claims).where(_C.instance_uuid == bindparam("b_uuid"), which).returning(
        _C.host, _C.node, *(_C[size] for size in SIZES))


_DROP_ALL = _drop_statement(true())
_DROP_MOVE = _drop_statement(_C.migration_id == bindparam("b_move"))
_DROP_OTHERS = _drop_statement(or_(_C.migration_id.is_(None), _C.migration_id != bindparam("b_move")))


def _amounts(flavor: Flavor) -> dict[str, int]:
    return {"memory_mb": flavor.memory_mb, "disk_gb": flavor.disk_gb, "vcpus": flavor.vcpus}


def _add(tx: Transaction, host: str, node: str, amounts: Mapping[str, int], sign: int,
         limits: Mapping[str, float]) -> bool:
    ceilings = {size: limits[key] for size, (_, _, key, _) in SIZES.items() if limits.get(key) is not None}
    parameters: dict[str, Any] = {"b_host": host, "b_node": node, "b_now": tx.now}
    parameters |= {"b_" + size: sign * amount for size, amount in amounts.items()}
    parameters |= {"b_limit_" + size: ceiling for size, ceiling in ceilings.items()}
    return bool(tx.change(_add_statement(frozenset(ceilings)), parameters))


def take(tx: Transaction, host: str, node: str, instance_uuid: str, flavor: Flavor,
         limits: Mapping[str, float], migration_id: int | None = None) -> None:
    """Hold room for a flavor on a host, in one compare-and-swap (spec 8.7).

    :param limits: ceilings ``memory_mb``, ``disk_gb``, ``vcpu``; a missing one is not tested
    :param migration_id: of the move that takes it; None for a server outside of one
    :raises ComputeHostNotFound: when there is no such hypervisor
    :raises ComputeResourcesUnavailable: naming each resource that is short
    """
    amounts = _amounts(flavor)
    if not _add(tx, host, node, amounts, 1, limits):
        _refuse(tx, host, node, amounts, limits)
    tx.change(_TAKE, {"instance_uuid": instance_uuid, "migration_id": migration_id, "host": host, "node": node,
                      "created_at": tx.now, **amounts})


def _refuse(tx: Transaction, host: str, node: str, amounts: Mapping[str, int], limits: Mapping[str, float]) -> None:
    row = tx.execute(_SUMS_OF, {"host": host, "node": node}).one_or_none()
    if row is None:
        raise exceptions.ComputeHostNotFound(host=host)
    reasons = []
    for size, (used, _, key, text) in SIZES.items():
        free = limits[key] - row._mapping[used.name] if limits.get(key) is not None else None
        if free is not None and amounts[size] > free:
            reasons.append(text % (free, amounts[size]))
    raise exceptions.ComputeResourcesUnavailable(reason="; ".join(reasons) or f"host {host} changed meanwhile")


def _drop(tx: Transaction, statement: ReturningDelete[Any], instance_uuid: str, move_id: int | None = None) -> None:
    # Nodes are changed in one order, whoever drops two claims at once.
    for row in sorted(tx.execute(statement, {"b_uuid": instance_uuid, "b_move": move_id}).all()):
        _add(tx, row.host, row.node, {size: row._mapping[size] for size in SIZES}, -1, {})


def drop_move(tx: Transaction, instance_uuid: str, migration_id: int) -> None:
    """Give back what a move held on its destination: a revert, or an undone move."""
    _drop(tx, _DROP_MOVE, instance_uuid, migration_id)


def settle_on_destination(tx: Transaction, instance_uuid: str, migration_id: int) -> None:
    """Give back the room on the source; what the move has taken is the server's own from now on: a confirm."""
    _drop(tx, _DROP_OTHERS, instance_uuid, migration_id)


def drop_all(tx: Transaction, instance_uuid: str) -> None:
    """Give back everything a server holds: a delete, or a failed build."""
    _drop(tx, _DROP_ALL, instance_uuid)


def replace(tx: Transaction, instance_uuid: str, host: str, node: str, flavor: Flavor) -> None:
    """After a move that broke down half-way: one claim, where the server now is, for the flavor it now has."""
    drop_all(tx, instance_uuid)
    take(tx, host, node, instance_uuid, flavor, {})


def of_instance(tx: Transaction, instance_uuid: str) -> list[dict[str, Any]]:
    """The claims of a server."""
    return [dict(row._mapping) for row in tx.execute(_OF_INSTANCE, {"uuid": instance_uuid})]


def sums(tx: Transaction, hosts: Sequence[str] | None = None) -> dict[tuple[str, str], dict[str, int]]:
    """What the claims add up to, by (host, node), with the number of servers: one statement."""
    statement = select(_C.host, _C.node, func.sum(_C.memory_mb).label("memory_mb"),
                       func.sum(_C.disk_gb).label("disk_gb"), func.sum(_C.vcpus).label("vcpus"),
                       func.count().label("servers")).group_by(_C.host, _C.node)
    if hosts is not None:
        statement = statement.where(_C.host.in_(hosts))
    return {(row.host, row.node): {key: int(row._mapping[key]) for key in ("memory_mb", "disk_gb", "vcpus", "servers")}
            for row in tx.execute(statement)}


def correct(tx: Transaction, host: str, node: str, reserved: Mapping[str, int]) -> bool:
    """Make a node's sums what its claims and the reserve add up to; True when they were not.

    The row is locked first, so that no claim can come between the sum and its correction.

    :param reserved: ``memory_mb``, ``disk_gb``, ``vcpus`` kept free for the host itself
    """
    locked = tx.execute(select(_N.id, _N.memory_mb, _N.local_gb, *(used for used, _, _, _ in SIZES.values())).where(
        _N.host == host, _N.hypervisor_hostname == node, _N.deleted == 0).with_for_update()).one_or_none()
    if locked is None:
        return False
    held = sums(tx, [host]).get((host, node), {})
    right = {used.name: held.get(size, 0) + reserved.get(size, 0) for size, (used, _, _, _) in SIZES.items()}
    if all(locked._mapping[name] == value for name, value in right.items()):
        return False
    tx.execute(sql_update(models.compute_nodes).where(_N.id == locked.id).values(
        **right, free_ram_mb=locked.memory_mb - right["memory_mb_used"],
        free_disk_gb=locked.local_gb - right["local_gb_used"], updated_at=hosts.newest(literal(tx.now, models.Time))))
    return True


def everything(tx: Transaction) -> list[Any]:
    """All rows of the ledger: for checkers, not for services."""
    return list(tx.execute(select(models.claims)).all())
