"""Projects, domains, users and roles: the same five requests each, told apart by a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Table

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import Shape, answers, optional
from novasim.api.identity.access import Request
from novasim.api.query import Parameter
from novasim.api.schemas import Schema
from novasim.api.schemas import identity as bodies
from novasim.api.wsgi import Response, Unauthorized
from novasim.db import identity
from novasim.db import identity_models as models

if TYPE_CHECKING:
    from novasim.api.app import Api


class Kind(NamedTuple):
    """A noun of the service.

    :ivar shown: columns that users see under their own names
    :ivar filters: query parameters of the list, which are columns too
    :ivar bodies: what creates one and what changes one
    :ivar more: what is shown besides, of a row
    :ivar also: the shape of that
    """
    one: str
    table: Table
    shown: tuple[str, ...]
    filters: Mapping[str, Parameter]
    bodies: tuple[Schema, Schema]
    more: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    also: Mapping[str, Shape]

    @property
    def shape(self) -> dict[str, Shape]:
        """What one looks like."""
        texts = dict.fromkeys(self.shown, str | None) | ({"enabled": bool} if "enabled" in self.shown else {})
        return {"id": str, "links": {"self": str}} | texts | dict(self.also)

    @property
    def shapes(self) -> dict[str, Shape]:
        """What a list looks like."""
        return listed_shape(self.many, self.shape)

    @property
    def many(self) -> str:
        return self.table.name

    @property
    def key(self) -> str:
        """What its id is called in URLs."""
        return f"{self.one}_id"


def listed_shape(many: str, one: Shape) -> dict[str, Shape]:
    """What any list of the service looks like."""
    return {many: [one], "links": {"self": str, "next": None, "previous": None}}


_EXTRAS = {"tags": [str], "options": {}}
_NAME, _DOMAIN_ID = {"name": Parameter()}, {"domain_id": Parameter()}
_ENABLED = {"enabled": Parameter(query.boolean)}
PROJECTS = Kind(
    "project", models.projects, ("name", "description", "enabled", "domain_id"), _NAME | _DOMAIN_ID | _ENABLED,
    bodies.PROJECT, lambda row: {"is_domain": False, "parent_id": row["domain_id"], "tags": [], "options": {}},
    {"is_domain": bool, "parent_id": str | None} | _EXTRAS)
DOMAINS = Kind("domain", models.domains, ("name", "description", "enabled"), _NAME | _ENABLED, bodies.DOMAIN,
               lambda row: {"tags": [], "options": {}}, _EXTRAS)
USERS = Kind(
    "user", models.users, ("name", "description", "enabled", "domain_id", "email"), _NAME | _DOMAIN_ID | _ENABLED,
    bodies.USER, lambda row: {"password_expires_at": None, "options": {}} | (
        {"default_project_id": row["default_project_id"]} if row["default_project_id"] else {}),
    {"password_expires_at": None, "options": {}, "default_project_id": optional(str)})
ROLES = Kind("role", models.roles, ("name", "description"), _NAME, bodies.ROLE,
             lambda row: {"domain_id": None, "options": {}}, {"domain_id": None, "options": {}})


def moment(time: datetime) -> str:
    """A time as the service writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def view(request: Request, kind: Kind, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as users see it."""
    return {"id": row["uuid"]} | {name: row[name] for name in kind.shown} | dict(kind.more(row)) | {
        "links": {"self": f"{request.prefix}/{kind.many}/{row['uuid']}"}}


def listed(request: Request, kind: Kind, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A list in one page."""
    return {kind.many: [view(request, kind, row) for row in rows],
            "links": {"self": f"{request.prefix}/{kind.many}", "next": None, "previous": None}}


def index(kind: Kind, api: Api, request: Request) -> Any:
    """All that fit the query."""
    wanted = query.read(request, kind.filters)
    return listed(request, kind, api.db.read(identity.search, kind.table, **wanted))


def show(kind: Kind, api: Api, request: Request, **ids: str) -> Any:
    return {kind.one: view(request, kind, api.db.read(identity.get, kind.table, ids[kind.key]))}


def create(kind: Kind, api: Api, request: Request) -> Response:
    body = request.json()
    kind.bodies[0].check(body)
    values = _values(api, kind, body[kind.one])
    if "domain_id" in kind.table.c:
        # Without one it is made where the caller is.
        values = {"domain_id": request.grant.standing["project_domain_id"] or request.grant.standing["scope_id"]
                  or identity.DEFAULT_DOMAIN[0]} | values
    if "enabled" in kind.table.c:
        values = {"enabled": True} | values
    _check_parent(body[kind.one], values)
    row = api.db.write(identity.create, kind.table, values)
    return Response(201, {kind.one: view(request, kind, row)})


def update(kind: Kind, api: Api, request: Request, **ids: str) -> Any:
    body = request.json()
    kind.bodies[1].check(body)
    said = body[kind.one]
    row = api.db.read(identity.get, kind.table, ids[kind.key])
    if said.get("domain_id", row.get("domain_id")) != row.get("domain_id"):
        raise exceptions.Invalid("domain_id: what is in a domain stays there")
    _check_parent(said, row)
    values = _values(api, kind, said)
    if kind is USERS and ("password_hash" in values or values.get("enabled") is False):
        values["valid_since"] = api.clock.now()
    return {kind.one: view(request, kind, api.db.write(identity.change, kind.table, row["uuid"], values))}


def delete(kind: Kind, api: Api, request: Request, **ids: str) -> Response:
    if kind is DOMAINS and api.db.read(identity.get, kind.table, ids[kind.key])["enabled"]:
        raise exceptions.Forbidden("Cannot delete a domain that is enabled, please disable it first.")
    api.db.write(identity.remove, kind.table, ids[kind.key])
    return Response(204)


def _values(api: Api, kind: Kind, said: Mapping[str, Any]) -> dict[str, Any]:
    """What a body says of columns."""
    values = {name: value for name, value in said.items() if name in kind.table.c}
    if "description" in values:
        values["description"] = values["description"] or ""
    if "password" in said:
        values["password_hash"] = None if said["password"] is None else api.identity.passwords.hashed(said["password"])
    return values


def _check_parent(said: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """
    :raises Invalid: for a project that is to be under another one than its domain
    """
    if said.get("parent_id") not in (None, row.get("domain_id")):
        raise exceptions.Invalid("parent_id: there are no projects under projects here, only under domains")


@answers(None, 204, takes=bodies.PASSWORD)
def change_password(api: Api, request: Request, user_id: str) -> Response:
    """A user's own change, which needs the old password and no token.

    :raises Unauthorized: when the old one is wrong, or there is no such user
    """
    body = request.json()
    bodies.PASSWORD.check(body)
    user = api.db.read(identity.find_named, models.users, user_id)
    fits = api.identity.passwords.fits(body["user"]["original_password"], user["password_hash"] if user else None)
    if user is None or not fits or not user["enabled"]:
        raise Unauthorized()
    api.db.write(identity.change, models.users, user_id, {
        "password_hash": api.identity.passwords.hashed(body["user"]["password"]), "valid_since": api.clock.now()})
    return Response(204)
