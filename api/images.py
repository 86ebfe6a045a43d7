"""The image proxy of old versions (gone in 2.36): names and ids of what servers can be made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import query
from novasim.api.query import Parameter
from novasim.api.views import images as views
from novasim.api.wsgi import Request
from novasim.db import images

if TYPE_CHECKING:
    from novasim.api.app import Api

_PARAMETERS = {"name": Parameter(), "limit": Parameter(query.whole), "marker": Parameter()}


def _list(request: Request) -> list[dict[str, Any]]:
    values = query.read(request, _PARAMETERS)
    found = request.api.db.read(images.list_all, values.get("name"))
    ids = [image["id"] for image in found]
    start = ids.index(values["marker"]) + 1 if values.get("marker") in ids else 0
    return found[start:start + query.page_size(request, values.get("limit"))]


def index(api: Api, request: Request) -> Any:
    return {"images": [views.brief(request, image) for image in _list(request)]}


def detail(api: Api, request: Request) -> Any:
    return {"images": [views.full(request, image) for image in _list(request)]}


def show(api: Api, request: Request, image_id: str) -> Any:
    return {"image": views.full(request, api.db.read(images.get, image_id))}
