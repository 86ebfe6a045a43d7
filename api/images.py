"""The image proxy of old versions (gone in 2.36, metadata in 2.39), and what servers need to know of their images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import answers
from novasim.api.query import Parameter
from novasim.api.views import images as views
from novasim.api.wsgi import Request, Response
from novasim.db import images, instances
from novasim.db.engine import Transaction

if TYPE_CHECKING:
    from novasim.api.app import Api

REMEMBERED = "image_"
_SIZES = ("min_ram", "min_disk")
# What says nothing of the image's contents.
OF_THE_ROW = ("project_id", "instance_uuid", "created_at", "updated_at", "visibility", "protected", "os_hidden",
              "disk_format", "container_format", "virtual_size", "checksum", "os_hash_value", "tags")
# Statuses as users know them, and kinds of image, as they are stored.
_STATUSES = {"active": [images.ACTIVE], "saving": [images.QUEUED, images.SAVING]}
_KINDS = {"snapshot": True, "backup": True, "base": False}
# A query's parameter -> the filter of db/images.py.
_FILTERS = {"name": "name", "server": "instance_uuid", "minRam": "min_ram", "minDisk": "min_disk",
            "changes-since": "changes_since"}
_PARAMETERS = {"name": Parameter(), "server": Parameter(), "status": Parameter(), "type": Parameter(),
               "minRam": Parameter(query.whole), "minDisk": Parameter(query.whole),
               "changes-since": Parameter(query.moment), **query.PAGING}


def find(request: Request, image_id: str) -> dict[str, Any]:
    """An image that the caller may know of.

    :raises ImageNotFound: when there is none
    """
    return request.api.db.read(images.get, image_id, request.context.viewer)


def find_own(request: Request, image_id: str) -> dict[str, Any]:
    """One that the caller may also change: of its project; an admin's are all.

    :raises ImageNotFound: when there is none
    :raises Forbidden: when it is not, or the caller may only read
    """
    image, context = find(request, image_id), request.context
    if context.is_admin:
        return image
    if image["project_id"] != context.project_id:
        raise exceptions.Forbidden(f"Image {image_id} does not belong to your project: you may not change it.")
    if "member" not in context.roles:
        raise exceptions.Forbidden(f"Image {image_id} may be changed by members of its project only.")
    return image


def check_deletable(image: dict[str, Any]) -> None:
    """
    :raises Forbidden: for one that its owner protects
    """
    if image["protected"]:
        raise exceptions.Forbidden(f"Image {image['id']} is protected and cannot be deleted.")


def usable(request: Request, image_ref: str) -> dict[str, Any]:
    """An image that a server can be made from.

    :param image_ref: its id, or a link that ends in it
    :raises ImageNotFound: when there is none
    :raises ImageNotActive: when it is still being made
    """
    image_id = image_ref.rstrip("/").rsplit("/", 1)[-1]
    image = find(request, image_id)
    if image["status"] != images.ACTIVE:
        raise exceptions.ImageNotActive(image_id=image_id)
    return image


def remembered(image: dict[str, Any]) -> dict[str, str]:
    """What a server keeps of its image in system_metadata (spec 9.3)."""
    kept = image["properties"] | {name: image[name] for name in _SIZES}
    return {f"{REMEMBERED}{key}"[:255]: str(value)[:255] for key, value in kept.items()}


def properties_of(tx: Transaction, server_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The properties that the images of a page of servers had when these were made of them, by server."""
    kept = instances.system_metadata_of(tx, server_ids, REMEMBERED)
    return {server_id: {key.removeprefix(REMEMBERED): value for key, value in pairs.items()
                        if key.removeprefix(REMEMBERED) not in _SIZES}
            for server_id, pairs in kept.items()}


def _list(request: Request) -> list[dict[str, Any]]:
    values = query.read(request, _PARAMETERS)
    filters = {name: values[parameter] for parameter, name in _FILTERS.items() if parameter in values}
    if "server" in values:
        filters["instance_uuid"] = values["server"].rstrip("/").rsplit("/", 1)[-1]
    for parameter, name, known in (("status", "status", _STATUSES), ("type", "made_of_server", _KINDS)):
        if parameter in values:
            if values[parameter].lower() not in known:
                return []
            filters[name] = known[values[parameter].lower()]
    return request.api.db.read(images.list_page, request.context.viewer, filters,
                               query.page_size(request, values.get("limit")), values.get("marker"))


@answers({"images": [views.BRIEF]}, query=_PARAMETERS, about="List images")
def index(api: Api, request: Request) -> Any:
    return {"images": [views.brief(request, image) for image in _list(request)]}


@answers({"images": [views.FULL]}, query=_PARAMETERS, about="List images with details")
def detail(api: Api, request: Request) -> Any:
    return {"images": [views.full(request, image) for image in _list(request)]}


@answers({"image": views.FULL}, about="Show an image")
def show(api: Api, request: Request, image_id: str) -> Any:
    return {"image": views.full(request, find(request, image_id))}


@answers(None, 204, errors=(409,), about="Delete an image")
def delete(api: Api, request: Request, image_id: str) -> Response:
    check_deletable(find_own(request, image_id))
    api.db.write(images.delete, image_id)
    request.note("image deleted", image_id=image_id)
    return Response(204)
