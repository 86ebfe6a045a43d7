"""How a service is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from novasim.api import availability_zones, liveness
from novasim.api.answers import since, until
from novasim.api.views import times
from novasim.api.wsgi import Request
from novasim.objects import Service

SERVICE = {"id": (until(52, int), since(53, str)), "binary": str, "host": str, "zone": str, "status": str,
           "state": str, "updated_at": str | None, "disabled_reason": str | None, "forced_down": since(11, bool)}


def service(request: Request, row: Service, zones: Mapping[str, str]) -> dict[str, Any]:
    """One service; its id is a number, from 2.53 on a uuid.

    :param zones: of the hosts that have one of their own
    """
    api = request.api
    shown = {"id": row.uuid if request.version >= 53 else row.id, "binary": row.binary, "host": row.host,
             "zone": availability_zones.of_service(api, row, zones), "status": status(row),
             "state": "up" if liveness.is_up(api, row) else "down",
             "updated_at": times.microseconds(row.last_seen_up or row.updated_at),
             "disabled_reason": row.disabled_reason}
    return shown | {"forced_down": row.forced_down} if request.version >= 11 else shown


def status(row: Service) -> str:
    """``enabled`` or ``disabled``."""
    return "disabled" if row.disabled else "enabled"
