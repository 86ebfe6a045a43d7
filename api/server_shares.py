"""The shares of a server (2.97). There are no shared file systems: no server has any, and no share can be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import guards
from novasim.api.answers import answers
from novasim.api.schemas import server_shares as bodies
from novasim.api.wsgi import Request
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api


_SHARE = {...: Any}


def _find(request: Request, server_id: str, rule: str) -> Instance:
    instance = guards.find(request, server_id, complete=False)
    request.authorize(f"os-server-shares:{rule}", instance)
    return instance


def _none(share_id: str) -> exceptions.NotFound:
    return exceptions.NotFound(f"Share {share_id} could not be found: this cluster has no shared file systems.")


@answers({"shares": [_SHARE]})
def index(api: Api, request: Request, server_id: str) -> Any:
    _find(request, server_id, "index")
    return {"shares": []}


@answers({"share": _SHARE})
def show(api: Api, request: Request, server_id: str, share_id: str) -> Any:
    _find(request, server_id, "show")
    raise _none(share_id)


@answers({"share": _SHARE}, 201, (409,), bodies.CREATE)
def create(api: Api, request: Request, server_id: str) -> Any:
    body = request.json()
    bodies.CREATE.check(body)
    guards.check(request, _find(request, server_id, "create"), "attach_share")
    raise _none(body["share"]["share_id"])


@answers(None, 204, (409,))
def delete(api: Api, request: Request, server_id: str, share_id: str) -> Any:
    guards.check(request, _find(request, server_id, "delete"), "detach_share")
    raise _none(share_id)
