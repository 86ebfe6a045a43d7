"""What all resources of the Network API have in common: one list, show, create, update and delete for all of them,
each resource saying what it is in a table of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import LINKS, Shape, answers, optional
from novasim.api.microversion import Handler
from novasim.api.query import Parameter
from novasim.api.schemas import Schema, closed
from novasim.api.wsgi import Request, Response
from novasim.db import networks
from novasim.db.engine import Transaction
from novasim.db.networks import Kind, Row

if TYPE_CHECKING:
    from novasim.api.app import Api

Fields = dict[str, Any]
TEXT = {"type": ["string", "null"], "maxLength": 255}
FLAG = {"type": "boolean"}
UUID = {"type": "string", "format": "uuid"}
PROJECT = {"project_id": TEXT, "tenant_id": TEXT}


def _boolean(text: str) -> bool:
    return query.boolean(text)


class Resource(NamedTuple):
    """One resource.

    :ivar path: its collection in URLs
    :ivar columns: attribute -> column, where a list can be filtered and sorted by it
    :ivar booleans, integers: of these attributes, those that are no text
    :ivar on_create, on_update: what may be said of a new one, and changed of an old one
    :ivar show: rows as users see them, with what else that needs
    :ivar make: inserts a new one: transaction, request, id, fields
    :ivar change: likewise: transaction, request, row, fields
    :ivar drop: likewise: transaction, request, row
    :ivar conditions: filters that are no columns: attribute -> the condition for its values
    :ivar prepare: what must be there before a list or show of a project
    :ivar shape: what ``show`` makes
    """
    singular: str
    plural: str
    path: str
    kind: Kind
    columns: Mapping[str, str]
    on_create: dict[str, Any]
    required: Sequence[str]
    on_update: dict[str, Any]
    show: Callable[[Transaction, Request, Sequence[Row]], list[Fields]]
    make: Callable[[Transaction, Request, str, Fields], None]
    change: Callable[[Transaction, Request, Row, Fields], None] | None
    drop: Callable[[Transaction, Request, Row], None]
    booleans: Sequence[str] = ()
    integers: Sequence[str] = ()
    conditions: Mapping[str, Callable[[list[str]], Any]] = {}
    prepare: Callable[[Api, str | None], None] | None = None
    shape: Mapping[str, Shape] = {}


# What all of them tell.
_SHAPE = {"id": str, "project_id": str | None, "tenant_id": str | None, "description": str, "tags": [str],
          "revision_number": int, "created_at": str | None, "updated_at": str | None}


def owner(request: Request, fields: Fields) -> str | None:
    """The project of a new thing: the caller's, or the one that an admin names.

    :raises Forbidden: when anybody else names another
    """
    named = fields.pop("project_id", None)
    named = fields.pop("tenant_id", None) or named
    if named in (None, "", request.context.project_id):
        return request.context.project_id
    check_admin(request, "tenant_id")
    return str(named)


def check_admin(request: Request, attribute: str) -> None:
    """
    :raises Forbidden: for an attribute that only admins may set
    """
    if not request.context.is_admin:
        raise exceptions.Forbidden(f"Only an admin may set {attribute}.")


def check_own(request: Request, row: Row) -> None:
    """
    :raises Forbidden: for what the caller may see, and not change
    """
    if not request.context.is_admin and row["project_id"] != request.context.project_id:
        raise exceptions.Forbidden(f"{row['id']} belongs to another project: you may not change it.")


def _body(resource: Resource, fields: dict[str, Any], required: Sequence[str] = ()) -> Schema:
    return Schema(closed({resource.singular: closed(fields, *required)}, resource.singular))


def _said(resource: Resource) -> tuple[Schema, Schema, dict[str, Any]]:
    """The bodies that create and change one, and what each method takes and answers."""
    create, update = _body(resource, resource.on_create, resource.required), _body(resource, resource.on_update)
    name, whole = resource.singular.replace("_", " "), _SHAPE | dict(resource.shape)
    # Whoever asks for ``fields`` gets those.
    asked = {key: optional(shape) for key, shape in whole.items()}
    one, errors = {resource.singular: whole}, (409, 503)
    return create, update, {
        "index": answers({resource.plural: [asked], f"{resource.plural}_links": optional(LINKS)},
                         query=_parameters(resource), strict=1, about=f"List {name}s"),
        "create": answers(one, 201, errors, create, about=f"Create a {name}"),
        "show": answers({resource.singular: asked}, query={"fields": Parameter(many=True)}, about=f"Show a {name}"),
        "update": answers(one, 200, errors, update, about=f"Change a {name}"),
        "delete": answers(None, 204, (409,), about=f"Delete a {name}")}


def routes(resource: Resource) -> dict[str, dict[str, Handler]]:
    """The URLs of a resource."""
    create_body, update_body, said = _said(resource)

    @said["index"]
    def index(api: Api, request: Request) -> Any:
        return _list(api, request, resource)

    @said["create"]
    def create(api: Api, request: Request) -> Response:
        body = request.json()
        create_body.check(body)
        made = str(uuid.uuid4())

        def transaction(tx: Transaction) -> Fields:
            resource.make(tx, request, made, dict(body[resource.singular]))
            return _shown(tx, request, resource, [networks.get(tx, resource.kind, made)])[0]

        shown = api.db.write(transaction)
        request.note(f"{resource.singular} created", id=made)
        return Response(201, {resource.singular: shown})

    @said["show"]
    def show(api: Api, request: Request, id: str) -> Any:
        _prepare(api, request, resource)

        def read(tx: Transaction) -> Fields:
            return _shown(tx, request, resource, [networks.get(tx, resource.kind, id, request.context.viewer)])[0]

        return {resource.singular: _picked(api.db.read(read), _asked_fields(request))}

    @said["update"]
    def update(api: Api, request: Request, id: str) -> Any:
        body = request.json()
        update_body.check(body)
        assert resource.change is not None
        change = resource.change

        def transaction(tx: Transaction) -> Fields:
            row = _own(tx, request, resource, id)
            change(tx, request, row, dict(body[resource.singular]))
            return _shown(tx, request, resource, [networks.get(tx, resource.kind, id)])[0]

        shown = api.db.write(transaction)
        request.note(f"{resource.singular} changed", id=id)
        return {resource.singular: shown}

    @said["delete"]
    def delete(api: Api, request: Request, id: str) -> Response:
        def transaction(tx: Transaction) -> None:
            row = _own(tx, request, resource, id)
            resource.drop(tx, request, row)
            networks.delete(tx, resource.kind, resource.kind.table.c.uuid == id)

        api.db.write(transaction)
        request.note(f"{resource.singular} deleted", id=id)
        return Response(204)

    one: dict[str, Handler] = {"GET": show, "DELETE": delete} | ({"PUT": update} if resource.change else {})
    return {f"/v2.0/{resource.path}": {"GET": index, "POST": create}, f"/v2.0/{resource.path}/{{id}}": one}


def _own(tx: Transaction, request: Request, resource: Resource, uuid: str) -> Row:
    """One that the caller may change, its row locked."""
    row = networks.get(tx, resource.kind, uuid, request.context.viewer)
    check_own(request, row)
    networks.update(tx, resource.kind, uuid)
    return row


def _prepare(api: Api, request: Request, resource: Resource) -> None:
    if resource.prepare is not None:
        resource.prepare(api, request.context.project_id)


def _shown(tx: Transaction, request: Request, resource: Resource, rows: Sequence[Row]) -> list[Fields]:
    """Rows with what all resources tell."""
    return [{"id": row["id"], "project_id": row["project_id"], "tenant_id": row["project_id"],
             "description": row["description"] or "", "tags": [], "revision_number": 0,
             "created_at": _time(row["created_at"]), "updated_at": _time(row["updated_at"])} | shown
            for row, shown in zip(rows, resource.show(tx, request, rows), strict=True)]


def _time(moment: Any) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _asked_fields(request: Request) -> list[str]:
    return [text for name, text in request.query if name == "fields"]


def _picked(shown: Fields, fields: Sequence[str]) -> Fields:
    return {name: value for name, value in shown.items() if name in fields} if fields else shown


def _columns(resource: Resource) -> dict[str, str]:
    return {"id": "uuid", "project_id": "project_id", "tenant_id": "project_id", "description": "description",
            **resource.columns}


def _parameters(resource: Resource) -> dict[str, Parameter]:
    typed = dict.fromkeys(resource.booleans, _boolean) | dict.fromkeys(resource.integers, query.whole)
    return {name: Parameter(typed.get(name, str), many=True) for name in _columns(resource)} | query.PAGING | {
        "sort_key": Parameter(many=True), "sort_dir": Parameter(query.direction, many=True),
        "fields": Parameter(many=True), "page_reverse": Parameter(),
        **{name: Parameter(many=True) for name in resource.conditions}}


def _list(api: Api, request: Request, resource: Resource) -> Any:
    columns, values = _columns(resource), query.read(request, _parameters(resource), strict_since=1)
    for key in values.get("sort_key", []):
        if key not in columns:
            raise exceptions.Invalid(f"{key} is invalid attribute for sort_keys")
    directions = values.get("sort_dir", [])
    sort = [(columns[key], directions[number] if number < len(directions) else "asc")
            for number, key in enumerate(values.get("sort_key", []))]
    filters: dict[str, list[Any]] = {}
    for name, column in columns.items():
        filters |= {column: values[name]} if name in values else {}
    extra = [condition(values[name]) for name, condition in resource.conditions.items() if name in values]
    limit = query.page_size(request, values.get("limit") or None)
    _prepare(api, request, resource)

    def read(tx: Transaction) -> list[Fields]:
        return _shown(tx, request, resource, networks.list_page(
            tx, resource.kind, request.context.viewer, filters, limit, values.get("marker"), sort, extra))

    page = api.db.read(read)
    answer: Fields = {resource.plural: [_picked(shown, values.get("fields", [])) for shown in page]}
    if len(page) == limit:
        pairs = [(name, text) for name, text in request.query if name != "marker"] + [("marker", page[-1]["id"])]
        answer[f"{resource.plural}_links"] = [
            {"rel": "next", "href": f"{request.root}/v2.0/{resource.path}?{urlencode(pairs)}"}]
    return answer
