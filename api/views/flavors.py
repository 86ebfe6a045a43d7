"""How a flavor is shown."""

from __future__ import annotations

from typing import Any

from novasim.api.answers import LINKS, MAP, since, until
from novasim.api.views import links
from novasim.api.wsgi import Request
from novasim.objects import Flavor

BRIEF = {"id": str, "name": str, "links": LINKS, "description": since(55, str | None)}
FULL = BRIEF | {
    "ram": int, "disk": int, "vcpus": int, "swap": (until(74, int | str), since(75, int)),
    "OS-FLV-EXT-DATA:ephemeral": int, "OS-FLV-DISABLED:disabled": until(101, bool), "os-flavor-access:is_public": bool,
    "rxtx_factor": until(101, float), "extra_specs": since(61, MAP)}


def brief(request: Request, flavor: Flavor) -> dict[str, Any]:
    """One flavor of ``GET /flavors``."""
    shown = {"id": flavor.flavorid, "name": flavor.name, "links": links.both(request, f"/flavors/{flavor.flavorid}")}
    return shown | {"description": flavor.description} if request.version >= 55 else shown


def full(request: Request, flavor: Flavor) -> dict[str, Any]:
    """One flavor of the other calls."""
    shown = brief(request, flavor) | {
        "ram": flavor.memory_mb, "disk": flavor.root_gb, "vcpus": flavor.vcpus,
        "swap": flavor.swap if flavor.swap or request.version >= 75 else "",
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb, "os-flavor-access:is_public": flavor.is_public}
    if request.version < 102:
        shown |= {"OS-FLV-DISABLED:disabled": flavor.disabled, "rxtx_factor": flavor.rxtx_factor}
    return shown | {"extra_specs": flavor.extra_specs} if request.version >= 61 else shown
