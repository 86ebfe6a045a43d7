"""How the Image API shows images and members."""

from __future__ import annotations

from typing import Any

from novasim.api.answers import Raw
from novasim.api.image import schemas
from novasim.api.views import times
from novasim.db import images

_UNFINISHED = (images.QUEUED, images.SAVING)
_AS_STORED = ("id", "status", "visibility", "protected", "os_hidden", "checksum", "os_hash_value", "virtual_size",
              "disk_format", "container_format", "min_ram", "min_disk", "tags")
IMAGE = Raw({"type": "object", "properties": {name: schemas.IMAGE[name] for name in (
    *_AS_STORED, "name", "owner", "size", "os_hash_algo", "created_at", "updated_at", "self", "file", "schema")},
    "required": list(_AS_STORED), "additionalProperties": {"type": "string"}})
MEMBER = {"image_id": str, "member_id": str, "status": str, "created_at": str, "updated_at": str | None, "schema": str}


def path_of(image_id: str) -> str:
    return f"/v2/images/{image_id}"


def image(row: dict[str, Any]) -> dict[str, Any]:
    """One image, its properties beside its attributes."""
    path = path_of(row["id"])
    return row["properties"] | {name: row[name] for name in _AS_STORED} | {
        "name": row["name"] or None, "owner": row["project_id"],
        "size": None if row["status"] in _UNFINISHED else row["size"],
        "os_hash_algo": "sha512" if row["os_hash_value"] else None,
        "created_at": times.seconds(row["created_at"]), "updated_at": times.seconds(row["updated_at"]),
        "self": path, "file": f"{path}/file", "schema": "/v2/schemas/image"}


def member(row: dict[str, Any]) -> dict[str, Any]:
    """One membership."""
    return {"image_id": row["image_id"], "member_id": row["member_id"], "status": row["status"],
            "created_at": times.seconds(row["created_at"]), "updated_at": times.seconds(row["updated_at"]),
            "schema": "/v2/schemas/member"}
