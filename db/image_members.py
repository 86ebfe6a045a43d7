"""Whom a shared image is shared with, and whether they want to see it in their lists."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy import update as sql_update

from novasim import exceptions
from novasim.db import models
from novasim.db.engine import Transaction

_M = models.image_members.c
PENDING = "pending"


def _member(row: Any) -> dict[str, Any]:
    return {"image_id": row.image_id, "member_id": row.member, "status": row.status, "created_at": row.created_at,
            "updated_at": row.updated_at or row.created_at}


def of_image(tx: Transaction, image_id: str, member: str | None = None) -> list[dict[str, Any]]:
    """The members of an image, in the order in which they were added.

    :param member: this one only
    """
    which = [_M.image_id == image_id, _M.deleted == 0] + ([] if member is None else [_M.member == member])
    return [_member(row) for row in tx.execute(select(models.image_members).where(*which).order_by(_M.id))]


def add(tx: Transaction, image_id: str, member: str) -> dict[str, Any]:
    """
    :raises Conflict: when it is one already
    """
    if of_image(tx, image_id, member):
        raise exceptions.Conflict(f"Member {member} is duplicated for image {image_id}")
    tx.insert_missing(models.image_members, [
        {"image_id": image_id, "member": member, "status": PENDING, "created_at": tx.now, "updated_at": tx.now,
         "deleted": 0}])
    return of_image(tx, image_id, member)[0]


def update(tx: Transaction, image_id: str, member: str, **values: Any) -> bool:
    """Change a membership; False when there is none."""
    return bool(tx.execute(sql_update(models.image_members).where(
        _M.image_id == image_id, _M.member == member, _M.deleted == 0).values(updated_at=tx.now, **values)).rowcount)


def remove(tx: Transaction, image_id: str, member: str) -> bool:
    """End a membership; False when there is none."""
    return update(tx, image_id, member, deleted=_M.id, deleted_at=tx.now)
