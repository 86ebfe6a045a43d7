"""Images: what servers are made from, and what is made of servers. An id, a name, the least sizes a flavor must have.

Everybody sees a ``public`` one; one of the ``community`` whoever knows its id; a ``shared`` one its members too; a
``private`` one its project only. A snapshot names the server it was made of; while it is made it is ``queued``, then
``saving``, and ``active`` when it can be used, as any image whose contents are uploaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from oslo_db import exception as db_exception
from sqlalchemy import delete as sql_delete
from sqlalchemy import exists, insert, or_, select, true
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement

from novasim import exceptions
from novasim.db import models, pages
from novasim.db.engine import Transaction

_T = models.images.c
_M = models.image_members.c
_C = models.image_chunks.c
QUEUED, SAVING, ACTIVE, DEACTIVATED = "queued", "saving", "active", "deactivated"
PUBLIC, PRIVATE, SHARED, COMMUNITY = "public", "private", "shared", "community"
ACCEPTED = "accepted"
SNAPSHOT, BACKUP = "snapshot", "backup"
# Bytes of one piece of an image's contents.
CHUNK = 1 << 20
# Filters of a list that compare a column with one value, or with several.
_EQUAL = ("name", "instance_uuid", "min_ram", "min_disk", "status", "visibility", "project_id", "disk_format",
          "container_format", "protected", "os_hidden", "uuid", "checksum", "os_hash_value")
SORT_KEYS = {name: name for name in ("name", "status", "disk_format", "container_format", "size", "min_disk", "min_ram",
                                     "visibility", "created_at", "updated_at")} | {"id": "uuid", "owner": "project_id"}
_UNFINISHED = _T.status.in_((QUEUED, SAVING))
_OLDEST_FIRST = (("created_at", "asc"),)


def _image(row: Any) -> dict[str, Any]:
    return {"id": row.uuid, "name": row.name, "status": row.status, "min_ram": row.min_ram, "min_disk": row.min_disk,
            "size": row.size, "properties": json.loads(row.properties or "{}"), "project_id": row.project_id,
            "instance_uuid": row.instance_uuid, "created_at": row.created_at,
            "updated_at": row.updated_at or row.created_at, "visibility": row.visibility, "protected": row.protected,
            "os_hidden": row.os_hidden, "disk_format": row.disk_format, "container_format": row.container_format,
            "virtual_size": row.virtual_size, "checksum": row.checksum, "os_hash_value": row.os_hash_value,
            "tags": json.loads(row.tags or "[]")}


def _shared_with(project_id: str, status: str | None = None) -> ColumnElement[bool]:
    membership = exists().where(_M.image_id == _T.uuid, _M.member == project_id, _M.deleted == 0)
    return membership if status is None else membership.where(_M.status == status)


def _known_to(project_id: str | None) -> ColumnElement[bool]:
    """What a project may use when it has the id; None: anything."""
    if project_id is None:
        return true()
    return or_(_T.visibility.in_((PUBLIC, COMMUNITY)), _T.project_id == project_id,
               (_T.visibility == SHARED) & _shared_with(project_id))


def _listed_for(project_id: str | None, filters: Mapping[str, Any]) -> ColumnElement[bool]:
    """What a project is shown unasked: not all that it may use."""
    if project_id is None:
        return true()
    status = filters.get("member_status", ACCEPTED)
    shown = [_T.visibility == PUBLIC, _T.project_id == project_id,
             (_T.visibility == SHARED) & _shared_with(project_id, None if status == "all" else status)]
    if filters.get("with_community"):
        shown.append(_T.visibility == COMMUNITY)
    return or_(*shown)


def get(tx: Transaction, image_id: str, project_id: str | None = None) -> dict[str, Any]:
    """One image.

    :param project_id: where given, an image that this project may not use is as good as absent
    :raises ImageNotFound: when there is none
    """
    row = tx.execute(select(models.images).where(
        _T.uuid == image_id, _T.deleted == 0, _known_to(project_id))).one_or_none()
    if row is None:
        raise exceptions.ImageNotFound(image_id=image_id)
    return _image(row)


def list_page(tx: Transaction, project_id: str | None = None, filters: Mapping[str, Any] | None = None,
              limit: int | None = None, marker: str | None = None,
              sort: Sequence[tuple[str, str]] = _OLDEST_FIRST) -> list[dict[str, Any]]:
    """One page of images.

    :param project_id: whose images are shown beside everybody's; None for all
    :param filters: columns of ``_EQUAL``, to one value or to a list; ``tags`` (all of them), ``texts`` (properties with
        their values), ``size_min``, ``size_max`` in bytes, ``moments`` ((column, name of an operator, time), ...),
        ``changes_since``, ``made_of_server`` (True or False), ``member_status`` ("all" for any), ``with_community``
    :param sort: (key of SORT_KEYS, "asc" or "desc")
    :raises Invalid: when the marker is unknown
    """
    filters = filters or {}
    order = [(_T[SORT_KEYS[key]], direction) for key, direction in sort] + [(_T.id, sort[-1][1])]
    visible = _listed_for(project_id, filters)
    statement = select(models.images).where(_T.deleted == 0, visible, *_conditions(filters)).limit(limit)
    if marker is not None:
        at = tx.execute(select(models.images).where(_T.uuid == marker, _T.deleted == 0, visible)).one_or_none()
        if at is None:
            raise exceptions.Invalid(f"marker [{marker}] not found")
        statement = pages.after(statement, at, order)
    return [_image(row) for row in tx.execute(pages.ordered(statement, order, tx.dialect))]


def _conditions(filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for name in _EQUAL:
        if filters.get(name) is not None:
            found.append(_T[name].in_(filters[name]) if isinstance(filters[name], list) else _T[name] == filters[name])
    if filters.get("made_of_server") is not None:
        found.append(_T.instance_uuid.is_not(None) if filters["made_of_server"] else _T.instance_uuid.is_(None))
    moments = [*filters.get("moments", ())]
    if filters.get("changes_since") is not None:
        moments.append(("updated_at", "__ge__", filters["changes_since"]))
    found += [getattr(_T[name], operation)(moment) for name, operation, moment in moments]
    if filters.get("size_min") is not None:
        found.append(_T.size >= filters["size_min"])
    if filters.get("size_max") is not None:
        found.append(_T.size <= filters["size_max"])
    # What is written in JSON is found as it is written.
    found += [_T.tags.contains(json.dumps(tag), autoescape=True) for tag in filters.get("tags", ())]
    found += [_T.properties.contains(json.dumps({name: text})[1:-1], autoescape=True)
              for name, text in filters.get("texts", {}).items()]
    return found


def create(tx: Transaction, image_id: str, name: str, size: int, min_ram: int = 0, min_disk: int = 0,
           properties: Mapping[str, str] | None = None, status: str = ACTIVE, project_id: str | None = None,
           user_id: str | None = None, instance_uuid: str | None = None, visibility: str | None = None,
           disk_format: str | None = "qcow2", container_format: str | None = "bare", **values: Any) -> None:
    """Insert an image; sizes in bytes (size), MB (min_ram) and GB (min_disk).

    :param visibility: unless given, private for a project's image, and public for that of none
    :param values: further columns
    :raises Conflict: when there is one of this id
    """
    values = {
        "uuid": image_id, "name": name, "status": status, "size": size, "min_ram": min_ram, "min_disk": min_disk,
        "properties": dict(properties or {}), "project_id": project_id, "user_id": user_id,
        "instance_uuid": instance_uuid, "visibility": visibility or (PUBLIC if project_id is None else PRIVATE),
        "disk_format": disk_format, "container_format": container_format, "created_at": tx.now, "updated_at": tx.now,
        "deleted": 0, **values}
    try:
        tx.execute(insert(models.images).values(**_written(values)))
    except db_exception.DBDuplicateEntry as error:
        raise exceptions.Conflict(f"Image ID {image_id} already exists!") from error


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if name in ("properties", "tags") else value for name, value in values.items()}


def update(tx: Transaction, image_id: str, expected: Sequence[str] | None = None, **values: Any) -> bool:
    """Change an image; False when it was deleted meanwhile, or is in none of the expected statuses.

    :param expected: the statuses in which it may be changed; None: any
    :param values: columns; ``size`` in bytes, ``properties``, ``tags``
    """
    fit = true() if expected is None else _T.status.in_(expected)
    return bool(tx.execute(sql_update(models.images).where(_T.uuid == image_id, _T.deleted == 0, fit).values(
        **_written(values), updated_at=tx.now)).rowcount)


def _delete(tx: Transaction, *which: ColumnElement[bool]) -> None:
    tx.execute(sql_update(models.images).where(*which, _T.deleted == 0).values(
        deleted=_T.id, deleted_at=tx.now, updated_at=tx.now))


def delete(tx: Transaction, image_id: str) -> None:
    """Delete softly, the contents for good; twice changes nothing."""
    _delete(tx, _T.uuid == image_id)
    tx.execute(sql_delete(models.image_chunks).where(_C.image_id == image_id))
    tx.execute(sql_update(models.image_members).where(_M.image_id == image_id, _M.deleted == 0).values(
        deleted=_M.id, deleted_at=tx.now))


def keep(tx: Transaction, image_id: str, contents: bytes) -> None:
    """Store the contents of an image."""
    rows = [{"image_id": image_id, "number": number, "data": contents[at:at + CHUNK]}
            for number, at in enumerate(range(0, len(contents), CHUNK))]
    if rows:
        tx.execute(insert(models.image_chunks), rows)


def contents(tx: Transaction, image_id: str) -> bytes:
    """What is stored of an image's contents: all or nothing."""
    return b"".join(row.data for row in tx.execute(select(_C.data).where(_C.image_id == image_id).order_by(_C.number)))


