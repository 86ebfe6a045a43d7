"""How a host aggregate is shown."""

from __future__ import annotations

from typing import Any

from novasim.api.answers import MAP, since
from novasim.api.views import times
from novasim.api.wsgi import Request
from novasim.db.aggregates import ZONE_KEY
from novasim.objects import Aggregate

_CREATED = {"id": int, "name": str, "availability_zone": str | None, "created_at": str, "updated_at": str | None,
            "deleted": bool, "deleted_at": None, "uuid": since(41, str)}
_AGGREGATE = _CREATED | {"hosts": [str], "metadata": MAP}
CREATED, AGGREGATE, AGGREGATES = {"aggregate": _CREATED}, {"aggregate": _AGGREGATE}, {"aggregates": [_AGGREGATE]}


def created(request: Request, row: Aggregate) -> dict[str, Any]:
    """The answer to a create: without what a new one cannot have."""
    shown = {"id": row.id, "name": row.name, "availability_zone": row.metadata.get(ZONE_KEY),
             "created_at": times.microseconds(row.created_at), "updated_at": times.microseconds(row.updated_at),
             "deleted": False, "deleted_at": None}
    return {"aggregate": shown | ({"uuid": row.uuid} if request.version >= 41 else {})}


def aggregate(request: Request, row: Aggregate) -> dict[str, Any]:
    """One aggregate with its hosts and metadata."""
    return {"aggregate": created(request, row)["aggregate"] | {"hosts": row.hosts, "metadata": row.metadata}}
