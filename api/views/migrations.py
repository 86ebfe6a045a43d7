"""How a migration is shown."""

from __future__ import annotations

from typing import Any

from novasim.api.views import times
from novasim.api.wsgi import Request
from novasim.objects import Migration

_KEYS = ("id", "instance_uuid", "source_compute", "source_node", "dest_compute", "dest_node", "dest_host", "status",
         "old_instance_type_id", "new_instance_type_id")
# Key -> the version it appeared in.
_LATER = {"migration_type": 23, "uuid": 59, "user_id": 80, "project_id": 80}


def migration(request: Request, move: Migration) -> dict[str, Any]:
    """One migration of ``GET /os-migrations``."""
    shown = {key: getattr(move, key) for key in _KEYS}
    shown |= {key: getattr(move, key) for key, since in _LATER.items() if request.version >= since}
    return shown | {"created_at": times.microseconds(move.created_at),
                    "updated_at": times.microseconds(move.updated_at)}
