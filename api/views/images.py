"""How the image proxy shows an image."""

from __future__ import annotations

from typing import Any

from novasim.api import schemas
from novasim.api.answers import LINKS, optional
from novasim.api.views import links, times
from novasim.api.wsgi import Request
from novasim.db import images

# What is told of an image that is being made: status, and how many percent are done.
_STATUSES = {images.ACTIVE: ("ACTIVE", 100), images.SAVING: ("SAVING", 50), images.QUEUED: ("SAVING", 25)}
BRIEF = {"id": str, "name": str | None, "links": LINKS}
FULL = BRIEF | {"status": str, "progress": int, "minRam": int, "minDisk": int, "OS-EXT-IMG-SIZE:size": int,
                "metadata": {...: str | None}, "created": str, "updated": str | None,
                "server": optional({"id": str, "links": LINKS}), "OS-DCF:diskConfig": optional(str)}


def brief(request: Request, image: dict[str, Any]) -> dict[str, Any]:
    """One image of ``GET /images``."""
    path = f"/images/{image['id']}"
    alternate = {"rel": "alternate", "type": "application/vnd.openstack.image", "href": f"{request.root}{path}"}
    return {"id": image["id"], "name": image["name"], "links": [*links.both(request, path), alternate]}


def full(request: Request, image: dict[str, Any]) -> dict[str, Any]:
    """One image of the other calls."""
    properties = image["properties"]
    status, progress = _STATUSES.get(image["status"], ("UNKNOWN", 0))
    shown = brief(request, image) | {
        "status": status, "progress": progress,
        "minRam": image["min_ram"], "minDisk": image["min_disk"], "OS-EXT-IMG-SIZE:size": image["size"],
        "metadata": properties, "created": times.seconds(image["created_at"]),
        "updated": times.seconds(image["updated_at"])}
    if image["instance_uuid"] is not None:
        shown["server"] = {"id": image["instance_uuid"],
                           "links": links.both(request, f"/servers/{image['instance_uuid']}")}
    if "auto_disk_config" in properties:
        shown["OS-DCF:diskConfig"] = "AUTO" if schemas.true(properties["auto_disk_config"]) else "MANUAL"
    return shown
