"""What only some servers have: the certificates that their images are trusted by, and the hints they were made with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select
from sqlalchemy import update as sql_update

from novasim.db import models
from novasim.db.engine import Transaction

_T = models.instance_extra.c
_INSERT = insert(models.instance_extra)
_READ = select(_T.instance_uuid, _T.trusted_certs, _T.scheduler_hints).where(
    _T.instance_uuid.in_(bindparam("uuids", expanding=True)))


class Extra(NamedTuple):
    """Of one server; ``scheduler_hints`` as the request had them, each value a list."""
    trusted_certs: list[str] | None = None
    scheduler_hints: dict[str, Any] = {}


def create(tx: Transaction, uuids: Iterable[str], extra: Extra) -> None:
    """Keep what a request gave all of these new servers; nothing for servers that are like most."""
    if extra != Extra():
        tx.execute(_INSERT, [_row(tx, uuid, extra) for uuid in uuids])


def _row(tx: Transaction, uuid: str, extra: Extra) -> dict[str, Any]:
    return {"instance_uuid": uuid, "created_at": tx.now, "deleted": 0, "trusted_certs": _text(extra.trusted_certs),
            "scheduler_hints": _text(extra.scheduler_hints)}


def _text(value: Any) -> str | None:
    return json.dumps(value) if value else None


def of_servers(tx: Transaction, uuids: Sequence[str]) -> dict[str, Extra]:
    """Of a page of servers, by uuid, for those that have any."""
    return {row.instance_uuid: Extra(json.loads(row.trusted_certs or "null"), json.loads(row.scheduler_hints or "{}"))
            for row in tx.execute(_READ, {"uuids": list(uuids)})}


def set_trusted_certs(tx: Transaction, uuid: str, trusted_certs: list[str] | None) -> None:
    """Put other certificates in the place of a server's, or none."""
    changed = tx.execute(sql_update(models.instance_extra).where(_T.instance_uuid == uuid).values(
        trusted_certs=_text(trusted_certs), updated_at=tx.now))
    if changed.rowcount == 0:
        create(tx, [uuid], Extra(trusted_certs))
