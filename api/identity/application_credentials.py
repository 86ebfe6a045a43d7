"""Application credentials: what a program logs in with in its owner's place, in one project, with some of its roles."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import answers
from novasim.api.identity import resources
from novasim.api.identity.access import Request
from novasim.api.query import Parameter
from novasim.api.schemas import identity as bodies
from novasim.api.wsgi import Response
from novasim.db import identity
from novasim.db import identity_models as models

if TYPE_CHECKING:
    from novasim.api.app import Api

_TABLE = models.application_credentials
_PARAMETERS = {"name": Parameter()}
_SHAPE = {"id": str, "name": str, "description": str, "user_id": str, "project_id": str, "unrestricted": bool,
          "system": None, "expires_at": str | None, "roles": [{"id": str, "name": str}], "links": {"self": str}}


def _view(api: Api, request: Request, rows: list[identity.Row]) -> list[dict[str, Any]]:
    names = {row["uuid"]: row["name"] for row in api.db.read(identity.search, models.roles)} if rows else {}
    return [{"id": row["uuid"], "name": row["name"], "description": row["description"], "user_id": row["user_id"],
             "project_id": row["project_id"], "unrestricted": row["unrestricted"], "system": None,
             "expires_at": resources.moment(row["expires_at"]) if row["expires_at"] else None,
             "roles": [{"id": role, "name": names[role]} for role in json.loads(row["roles"]) if role in names],
             "links": {"self": f"{request.prefix}/users/{row['user_id']}/application_credentials/{row['uuid']}"}}
            for row in rows]


def _check_maker(api: Api, request: Request) -> None:
    """
    :raises Forbidden: when the caller logged in with a credential that may make no others
    """
    own = request.grant.claims.credential_id
    if own is not None and not api.db.read(identity.get, _TABLE, own)["unrestricted"]:
        raise exceptions.Forbidden("An application credential may not make or delete others, unless it was made "
                                   "unrestricted.")


def _roles(api: Api, request: Request, said: list[Mapping[str, str]] | None) -> list[str]:
    """The ids of the roles of a new credential: those asked for, which its owner must have; all without any.

    :raises Invalid: naming one that is not to be had
    """
    own = {row["uuid"]: row["name"] for row in api.db.read(identity.search, models.roles)
           if row["name"] in request.grant.roles}
    found = []
    for wanted in said or [{"id": role} for role in own]:
        role = next((uuid for uuid, name in own.items() if wanted.get("id", uuid) == uuid
                     and wanted.get("name", name) == name), None)
        if role is None:
            raise exceptions.Invalid(f"roles: {dict(wanted)} is no role that you have in this project")
        found.append(role)
    return found


@answers({"application_credential": _SHAPE | {"secret": str}}, 201, (409,), bodies.APPLICATION_CREDENTIAL,
         about="Create an application credential")
def create(api: Api, request: Request, user_id: str) -> Response:
    _check_maker(api, request)
    body = request.json()
    bodies.APPLICATION_CREDENTIAL.check(body)
    said = body["application_credential"]
    project_id = request.grant.project_id
    if project_id is None or said.get("project_id", project_id) != project_id:
        raise exceptions.Forbidden("An application credential is for the project of the token that makes it.")
    expires_at = None
    if said.get("expires_at"):
        try:
            expires_at = query.moment(said["expires_at"])
        except ValueError as error:
            raise exceptions.ValidationError(detail=f"expires_at: {error}") from error
        if expires_at <= api.clock.now():
            raise exceptions.ValidationError(detail="expires_at: that time is over")
    secret = said.get("secret") or secrets.token_urlsafe(64)
    row = api.db.write(identity.create, _TABLE, {
        "name": said["name"], "description": said.get("description") or "", "user_id": user_id,
        "project_id": project_id, "secret_hash": api.identity.passwords.hashed(secret), "expires_at": expires_at,
        "unrestricted": said.get("unrestricted", False),
        "roles": json.dumps(_roles(api, request, said.get("roles")))})
    # The only time that anybody sees it.
    return Response(201, {"application_credential": _view(api, request, [row])[0] | {"secret": secret}})


@answers(resources.listed_shape("application_credentials", _SHAPE), query=_PARAMETERS,
         about="List application credentials")
def index(api: Api, request: Request, user_id: str) -> Any:
    wanted = query.read(request, _PARAMETERS)
    rows = api.db.read(identity.search, _TABLE, user_id=user_id, **wanted)
    links = {"self": f"{request.prefix}/users/{user_id}/application_credentials", "next": None, "previous": None}
    return {"application_credentials": _view(api, request, rows), "links": links}


def _find(api: Api, user_id: str, credential_id: str) -> identity.Row:
    """
    :raises NotFound: when the user has none of this id
    """
    found = api.db.read(identity.search, _TABLE, uuid=credential_id, user_id=user_id)
    if not found:
        raise exceptions.NotFound(f"Could not find Application Credential: {credential_id}.")
    return found[0]


@answers({"application_credential": _SHAPE}, about="Show an application credential")
def show(api: Api, request: Request, user_id: str, credential_id: str) -> Any:
    return {"application_credential": _view(api, request, [_find(api, user_id, credential_id)])[0]}


@answers(None, 204, about="Delete an application credential")
def delete(api: Api, request: Request, user_id: str, credential_id: str) -> Response:
    _check_maker(api, request)
    api.db.write(identity.remove, _TABLE, _find(api, user_id, credential_id)["uuid"])
    return Response(204)
