"""Live migrations of one server, while they are in progress. No other move ever appears here (spec 3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions, states
from novasim.api import guards, live_migrate, query
from novasim.api.answers import answers
from novasim.api.schemas import server_migrations as bodies
from novasim.api.views import migrations as views
from novasim.api.wsgi import Request, Response
from novasim.db import migrations

if TYPE_CHECKING:
    from novasim.api.app import Api


@answers({"migrations": [views.SERVER_MIGRATION]})
def index(api: Api, request: Request, server_id: str) -> Any:
    instance = guards.find(request, server_id, complete=False)
    request.authorize("servers:migrations:index", instance)
    move = api.db.read(migrations.in_progress, instance.uuid)
    shown = [] if move is None or not _is_shown(move) else [views.server_migration(request, move)]
    return {"migrations": shown}


def _is_shown(move: Any) -> bool:
    return move.migration_type == states.LIVE_MIGRATION and move.status in states.LIVE_IN_PROGRESS


@answers({"migration": views.SERVER_MIGRATION})
def show(api: Api, request: Request, server_id: str, migration_id: str) -> Any:
    instance = guards.find(request, server_id, complete=False)
    request.authorize("servers:migrations:show", instance)
    move = api.db.read(migrations.of_instance, _number(migration_id, server_id), instance.uuid)
    if move.migration_type != states.LIVE_MIGRATION:
        raise exceptions.NotFound(f"Migration {migration_id} for server {server_id} is not live-migration.")
    if not _is_shown(move):
        raise exceptions.NotFound(f"Migration {migration_id} for server {server_id} is not in progress.")
    return {"migration": views.server_migration(request, move)}


def _number(migration_id: str, server_id: str) -> int:
    if not query.is_whole(migration_id):
        raise exceptions.MigrationNotFoundForInstance(migration_id=migration_id, instance_id=server_id)
    return int(migration_id)


@answers(None, 202, errors=(409, 503), takes=bodies.FORCE_COMPLETE, about="Force a live migration to complete")
def dispatch(api: Api, request: Request, server_id: str, migration_id: str) -> Response:
    """Force a live migration to complete: there is no other action."""
    body = request.json()
    if len(body) != 1:
        raise exceptions.MalformedRequestBody()
    [name] = body
    if name != "force_complete":
        raise exceptions.Invalid(f"There is no such action: {name}")
    bodies.FORCE_COMPLETE.check(body)
    instance = guards.find(request, server_id, with_metadata=False)
    request.authorize("servers:migrations:force_complete", instance)
    live_migrate.force_complete(request, instance, _number(migration_id, server_id))
    return Response(202)


@answers(None, 202, errors=(409, 503))
def delete(api: Api, request: Request, server_id: str, migration_id: str) -> Response:
    instance = guards.find(request, server_id, with_metadata=False)
    request.authorize("servers:migrations:delete", instance)
    live_migrate.abort(request, instance, _number(migration_id, server_id))
    return Response(202)
