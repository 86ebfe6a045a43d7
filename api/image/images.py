"""Images: list, show, create, change, delete."""

from __future__ import annotations

import operator
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from novasim import exceptions
from novasim.api import images as rights
from novasim.api import query, wsgi
from novasim.api.answers import answers, optional
from novasim.api.image import json_patch, schemas, view
from novasim.api.query import Parameter
from novasim.api.wsgi import HttpError, Request, Response
from novasim.db import images
from novasim.db.engine import Transaction

if TYPE_CHECKING:
    from novasim.api.app import Api

# Attribute of the API -> column, where the names differ.
_COLUMNS = {"id": "uuid", "owner": "project_id"}
_LISTS = ("id", "name", "status", "disk_format", "container_format", "owner", "visibility")
_OPERATORS = {"eq": operator.eq, "neq": operator.ne, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt,
              "lte": operator.le}
_SEPARATOR = ":"


def _moment(text: str) -> tuple[str, datetime]:
    """``gt:2026-01-01T00:00:00Z``: an operator and a time."""
    name, _, rest = text.partition(_SEPARATOR)
    name, rest = (name, rest) if name in _OPERATORS else ("eq", text)
    return f"__{_OPERATORS[name].__name__}__", query.moment(rest)


def _bytes(text: str) -> int:
    """A size that a column can hold."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"{text!r} is not a size in bytes")
    return int(text)


def _one_or_more(text: str) -> str | list[str]:
    """``in:a,b`` means any of these."""
    if not text.startswith("in:"):
        return text
    return [name.strip().strip('"') for name in text[3:].split(",")]


_PARAMETERS: dict[str, Parameter] = {
    **query.PAGING, **{name: Parameter(_one_or_more) for name in _LISTS},
    "checksum": Parameter(), "os_hash_value": Parameter(), "min_ram": Parameter(query.whole),
    "min_disk": Parameter(query.whole), "size_min": Parameter(_bytes), "size_max": Parameter(_bytes),
    "protected": Parameter(query.boolean), "os_hidden": Parameter(query.boolean), "tag": Parameter(many=True),
    "member_status": Parameter(), "created_at": Parameter(_moment, many=True),
    "updated_at": Parameter(_moment, many=True), "sort": Parameter(), "sort_key": Parameter(many=True),
    "sort_dir": Parameter(query.direction, many=True)}
_DIRECT = ("name", "status", "disk_format", "container_format", "checksum", "os_hash_value", "min_ram", "min_disk",
           "size_min", "size_max", "protected", "member_status")


@answers({"images": [view.IMAGE], "schema": str, "first": str, "next": optional(str)}, query=_PARAMETERS,
         about="List images")
def index(api: Api, request: Request) -> Any:
    values = query.read(request, _PARAMETERS)
    limit = api.conf.api.max_limit if values.get("limit") is None else min(values["limit"], api.conf.api.max_limit)
    viewer = request.context.viewer
    # One more than asked for tells whether there is a next page.
    page = api.db.read(images.list_page, viewer, _filters(request, values), limit + 1, values.get("marker"),
                       _sort(values))
    others = [(name, text) for name, text in request.query if name != "marker"]
    shown = {"images": [view.image(row) for row in page[:limit]], "schema": "/v2/schemas/images",
             "first": _path(others)}
    if len(page) > limit > 0:
        shown["next"] = _path([*others, ("marker", page[limit - 1]["id"])])
    return shown


def _path(pairs: list[tuple[str, str]]) -> str:
    return "/v2/images" + (f"?{urlencode(pairs)}" if pairs else "")


def _filters(request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    filters = {name: values[name] for name in _DIRECT if name in values}
    filters |= {column: values[name] for name, column in _COLUMNS.items() if name in values}
    if values.get("visibility") == "all":
        filters["with_community"] = True
    elif "visibility" in values:
        filters["visibility"] = values["visibility"]
        filters["with_community"] = images.COMMUNITY in values["visibility"]
    filters["os_hidden"] = values.get("os_hidden", False)
    filters["tags"] = values.get("tag", [])
    filters["moments"] = [(name, *bound) for name in ("created_at", "updated_at") for bound in values.get(name, [])]
    # Whatever has no meaning of its own is a property.
    filters["texts"] = {name: text for name, text in request.query
                        if name not in _PARAMETERS and name not in schemas.IMAGE}
    return filters


def _sort(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """``sort=name:asc,size`` or ``sort_key`` with ``sort_dir``; newest first without."""
    pairs = [(key.strip(), direction.strip()) for key, _, direction in
             (part.partition(_SEPARATOR) for part in values.get("sort", "").split(",")) if key]
    directions = values.get("sort_dir", [])
    keys = values.get("sort_key", [] if pairs else ["created_at"])
    for number, key in enumerate(keys):
        pairs.append((key, directions[number] if number < len(directions) else (directions or ["desc"])[-1]))
    for key, direction in pairs:
        if key not in images.SORT_KEYS or direction not in ("", "asc", "desc"):
            raise exceptions.Invalid(f"Invalid sort key or direction: {key} {direction}".strip())
    return [(key, direction or "desc") for key, direction in pairs]


@answers(view.IMAGE, about="Show an image")
def show(api: Api, request: Request, image_id: str) -> Any:
    return view.image(rights.find(request, image_id))


@answers({"tasks": [{...: Any}]}, about="List the imports that an image comes from")
def tasks(api: Api, request: Request, image_id: str) -> Any:
    """The imports that an image comes from: uploads and servers make images here, so there are none."""
    rights.find(request, image_id)
    return {"tasks": []}


@answers(view.IMAGE, 201, (409, 413), schemas.BODY, about="Create an image, whose contents are uploaded later")
def create(api: Api, request: Request) -> Response:
    body = request.json()
    for name in body:
        if name in schemas.IMAGE and name not in schemas.WRITABLE:
            raise exceptions.Forbidden(f"Attribute '{name}' is read-only.")
    schemas.BODY.check(body)
    context, image_id = request.context, str(body.pop("id", uuid.uuid4())).lower()
    body = {"visibility": images.SHARED, "owner": context.project_id, "disk_format": None,
            "container_format": None} | body
    _check_rights(request, body, {"owner": context.project_id})
    values = _stored(body)

    def insert(tx: Transaction) -> dict[str, Any]:
        images.create(tx, image_id, size=0, status=images.QUEUED, user_id=context.user_id, **{"name": ""} | values)
        return images.get(tx, image_id)

    made = api.db.write(insert)
    request.note("image created", image_id=image_id)
    return Response(201, view.image(made), {"Location": request.root + view.path_of(image_id)})


def _check_rights(request: Request, after: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """
    :raises Forbidden: for what only admins may do: publish an image, or give it to somebody
    """
    if request.context.is_admin:
        return
    if after["visibility"] == images.PUBLIC != before.get("visibility"):
        raise exceptions.Forbidden("You are not authorized to complete publicize_image action.")
    if after["owner"] != before["owner"]:
        raise exceptions.Forbidden("You are not authorized to change the owner of an image.")


def _stored(document: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a document; what is no attribute is a property."""
    values = {_COLUMNS.get(name, name): value for name, value in document.items() if name in schemas.IMAGE}
    values["properties"] = {name: value for name, value in document.items() if name not in schemas.IMAGE}
    if len(values["properties"]) > schemas.MOST:
        raise HttpError(413, f"The limit has been exceeded on the number of allowed image properties. Attempted: "
                             f"{len(values['properties'])}, Maximum: {schemas.MOST}")
    values["tags"] = sorted(set(values.get("tags", [])))
    # A name is never null in the table.
    return values | {"name": values.get("name") or ""}


