"""The catalogue: where the services are, as seen by whoever asks. All of them are paths of this server."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api.answers import Shape
from novasim.api.identity.tokens import PREFIX
from novasim.api.wsgi import Request

if TYPE_CHECKING:
    from novasim.api.app import Api

# Type, name and path of each service. One that has a group of options is there when [group] enabled says so.
_SERVICES = (("identity", "keystone", PREFIX), ("compute", "nova", "/v2.1"), ("image", "glance", "/image"),
             ("network", "neutron", "/network"))
_INTERFACES = ("public", "internal", "admin")
_ENDPOINT = {"id": str, "interface": str, "region": str, "region_id": str, "url": str}
SERVICE: Shape = {"id": str, "type": str, "name": str, "endpoints": [_ENDPOINT]}
_LINKED = {"links": {"self": str}}
SHAPES: dict[str, Shape] = {
    "services": {"id": str, "type": str, "name": str, "enabled": bool, "description": str} | _LINKED,
    "endpoints": _ENDPOINT | {"service_id": str, "enabled": bool} | _LINKED,
    "regions": {"id": str, "description": str, "parent_region_id": None} | _LINKED}


def _id(*names: str) -> str:
    """An id that is the same in every process and after every start."""
    return hashlib.sha256("/".join(names).encode()).hexdigest()[:32]


def _is_served(api: Api, kind: str) -> bool:
    if kind in ("identity", "compute"):
        return True
    return kind in api.conf and bool(api.conf[kind].enabled)


def _region(api: Api) -> str:
    region: str = api.conf.identity.region
    return region


def catalog(api: Api, request: Request) -> list[dict[str, Any]]:
    """The services with their endpoints, as a token has them."""
    region = _region(api)
    return [{"id": _id(kind), "type": kind, "name": name, "endpoints": [
        {"id": _id(kind, interface), "interface": interface, "region": region, "region_id": region,
         "url": request.root + path} for interface in _INTERFACES]}
        for kind, name, path in _SERVICES if _is_served(api, kind)]


def _links(request: Request, path: str) -> dict[str, str]:
    return {"self": f"{request.prefix}{path}"}


def _services(api: Api, request: Request) -> list[dict[str, Any]]:
    return [{"id": service["id"], "type": service["type"], "name": service["name"], "enabled": True, "description": "",
             "links": _links(request, f"/services/{service['id']}")} for service in catalog(api, request)]


def _endpoints(api: Api, request: Request) -> list[dict[str, Any]]:
    return [endpoint | {"service_id": service["id"], "enabled": True,
                        "links": _links(request, f"/endpoints/{endpoint['id']}")}
            for service in catalog(api, request) for endpoint in service["endpoints"]]


def _regions(api: Api, request: Request) -> list[dict[str, Any]]:
    return [{"id": _region(api), "description": "", "parent_region_id": None,
             "links": _links(request, f"/regions/{_region(api)}")}]


# Name of a list in its answer -> (name of one, what makes it, the query parameters that its items are compared with).
LISTS = {
    "services": ("service", _services, ("type", "name")),
    "endpoints": ("endpoint", _endpoints, ("interface", "service_id", "region_id")),
    "regions": ("region", _regions, ())}


def index(many: str, api: Api, request: Request) -> Any:
    """All services, endpoints or regions that fit the query."""
    _, make, names = LISTS[many]
    wanted = {name: value for name, value in request.query if name in names}
    items = [item for item in make(api, request) if all(item[name] == value for name, value in wanted.items())]
    return {many: items, "links": _links(request, f"/{many}") | {"next": None, "previous": None}}


def show(many: str, api: Api, request: Request, id: str) -> Any:
    one, make, _ = LISTS[many]
    for item in make(api, request):
        if item["id"] == id:
            return {one: item}
    raise exceptions.NotFound(f"Could not find {one}: {id}.")
