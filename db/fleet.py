"""What a scheduler looks at before each decision: the hosts that changed, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, bindparam, func, literal, null, select, union_all

from novasim.db import aggregates, hosts, models
from novasim.db.engine import Transaction
from novasim.objects import ComputeNode, Resident, Service

_I = models.instances.c
_N = models.compute_nodes.c
_S = models.services.c
_NODE = [_N[name] for name in ComputeNode.__struct_fields__]
_RESIDENT = [_I[name] for name in Resident.__struct_fields__]
_SERVICES = [_S.binary == hosts.COMPUTE, _S.updated_at >= bindparam("since"), _S.deleted == 0]
_STAMPS = [*aggregates.STAMP, select(func.count(_S.id)).where(*_SERVICES).scalar_subquery().label("services")]
_LOOK = select(*_STAMPS, *_NODE).select_from(
    select(literal(1)).subquery().outerjoin(models.compute_nodes, _N.updated_at >= bindparam("since")))
# Rows of two kinds, so that it stays one statement: those of servers have their columns behind the others'.
_LOOK_AT_ALL: CompoundSelect[Any] = union_all(
    _LOOK.add_columns(*(null().label("resident_" + column.name) for column in _RESIDENT)),
    select(*(null().label(column.name) for column in [*_STAMPS, *_NODE]), *_RESIDENT).where(
        _I.updated_at >= bindparam("since")))
_SERVICES_CHANGED = select(*(_S[name] for name in Service.__struct_fields__)).where(*_SERVICES)


class Changes(NamedTuple):
    """Rows written at or after a time; a stamp that differs after any change of an aggregate."""
    stamp: tuple[Any, ...]
    nodes: Sequence[Any]
    services: list[Service]
    servers: list[Resident]


def changes(tx: Transaction, since: datetime, with_servers: bool) -> Changes:
    """Hypervisors, deleted ones too, as rows with the columns of a ComputeNode; their services, where an admin
    changed any: heartbeats do not count; and servers, wherever they are, where anybody asks for them."""
    rows = tx.execute(_LOOK_AT_ALL if with_servers else _LOOK, {"since": since}).all()
    first, last = len(_STAMPS), len(_STAMPS) + len(_NODE)
    services = tx.execute(_SERVICES_CHANGED, {"since": since}).all() if rows[0].services else []
    return Changes(tuple(rows[0][:len(aggregates.STAMP)]), [row[first:last] for row in rows if row.id is not None],
                   [Service(**row._mapping) for row in services],
                   [Resident(*row[last:]) for row in rows if with_servers and row[last] is not None])


def node(row: Sequence[Any]) -> ComputeNode:
    """The hypervisor of such a row."""
    return ComputeNode(**dict(zip(ComputeNode.__struct_fields__, row, strict=True)))


def residents(tx: Transaction) -> list[Resident]:
    """All servers that are on a host."""
    return [Resident(*row) for row in tx.execute(select(*_RESIDENT).where(_I.deleted == 0, _I.host.is_not(None)))]