def change(request: Request, image_id: str, wanted: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Change an image of the caller's project.

    :param wanted: called with the image, locked; returns the columns to set
    :raises ImageNotFound, Forbidden: as :func:`novasim.api.images.find_own`
    """
    rights.find_own(request, image_id)

    def transaction(tx: Transaction) -> dict[str, Any]:
        if not images.update(tx, image_id):
            raise exceptions.ImageNotFound(image_id=image_id)
        images.update(tx, image_id, **wanted(images.get(tx, image_id)))
        return images.get(tx, image_id)

    changed = request.api.db.write(transaction)
    request.note("image changed", image_id=image_id)
    return changed


@answers(view.IMAGE, 200, (409, 413), json_patch.BODY, media=json_patch.MEDIA_TYPES, about="Change an image")
def update(api: Api, request: Request, image_id: str) -> Any:
    if request.wire.content_type not in json_patch.MEDIA_TYPES:
        raise HttpError(415, f"Unsupported Content-Type: it must be {json_patch.MEDIA_TYPES[0]}",
                        {"Accept-Patch": ", ".join(json_patch.MEDIA_TYPES)})
    operations = json_patch.read(wsgi.parse(request.read()))

    def wanted(image: dict[str, Any]) -> dict[str, Any]:
        shown = view.image(image)
        before = {name: value for name, value in shown.items()
                  if name in schemas.WRITABLE or name not in schemas.IMAGE}
        after = json_patch.apply(before, operations)
        schemas.BODY.check(after)
        _check_rights(request, after, before)
        for name in ("disk_format", "container_format"):
            if after[name] != before[name] and image["status"] != images.QUEUED:
                raise exceptions.Forbidden(f"Attribute {name} can be only replaced for a queued image.")
        return {name: value for name, value in _stored(after).items() if name != "uuid"}

    return view.image(change(request, image_id, wanted))


@answers(None, 204, (409,), about="Delete an image")
def delete(api: Api, request: Request, image_id: str) -> Response:
    return rights.delete(api, request, image_id)
