"""Images: what servers are made from, and what is made of servers. An id, a name, the least sizes a flavor must have.

One without a project is everybody's. A snapshot belongs to a project and names the server it was made of; while it is
made it is ``queued``, then ``saving``, and ``active`` when it can be used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, insert, or_, select, true
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement

from novasim import exceptions
from novasim.db import models
from novasim.db.engine import Transaction

_T = models.images.c
QUEUED, SAVING, ACTIVE = "queued", "saving", "active"
SNAPSHOT, BACKUP = "snapshot", "backup"
# Filters of a list that compare a column with one value.
_EQUAL = ("name", "instance_uuid", "min_ram", "min_disk")


def _image(row: Any) -> dict[str, Any]:
    return {"id": row.uuid, "name": row.name, "status": row.status, "min_ram": row.min_ram, "min_disk": row.min_disk,
            "size": row.size, "properties": json.loads(row.properties or "{}"), "project_id": row.project_id,
            "instance_uuid": row.instance_uuid, "created_at": row.created_at,
            "updated_at": row.updated_at or row.created_at}


def _visible(project_id: str | None) -> ColumnElement[bool]:
    return true() if project_id is None else or_(_T.project_id.is_(None), _T.project_id == project_id)


def get(tx: Transaction, image_id: str, project_id: str | None = None) -> dict[str, Any]:
    """One image.

    :param project_id: where given, an image of another project is as good as absent
    :raises ImageNotFound: when there is none
    """
    row = tx.execute(select(models.images).where(
        _T.uuid == image_id, _T.deleted == 0, _visible(project_id))).one_or_none()
    if row is None:
        raise exceptions.ImageNotFound(image_id=image_id)
    return _image(row)


def list_page(tx: Transaction, project_id: str | None = None, filters: Mapping[str, Any] | None = None,
              limit: int | None = None, marker: str | None = None) -> list[dict[str, Any]]:
    """One page of images, oldest first.

    :param project_id: whose images are shown beside everybody's; None for all
    :param filters: columns of ``_EQUAL``, ``statuses``, ``changes_since``, ``made_of_server`` (True or False)
    :raises Invalid: when the marker is unknown
    """
    filters = filters or {}
    conditions = [_T.deleted == 0, _visible(project_id)]
    conditions += [_T[name] == filters[name] for name in _EQUAL if filters.get(name) is not None]
    if filters.get("statuses") is not None:
        conditions.append(_T.status.in_(filters["statuses"]))
    if filters.get("made_of_server") is not None:
        conditions.append(_T.instance_uuid.is_not(None) if filters["made_of_server"] else _T.instance_uuid.is_(None))
    if filters.get("changes_since") is not None:
        conditions.append(_T.updated_at >= filters["changes_since"])
    if marker is not None:
        at = tx.execute(select(_T.id, _T.created_at).where(
            _T.uuid == marker, _T.deleted == 0, _visible(project_id))).one_or_none()
        if at is None:
            raise exceptions.Invalid(f"marker [{marker}] not found")
        conditions.append(or_(_T.created_at > at.created_at, and_(_T.created_at == at.created_at, _T.id > at.id)))
    return [_image(row) for row in tx.execute(select(models.images).where(*conditions).order_by(
        _T.created_at, _T.id).limit(limit))]


def create(tx: Transaction, image_id: str, name: str, size: int, min_ram: int = 0, min_disk: int = 0,
           properties: Mapping[str, str] | None = None, status: str = ACTIVE, project_id: str | None = None,
           user_id: str | None = None, instance_uuid: str | None = None) -> None:
    """Insert an image; sizes in bytes (size), MB (min_ram) and GB (min_disk)."""
    tx.execute(insert(models.images).values(
        uuid=image_id, name=name, status=status, size=size, min_ram=min_ram, min_disk=min_disk,
        properties=json.dumps(dict(properties or {})), project_id=project_id, user_id=user_id,
        instance_uuid=instance_uuid, created_at=tx.now, updated_at=tx.now, deleted=0))


def update(tx: Transaction, image_id: str, **values: Any) -> bool:
    """Change an image; False when it was deleted meanwhile.

    :param values: ``status``, ``size`` in bytes, ``properties``
    """
    if "properties" in values:
        values["properties"] = json.dumps(values["properties"])
    return bool(tx.execute(sql_update(models.images).where(_T.uuid == image_id, _T.deleted == 0).values(
        **values, updated_at=tx.now)).rowcount)


def _delete(tx: Transaction, *which: ColumnElement[bool]) -> None:
    tx.execute(sql_update(models.images).where(*which, _T.deleted == 0).values(
        deleted=_T.id, deleted_at=tx.now, updated_at=tx.now))


def delete(tx: Transaction, image_id: str) -> None:
    """Delete softly; twice changes nothing."""
    _delete(tx, _T.uuid == image_id)


def unfinished(tx: Transaction, instance_uuid: str) -> str | None:
    """The id of the image that is being made of a server, or None."""
    row = tx.execute(select(_T.uuid).where(
        _T.instance_uuid == instance_uuid, _T.deleted == 0, _T.status != ACTIVE).order_by(_T.id.desc())).first()
    return None if row is None else str(row.uuid)


def drop_unfinished(tx: Transaction, instance_uuid: str) -> None:
    """Nobody goes on with making images of this server: what is not finished goes."""
    _delete(tx, _T.instance_uuid == instance_uuid, _T.status != ACTIVE)


def rotate(tx: Transaction, instance_uuid: str, backup_type: str, rotation: int) -> None:
    """Keep the newest ``rotation`` backups of a type of a server (spec 3.5)."""
    backups = [row.uuid for row in tx.execute(select(_T.uuid, _T.properties).where(
        _T.instance_uuid == instance_uuid, _T.deleted == 0, _T.status == ACTIVE).order_by(
        _T.created_at.desc(), _T.id.desc())) if _is_backup(json.loads(row.properties or "{}"), backup_type)]
    if backups[rotation:]:
        _delete(tx, _T.uuid.in_(backups[rotation:]))


def _is_backup(properties: Mapping[str, str], backup_type: str) -> bool:
    return properties.get("image_type") == BACKUP and properties.get("backup_type") == backup_type
