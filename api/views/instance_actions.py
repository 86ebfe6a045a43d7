"""How what was done to a server is shown."""

from __future__ import annotations

from typing import Any

from novasim.api.answers import optional, since
from novasim.api.views import times
from novasim.api.views.servers import host_id
from novasim.api.wsgi import Request

_KEYS = ("action", "instance_uuid", "request_id", "user_id", "project_id", "message")
ACTION = dict.fromkeys(_KEYS, str | None) | {"start_time": str, "updated_at": since(58, str | None)}
EVENT = {"event": str, "start_time": str, "finish_time": str | None, "result": str | None,
         "traceback": optional(str | None), "hostId": since(62, str), "host": optional(since(62, str | None)),
         "details": optional(since(84, str | None))}


def action(request: Request, row: dict[str, Any]) -> dict[str, Any]:
    """One action."""
    shown = {key: row[key] for key in _KEYS} | {"start_time": times.microseconds(row["start_time"])}
    return shown | {"updated_at": times.microseconds(row["updated_at"])} if request.version >= 58 else shown


def event(request: Request, row: dict[str, Any], project_id: str | None, for_admin: bool) -> dict[str, Any]:
    """One hop of an action."""
    shown = {"event": row["event"], "start_time": times.microseconds(row["start_time"]),
             "finish_time": times.microseconds(row["finish_time"]), "result": row["result"]}
    if for_admin:
        shown["traceback"] = row["traceback"]
    if request.version >= 62:
        shown["hostId"] = host_id(project_id, row["host"])
        if for_admin:
            shown["host"] = row["host"]
    if request.version >= 84 and for_admin:
        shown["details"] = row["details"]
    return shown
