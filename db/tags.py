"""Tags of servers: words that they are found by. They go with their server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.sql import ColumnElement

from novasim.db import models
from novasim.db.engine import Transaction

_T = models.tags.c
_SERVER = models.instances.c.uuid
_INSERT = insert(models.tags)
_READ = select(_T.resource_id, _T.tag).where(
    _T.resource_id.in_(bindparam("uuids", expanding=True)))
_DELETE_ALL = delete(models.tags).where(_T.resource_id == bindparam("b_uuid"))
_DELETE = _DELETE_ALL.where(_T.tag == bindparam("b_tag"))


def of_servers(tx: Transaction, uuids: Iterable[str]) -> dict[str, list[str]]:
    """The tags of a page of servers, in order, by uuid, for those that have any: one statement for all."""
    found: dict[str, list[str]] = {}
    # Not in the database's order: each has its own.
    for uuid, tag in sorted((row.resource_id, row.tag) for row in tx.execute(_READ, {"uuids": list(uuids)})):
        found.setdefault(uuid, []).append(tag)
    return found


def create(tx: Transaction, uuids: Iterable[str], tags: Iterable[str]) -> None:
    """Put tags on servers that do not have them."""
    rows = [{"resource_id": uuid, "tag": tag} for uuid in uuids for tag in dict.fromkeys(tags)]
    if rows:
        tx.execute(_INSERT, rows)


def destroy(tx: Transaction, uuid: str, tag: str) -> bool:
    """Take a tag from a server; False when it has it not."""
    return bool(tx.execute(_DELETE, {"b_uuid": uuid, "b_tag": tag}).rowcount)


def destroy_all(tx: Transaction, uuid: str) -> None:
    """Take all tags from a server."""
    tx.execute(_DELETE_ALL, {"b_uuid": uuid})


def has_all(tags: Sequence[str]) -> ColumnElement[bool]:
    """The condition that a server of the statement has all of these."""
    return and_(*(has_any([tag]) for tag in tags))


def has_any(tags: Sequence[str]) -> ColumnElement[bool]:
    """The condition that a server of the statement has one of these."""
    return _SERVER.in_(select(_T.resource_id).where(_T.tag.in_(tags)))
