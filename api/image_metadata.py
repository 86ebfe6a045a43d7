"""The properties of images, as the image proxy changes them (gone in 2.39)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from novasim import exceptions, quota
from novasim.api import images as proxy
from novasim.api.answers import MAP, answers
from novasim.api.schemas import servers as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import images, quotas
from novasim.db.engine import Transaction

if TYPE_CHECKING:
    from novasim.api.app import Api

Properties = dict[str, str]


def check_limit(tx: Transaction, request: Request, metadata: Properties) -> None:
    """See that an image does not get more properties than the quota of metadata allows.

    :raises Forbidden: when it would
    """
    api, context = request.api, request.context
    most = quotas.limits(tx, context.project_id, api.quota_defaults, context.user_id)["metadata_items"]
    if most != quota.UNLIMITED and len(metadata) > most:
        raise exceptions.Forbidden(f"Image metadata limit exceeded: at most {most} items are allowed")


def _change(request: Request, image_id: str, change: Callable[[Properties], Properties]) -> Properties:
    proxy.find_own(request, image_id)

    def transaction(tx: Transaction) -> Properties:
        # Locks the image, so that two changes cannot mix.
        images.update(tx, image_id)
        properties = change(images.get(tx, image_id)["properties"])
        check_limit(tx, request, properties)
        images.update(tx, image_id, properties=properties)
        return properties

    changed = request.api.db.write(transaction)
    request.note("image metadata changed", image_id=image_id)
    return changed


@answers({"metadata": MAP}, about="List the properties of an image")
def index(api: Api, request: Request, image_id: str) -> Any:
    return {"metadata": proxy.find(request, image_id)["properties"]}


@answers({"meta": MAP}, about="Show a property of an image")
def show(api: Api, request: Request, image_id: str, key: str) -> Any:
    return {"meta": {key: _item(proxy.find(request, image_id)["properties"], key)}}


def _item(properties: Properties, key: str) -> str:
    if key not in properties:
        raise exceptions.NotFound("Metadata item was not found")
    return properties[key]


@answers({"metadata": MAP}, takes=bodies.METADATA_ALL, about="Add to the properties of an image")
def merge(api: Api, request: Request, image_id: str) -> Any:
    metadata = _metadata(request)
    return {"metadata": _change(request, image_id, lambda properties: properties | metadata)}


@answers({"metadata": MAP}, takes=bodies.METADATA_ALL, about="Replace the properties of an image")
def replace(api: Api, request: Request, image_id: str) -> Any:
    metadata = _metadata(request)
    return {"metadata": _change(request, image_id, lambda _: metadata)}


def _metadata(request: Request) -> Properties:
    body = request.json()
    bodies.METADATA_ALL.check(body)
    metadata: Properties = body["metadata"]
    return metadata


@answers({"meta": MAP}, takes=bodies.METADATA_ONE, about="Set a property of an image")
def put(api: Api, request: Request, image_id: str, key: str) -> Any:
    body = request.json()
    bodies.METADATA_ONE.check(body)
    if key not in body["meta"]:
        raise exceptions.Invalid("Request body and URI mismatch")
    _change(request, image_id, lambda properties: properties | body["meta"])
    return {"meta": body["meta"]}


@answers(None, 204, about="Delete a property of an image")
def delete(api: Api, request: Request, image_id: str, key: str) -> Response:
    def without(properties: Properties) -> Properties:
        _item(properties, key)
        return {name: value for name, value in properties.items() if name != key}

    _change(request, image_id, without)
    return Response(204)
