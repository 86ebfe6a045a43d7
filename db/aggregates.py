"""Host aggregates, as far as availability zones need them: an aggregate's metadata names the zone of its hosts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select

from novasim.db import models
from novasim.db.engine import Transaction

_H = models.aggregate_hosts.c
_M = models.aggregate_metadata.c
ZONE_KEY = "availability_zone"


def zones(tx: Transaction, hosts: Iterable[str] | None = None) -> dict[str, str]:
    """The availability zone of each host that is in an aggregate with one; others are in the default zone."""
    statement = select(_H.host, _M.value).join_from(
        models.aggregate_hosts, models.aggregate_metadata, _H.aggregate_id == _M.aggregate_id).where(
        _H.deleted == 0, _M.deleted == 0, _M.key == ZONE_KEY)
    if hosts is not None:
        statement = statement.where(_H.host.in_(list(hosts)))
    return {row.host: row.value for row in tx.execute(statement)}


def stamp(tx: Transaction) -> tuple[Any, ...]:
    """A value that differs after any change of an aggregate's hosts or metadata."""
    return tuple(value for table in (_H, _M) for value in tx.execute(select(
        func.count(), func.max(table.id), func.max(table.updated_at), func.sum(table.deleted))).one())
