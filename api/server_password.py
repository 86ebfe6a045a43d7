"""The password that a guest reports when it has made one up, encrypted for its owner. Nothing runs in a simulated
guest, so none ever does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import guards
from novasim.api.answers import answers
from novasim.api.wsgi import Request, Response

if TYPE_CHECKING:
    from novasim.api.app import Api


@answers({"password": str})
def show(api: Api, request: Request, server_id: str) -> Any:
    request.authorize("os-server-password:show", guards.find(request, server_id, complete=False))
    return {"password": ""}


@answers(None, 204)
def clear(api: Api, request: Request, server_id: str) -> Response:
    request.authorize("os-server-password:clear", guards.find(request, server_id, complete=False))
    return Response(204)
