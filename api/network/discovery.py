"""What clients ask first: which resources there are, and which extensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from novasim.api.answers import LINKS, answers
from novasim.api.microversion import Handler
from novasim.api.network.resources import Resource
from novasim.api.wsgi import HttpError, Request

if TYPE_CHECKING:
    from novasim.api.app import Api

# alias -> name; what they add is served, no more.
_EXTENSIONS = {
    "binding": "Port Binding", "external-net": "Neutron external network", "filter-validation": "Filter parameters "
    "validation", "net-mtu": "Network MTU", "pagination": "Pagination support", "port-security-groups-filtering":
    "Port filtering on security groups", "project-id": "project_id field enabled", "quota_details":
    "Quota details management support", "quotas": "Quota management support", "security-group": "security-group",
    "sorting": "Sorting support", "standard-attr-description": "standard-attr-description",
    "standard-attr-timestamp": "Resource timestamps", "availability_zone": "Availability Zone",
}
_UPDATED = "2026-01-01T00:00:00-00:00"
_EXTENSION = {"alias": str, "name": str, "description": str, "updated": str, "links": LINKS}


def _extension(alias: str) -> dict[str, Any]:
    return {"alias": alias, "name": _EXTENSIONS[alias], "description": _EXTENSIONS[alias], "updated": _UPDATED,
            "links": []}


@answers({"extensions": [_EXTENSION]}, about="List extensions")
def extensions(api: Api, request: Request) -> Any:
    return {"extensions": [_extension(alias) for alias in _EXTENSIONS]}


@answers({"extension": _EXTENSION}, about="Show an extension")
def extension(api: Api, request: Request, alias: str) -> Any:
    if alias not in _EXTENSIONS:
        raise HttpError(404, f"Extension with alias {alias} does not exist")
    return {"extension": _extension(alias)}


@answers({"availability_zones": [{"name": str, "resource": str, "state": str}]}, about="List availability zones")
def availability_zones(api: Api, request: Request) -> Any:
    return {"availability_zones": [
        {"name": api.conf.default_availability_zone, "resource": resource, "state": "available"}
        for resource in ("network",)]}


def resources(known: Sequence[Resource]) -> Handler:
    """What there is below /v2.0."""
    @answers({"resources": [{"name": str, "collection": str, "links": LINKS}]}, about="What there is below /v2.0")
    def index(api: Api, request: Request) -> Any:
        return {"resources": [{"name": one.singular, "collection": one.path, "links": [
            {"rel": "self", "href": f"{request.root}/v2.0/{one.path}"}]} for one in known]}
    return index
