"""Which user has which role on which project, domain, or on the system as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import answers, optional
from novasim.api.identity import resources, tokens
from novasim.api.identity.access import Request
from novasim.api.query import Parameter
from novasim.api.wsgi import Response
from novasim.db import identity
from novasim.db import identity_models as models

if TYPE_CHECKING:
    from novasim.api.app import Api

_COLUMNS = {"user.id": "user_id", "role.id": "role_id"}
_TARGETS = {"scope.project.id": identity.PROJECT, "scope.domain.id": identity.DOMAIN, "scope.system": identity.SYSTEM}
_SWITCHES = ("effective", "include_names")
_PARAMETERS = {name: Parameter() for name in (*_COLUMNS, *_TARGETS, *_SWITCHES, "group.id", "include_subtree")}
_NAMED = {"id": str, "name": optional(str)}
_IN_DOMAIN = _NAMED | {"domain": optional(_NAMED)}
_SHAPE = {"user": _IN_DOMAIN, "role": _NAMED, "links": {"assignment": str}, "scope": {
    "project": optional(_IN_DOMAIN), "domain": optional(_NAMED), "system": optional({"all": bool})}}


def _on(target: str, ids: dict[str, str]) -> tuple[str, str]:
    return target, ids.get(f"{target}_id", identity.ALL)


@answers(resources.ROLES.shapes)
def index_roles(target: str, api: Api, request: Request, user_id: str, **ids: str) -> Any:
    """The roles that a user was given on a target."""
    kind, target_id = _on(target, ids)
    held = api.db.read(identity.assignments, user_id=user_id, target_type=kind, target_id=target_id)
    given = {row["role_id"] for row in held}
    rows = [row for row in api.db.read(identity.search, models.roles) if row["uuid"] in given]
    return resources.listed(request, resources.ROLES, rows)


@answers(None, 204, about="Whether a user has a role on a target")
def check(target: str, api: Api, request: Request, user_id: str, role_id: str, **ids: str) -> Response:
    if not api.db.read(identity.has, user_id, role_id, *_on(target, ids)):
        raise exceptions.NotFound(f"Could not find role assignment with role: {role_id}, user or group: {user_id}.")
    return Response(204)


@answers(None, 204, about="Give a user a role on a target")
def assign(target: str, api: Api, request: Request, user_id: str, role_id: str, **ids: str) -> Response:
    api.db.write(identity.assign, user_id, role_id, *_on(target, ids))
    return Response(204)


@answers(None, 204, about="Take a role on a target from a user")
def unassign(target: str, api: Api, request: Request, user_id: str, role_id: str, **ids: str) -> Response:
    api.db.write(identity.unassign, user_id, role_id, *_on(target, ids))
    return Response(204)


def _says_yes(values: dict[str, str], name: str) -> bool:
    return name in values and values[name].lower() not in ("0", "false")


@answers(resources.listed_shape("role_assignments", _SHAPE), query=_PARAMETERS)
def index(api: Api, request: Request) -> Any:
    """Assignments as they were given; with ``effective`` those that they bring along too."""
    values = query.read(request, _PARAMETERS)
    wanted = {column: values[name] for name, column in _COLUMNS.items() if name in values}
    for name, target in _TARGETS.items():
        if name in values:
            wanted |= {"target_type": target, "target_id": identity.ALL if target == identity.SYSTEM else values[name]}
    role_id, implied = None, _says_yes(values, "effective")
    if implied:
        role_id = wanted.pop("role_id", None)
    # There are no groups, so none has a role.
    rows = [] if "group.id" in values else api.db.read(identity.assignments, **wanted)
    if implied:
        ids = {row["name"]: row["uuid"] for row in api.db.read(identity.search, models.roles)}
        rows = [row | {"role_name": name, "role_id": ids[name]} for row in rows
                for name in tokens.with_implied([row["role_name"]]) if name in ids]
        rows = [row for row in rows if role_id in (None, row["role_id"])]
    shown = [_view(request, row, _says_yes(values, "include_names")) for row in rows]
    return {"role_assignments": shown,
            "links": {"self": f"{request.prefix}/role_assignments", "next": None, "previous": None}}


def _view(request: Request, row: dict[str, Any], names: bool) -> dict[str, Any]:
    target, target_id = row["target_type"], row["target_id"]
    user, role, on = {"id": row["user_id"]}, {"id": row["role_id"]}, {"id": target_id}
    if names:
        user |= {"name": row["user_name"], "domain": {"id": row["domain_id"], "name": row["domain_name"]}}
        role |= {"name": row["role_name"]}
        if target == identity.PROJECT:
            on |= {"name": row["project_name"],
                   "domain": {"id": row["project_domain_id"], "name": row["project_domain_name"]}}
        elif target == identity.DOMAIN:
            on |= {"name": row["target_domain_name"]}
    where = "system" if target == identity.SYSTEM else f"{target}s/{target_id}"
    return {"user": user, "role": role, "scope": {target: {"all": True} if target == identity.SYSTEM else on},
            "links": {"assignment": f"{request.prefix}/{where}/users/{row['user_id']}/roles/{row['role_id']}"}}