def unfinished(tx: Transaction, instance_uuid: str) -> str | None:
    """The id of the image that is being made of a server, or None."""
    row = tx.execute(select(_T.uuid).where(
        _T.instance_uuid == instance_uuid, _T.deleted == 0, _UNFINISHED).order_by(_T.id.desc())).first()
    return None if row is None else str(row.uuid)


def drop_unfinished(tx: Transaction, instance_uuid: str) -> None:
    """Nobody goes on with making images of this server: what is not finished goes."""
    _delete(tx, _T.instance_uuid == instance_uuid, _UNFINISHED)


def rotate(tx: Transaction, instance_uuid: str, backup_type: str, rotation: int) -> None:
    """Keep the newest ``rotation`` backups of a type of a server (spec 3.5)."""
    backups = [row.uuid for row in tx.execute(select(_T.uuid, _T.properties).where(
        _T.instance_uuid == instance_uuid, _T.deleted == 0, _T.status == ACTIVE).order_by(
        _T.created_at.desc(), _T.id.desc())) if _is_backup(json.loads(row.properties or "{}"), backup_type)]
    if backups[rotation:]:
        _delete(tx, _T.uuid.in_(backups[rotation:]))


def _is_backup(properties: Mapping[str, str], backup_type: str) -> bool:
    return properties.get("image_type") == BACKUP and properties.get("backup_type") == backup_type
