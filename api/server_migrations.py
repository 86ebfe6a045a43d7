"""Live migrations of one server. A resize or cold migration never appears here (spec 3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import guards
from novasim.api.wsgi import Request

if TYPE_CHECKING:
    from novasim.api.app import Api


def index(api: Api, request: Request, server_id: str) -> Any:
    request.authorize("servers:migrations:index", guards.find(request, server_id, complete=False))
    return {"migrations": []}


def show(api: Api, request: Request, server_id: str, migration_id: str) -> Any:
    request.authorize("servers:migrations:index", guards.find(request, server_id, complete=False))
    raise exceptions.NotFound(f"Migration {migration_id} for server {server_id} is not live-migration.")
