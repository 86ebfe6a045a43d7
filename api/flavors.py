"""Flavors: list, show, create, describe, delete. Their extra specs and access lists have files of their own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import query, schemas
from novasim.api.answers import LINKS, answers, optional
from novasim.api.query import Parameter
from novasim.api.schemas import flavors as bodies
from novasim.api.views import flavors as views
from novasim.api.wsgi import Request, Response
from novasim.db import flavors
from novasim.objects import Flavor

if TYPE_CHECKING:
    from novasim.api.app import Api


def _sort_key(text: str) -> str:
    if text not in flavors.SORT_KEYS:
        raise ValueError(f"{text!r} is not one of {sorted(flavors.SORT_KEYS)}")
    return text


def _is_public(text: str) -> bool | None:
    """Private flavors too, for "none"."""
    return None if text.lower() == "none" else query.boolean(text)


_PARAMETERS = {**query.PAGING, "sort_key": Parameter(_sort_key), "sort_dir": Parameter(query.direction),
               "is_public": Parameter(_is_public), "name": Parameter(query.regular_expression, 102)}
# Filters with texts of their own (spec 3.7).
_LEAST = {"minRam": "min_ram", "minDisk": "min_disk"}
_QUERY = _PARAMETERS | dict.fromkeys(_LEAST, Parameter())


def find(request: Request, flavor_id: str) -> Flavor:
    """A flavor that the caller may use, for a request that has no query.

    :raises FlavorNotFound: when there is none
    :raises ValidationError: from 2.102 on, when it has one
    """
    query.read(request, {}, strict_since=102)
    return request.api.db.read(flavors.get, flavor_id, request.context.viewer)


@answers({"flavors": [views.BRIEF], "flavors_links": optional(LINKS)}, query=_QUERY, strict=75, about="List flavors")
def index(api: Api, request: Request) -> Any:
    page, more = _page(request, "/flavors")
    return {"flavors": [views.brief(request, flavor) for flavor in page]} | more


@answers({"flavors": [views.FULL], "flavors_links": optional(LINKS)}, query=_QUERY, strict=75,
         about="List flavors with details")
def detail(api: Api, request: Request) -> Any:
    page, more = _page(request, "/flavors/detail")
    return {"flavors": [views.full(request, flavor) for flavor in page]} | more


def _page(request: Request, path: str) -> tuple[list[Flavor], dict[str, Any]]:
    least = {}
    for name, text in request.query:
        if name in _LEAST:
            if not query.is_whole(text):
                raise exceptions.Invalid(f"Invalid {name} filter [{text}]")
            least[_LEAST[name]] = int(text)
    values = query.read(request, _QUERY, strict_since=75)
    limit = query.page_size(request, values.get("limit"))
    context = request.context
    page = request.api.db.read(
        flavors.list_page, None if context.is_admin and "is_public" in values else context.project_id,
        values.get("is_public", True) if context.is_admin else True, limit=limit, marker=values.get("marker"),
        sort_key=values.get("sort_key", "flavorid"), sort_dir=values.get("sort_dir", "asc"), name=values.get("name"),
        **least)
    full = 0 < len(page) == limit
    return page, {"flavors_links": query.next_link(request, path, page[-1].flavorid)} if full else {}


@answers({"flavor": views.FULL}, about="Show a flavor")
def show(api: Api, request: Request, flavor_id: str) -> Any:
    return {"flavor": views.full(request, find(request, flavor_id))}


@answers({"flavor": views.FULL}, errors=(409,), takes=bodies.CREATE)
def create(api: Api, request: Request) -> Any:
    body = request.json()
    bodies.CREATE.check(body, request.version)
    query.read(request, {}, strict_since=102)
    request.authorize("os-flavor-manage:create")
    fields = body["flavor"]
    named = fields.get("id")
    flavor = api.db.write(flavors.create, Flavor(
        flavorid=str(uuid.uuid4()) if named in (None, "auto") else str(named), name=fields["name"],
        memory_mb=int(fields["ram"]), vcpus=int(fields["vcpus"]), root_gb=int(fields["disk"]),
        ephemeral_gb=int(fields.get("OS-FLV-EXT-DATA:ephemeral", 0)), swap=int(fields.get("swap", 0)),
        rxtx_factor=float(fields.get("rxtx_factor", 1.0)), description=fields.get("description"),
        is_public=schemas.true(fields.get("os-flavor-access:is_public", True))))
    return {"flavor": views.full(request, flavor)}


@answers({"flavor": views.FULL}, takes=bodies.UPDATE)
def update(api: Api, request: Request, flavor_id: str) -> Any:
    body = request.json()
    bodies.UPDATE.check(body)
    request.authorize("os-flavor-manage:update")
    flavor = find(request, flavor_id)
    flavor.description = body["flavor"]["description"]
    api.db.write(flavors.set_description, flavor.id, flavor.description)
    return {"flavor": views.full(request, flavor)}


@answers(None, 202)
def delete(api: Api, request: Request, flavor_id: str) -> Response:
    query.read(request, {}, strict_since=102)
    request.authorize("os-flavor-manage:delete")
    api.db.write(flavors.delete, flavor_id)
    return Response(202)
