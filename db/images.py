"""Images, as far as booting needs them: an id, a name and the least sizes a flavor must have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select

from novasim import exceptions
from novasim.db import models
from novasim.db.engine import Transaction

_T = models.images.c


def _image(row: Any) -> dict[str, Any]:
    return {"id": row.uuid, "name": row.name, "status": row.status, "min_ram": row.min_ram, "min_disk": row.min_disk,
            "size": row.size, "properties": json.loads(row.properties or "{}"), "created_at": row.created_at,
            "updated_at": row.updated_at or row.created_at}


def get(tx: Transaction, image_id: str) -> dict[str, Any]:
    """One image.

    :raises ImageNotFound: when there is none
    """
    row = tx.execute(select(models.images).where(_T.uuid == image_id, _T.deleted == 0)).one_or_none()
    if row is None:
        raise exceptions.ImageNotFound(image_id=image_id)
    return _image(row)


def list_all(tx: Transaction, name: str | None = None) -> list[dict[str, Any]]:
    statement = select(models.images).where(_T.deleted == 0).order_by(_T.created_at, _T.id)
    if name is not None:
        statement = statement.where(_T.name == name)
    return [_image(row) for row in tx.execute(statement)]


def create(tx: Transaction, image_id: str, name: str, size: int, min_ram: int = 0, min_disk: int = 0,
           properties: Mapping[str, str] | None = None) -> None:
    """Insert an image; sizes in bytes (size), MB (min_ram) and GB (min_disk)."""
    tx.execute(insert(models.images).values(
        uuid=image_id, name=name, status="active", size=size, min_ram=min_ram, min_disk=min_disk,
        properties=json.dumps(dict(properties or {})), created_at=tx.now))
