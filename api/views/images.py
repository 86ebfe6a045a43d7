"""How the image proxy shows an image."""

from __future__ import annotations

from typing import Any

from novasim.api import schemas
from novasim.api.views import links, times
from novasim.api.wsgi import Request


def brief(request: Request, image: dict[str, Any]) -> dict[str, Any]:
    """One image of ``GET /images``."""
    path = f"/images/{image['id']}"
    alternate = {"rel": "alternate", "type": "application/vnd.openstack.image", "href": f"{request.root}{path}"}
    return {"id": image["id"], "name": image["name"], "links": [*links.both(request, path), alternate]}


def full(request: Request, image: dict[str, Any]) -> dict[str, Any]:
    """One image of the other calls."""
    properties = image["properties"]
    shown = brief(request, image) | {
        "status": image["status"].upper(), "progress": 100 if image["status"] == "active" else 0,
        "minRam": image["min_ram"], "minDisk": image["min_disk"], "OS-EXT-IMG-SIZE:size": image["size"],
        "metadata": properties, "created": times.seconds(image["created_at"]),
        "updated": times.seconds(image["updated_at"])}
    if "auto_disk_config" in properties:
        shown["OS-DCF:diskConfig"] = "AUTO" if schemas.true(properties["auto_disk_config"]) else "MANUAL"
    return shown
