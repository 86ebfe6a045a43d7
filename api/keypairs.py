"""Key pairs of users. A private key is told once, to who had it made; it is neither stored nor written anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import query
from novasim.api.answers import LINKS, answers, optional, since, until
from novasim.api.query import Parameter
from novasim.api.schemas import keypairs as bodies
from novasim.api.views import times
from novasim.api.wsgi import Request, Response
from novasim.db import keypairs

if TYPE_CHECKING:
    from novasim.api.app import Api

_USER = {"user_id": Parameter(since=10)}
_PARAMETERS = _USER | {name: parameter._replace(since=35) for name, parameter in query.PAGING.items()}
SSH = "ssh"
_SHAPE = {"name": str, "public_key": str, "fingerprint": str, "type": since(2, str)}
_MORE = {"user_id": str, "id": int, "created_at": str, "deleted": bool, "updated_at": None, "deleted_at": None}
_MADE = {"keypair": _SHAPE | {"user_id": str, "private_key": optional(str)}}


def _authorize(request: Request, rule: str, user_id: str | None) -> str | None:
    """See that the caller may deal with a user's key pairs.

    :param user_id: None: the caller's own
    :returns: whose they are
    :raises PolicyNotAuthorized: when the caller may not
    """
    owner = user_id or request.context.user_id
    request.api.policy.authorize(request.context, f"os-keypairs:{rule}", {"user_id": owner})
    return owner


def _shown(request: Request, row: Any) -> dict[str, Any]:
    shown = {"name": row.name, "public_key": row.public_key, "fingerprint": row.fingerprint}
    return shown | {"type": row.type} if request.version >= 2 else shown


@answers({"keypairs": [{"keypair": _SHAPE}], "keypairs_links": optional(since(35, LINKS))}, query=_PARAMETERS,
         strict=75, about="List a user's key pairs")
def index(api: Api, request: Request) -> Any:
    values = query.read(request, _PARAMETERS, strict_since=75)
    user_id = _authorize(request, "index", values.get("user_id"))
    limit = query.page_size(request, values.get("limit"))
    page = api.db.read(keypairs.list_page, user_id, limit, values.get("marker"))
    answer: dict[str, Any] = {"keypairs": [{"keypair": _shown(request, row)} for row in page]}
    if 0 < len(page) == limit and request.version >= 35:
        answer["keypairs_links"] = query.next_link(request, "/os-keypairs", page[-1].name)
    return answer


@answers({"keypair": _SHAPE | _MORE}, query=_USER, strict=75, about="Show a key pair")
def show(api: Api, request: Request, keypair_name: str) -> Any:
    values = query.read(request, _USER, strict_since=75)
    user_id = _authorize(request, "show", values.get("user_id"))
    row = api.db.read(keypairs.get, user_id, keypair_name)
    return {"keypair": _shown(request, row) | {
        "user_id": row.user_id, "id": row.id, "created_at": times.microseconds(row.created_at), "deleted": False,
        "updated_at": None, "deleted_at": None}}


@answers(since(2, _MADE), 201, (409,), bodies.CREATE, also={200: until(1, _MADE)}, strict=75)
def create(api: Api, request: Request) -> Response:
    """Keep a user's public key, or make a pair.

    :raises Invalid: 400, for a public key that is none
    :raises OverQuota: 403
    :raises Conflict: 409, when there is one of this name
    """
    # Key pairs are rarely made, and what makes them takes longer to import than the start of a small service.
    from novasim.api import key_material

    body = request.json()
    bodies.CREATE.check(body, request.version)
    query.read(request, {}, strict_since=75)
    fields = body["keypair"]
    user_id = _authorize(request, "create", fields.get("user_id")) or ""
    kind, public_key, secret = fields.get("type", SSH), fields.get("public_key"), {}
    if public_key is None:
        made = key_material.generate(kind, user_id, api.clock.now())
        public_key, secret = made.public_key, {"private_key": made.private_key}
    values = {"user_id": user_id, "name": fields["name"], "type": kind, "public_key": public_key,
              "fingerprint": key_material.fingerprint(kind, public_key)}
    api.db.write(keypairs.create, values, request.context.project_id, api.quota_defaults)
    request.note("key pair created", name=fields["name"])
    shown = {name: value for name, value in values.items() if name != "type" or request.version >= 2}
    return Response(201 if request.version >= 2 else 200, {"keypair": shown | secret})


@answers(since(2, None), 204, also={202: until(1, None)}, query=_USER, strict=75, about="Delete a key pair")
def delete(api: Api, request: Request, keypair_name: str) -> Response:
    values = query.read(request, _USER, strict_since=75)
    api.db.write(keypairs.delete, _authorize(request, "delete", values.get("user_id")), keypair_name)
    request.note("key pair deleted", name=keypair_name)
    return Response(204 if request.version >= 2 else 202)
