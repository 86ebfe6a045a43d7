"""Addresses of one server. There is no network service, so it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import guards
from novasim.api.wsgi import Request

if TYPE_CHECKING:
    from novasim.api.app import Api


def index(api: Api, request: Request, server_id: str) -> Any:
    request.authorize("ips:index", guards.find(request, server_id, complete=False))
    return {"addresses": {}}


def show(api: Api, request: Request, server_id: str, network: str) -> Any:
    request.authorize("ips:index", guards.find(request, server_id, complete=False))
    raise exceptions.NotFound("Instance is not a member of specified network")
