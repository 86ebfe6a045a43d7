"""How a migration is shown: among those of all servers, and below its own server."""

from __future__ import annotations

from typing import Any

from novasim import states
from novasim.api.answers import LINKS, optional, since
from novasim.api.views import links, times
from novasim.api.wsgi import Request
from novasim.objects import Migration

_ENDS = ("source_compute", "source_node", "dest_compute", "dest_node", "dest_host")
_KEYS = ("id", "instance_uuid", *_ENDS, "status", "old_instance_type_id", "new_instance_type_id")
# Key -> the version it appeared in.
_OWNED = {"uuid": 59, "user_id": 80, "project_id": 80}
_LATER = {"migration_type": 23} | _OWNED
_PROGRESS = tuple(f"{what}_{part}" for what in ("memory", "disk") for part in ("total", "processed", "remaining"))
_TIMES = {"created_at": str, "updated_at": str | None}
_TEXTS = dict.fromkeys((*_ENDS, "status"), str | None)
_LATER_TEXTS = {key: since(version, str | None) for key, version in _LATER.items()}
MIGRATION = _TEXTS | _LATER_TEXTS | _TIMES | {
    "id": int, "instance_uuid": str, "old_instance_type_id": int | None, "new_instance_type_id": int | None,
    "links": optional(since(23, LINKS))}
SERVER_MIGRATION = _TEXTS | {key: _LATER_TEXTS[key] for key in _OWNED} | _TIMES | {"id": int, "server_uuid": str} | {
    f"{key}_bytes": int | None for key in _PROGRESS}


def migration(request: Request, move: Migration) -> dict[str, Any]:
    """One migration of ``GET /os-migrations``."""
    shown = _fields(request, move, _KEYS, _LATER)
    if request.version >= 23 and move.migration_type == states.LIVE_MIGRATION and (
            move.status in states.LIVE_IN_PROGRESS):
        shown["links"] = links.both(request, f"/servers/{move.instance_uuid}/migrations/{move.id}")
    return shown


def server_migration(request: Request, move: Migration) -> dict[str, Any]:
    """One live migration of ``GET /servers/{id}/migrations``, with how far it is in bytes."""
    shown = _fields(request, move, ("id", *_ENDS, "status"), _OWNED)
    return shown | {"server_uuid": move.instance_uuid} | {f"{key}_bytes": getattr(move, key) for key in _PROGRESS}


def _fields(request: Request, move: Migration, keys: tuple[str, ...], later: dict[str, int]) -> dict[str, Any]:
    shown = {key: getattr(move, key) for key in keys}
    shown |= {key: getattr(move, key) for key, since in later.items() if request.version >= since}
    return shown | {"created_at": times.microseconds(move.created_at),
                    "updated_at": times.microseconds(move.updated_at)}
