"""Failures on purpose: the fault rules that are in force in all processes, and what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import query
from novasim.api.answers import answers
from novasim.api.query import Parameter
from novasim.api.schemas import faults as bodies
from novasim.api.views import times
from novasim.api.wsgi import Request, Response
from novasim.db import faults

if TYPE_CHECKING:
    from novasim.api.app import Api
_FAULT = {"id": str, "name": str | None, "rule": {...: Any}, "seed": int | None, "seen": int, "acted": int,
          "created_at": str, "ends_at": str | None}
_LOG = {"limit": Parameter(query.whole), "fault_id": Parameter()}


def _view(row: dict[str, Any]) -> dict[str, Any]:
    return {"id": row["uuid"], "name": row["name"], "rule": row["rule"], "seed": row["seed"], "seen": row["seen"],
            "acted": row["acted"], "created_at": times.microseconds(row["created_at"]),
            "ends_at": times.microseconds(row["ends_at"])}


@answers({"faults": [_FAULT]})
def index(api: Api, request: Request) -> Any:
    """The rules in force, the oldest first: ``seen`` is how often one matched, ``acted`` how often it acted."""
    request.authorize("os-simulator:faults:index")
    return {"faults": [_view(row) for row in api.db.read(faults.live)]}


@answers({"faults": [_FAULT]}, 201, takes=bodies.CREATE)
def create(api: Api, request: Request) -> Response:
    """Add a rule, or the rules of a preset.

    :raises Invalid: naming what is wrong with it
    """
    body = request.json()
    bodies.CREATE.check(body)
    request.authorize("os-simulator:faults:create")
    added = set(api.faults.add(body["fault"]))
    return Response(201, {"faults": [_view(row) for row in api.db.read(faults.live) if row["uuid"] in added]})


@answers(None, 204)
def delete(api: Api, request: Request, fault_id: str) -> Response:
    """Remove a rule; who hangs because of it goes on.

    :raises NotFound: when there is no such rule
    """
    request.authorize("os-simulator:faults:delete")
    api.db.write(faults.remove, fault_id)
    api.faults.changed()
    return Response(204)


@answers(None, 204)
def clear(api: Api, request: Request) -> Response:
    """Remove all rules, and the log of what they did."""
    request.authorize("os-simulator:faults:clear")
    api.db.write(faults.clear)
    api.faults.changed()
    return Response(204)


@answers({"presets": Any})
def presets(api: Api, request: Request) -> Any:
    request.authorize("os-simulator:faults:presets")
    return {"presets": api.faults.presets()}


@answers({"fault_log": [{...: str | int | None}]}, query=_LOG)
def log(api: Api, request: Request) -> Any:
    """What rules did, the newest first, of one of them (``fault_id``) or of all."""
    request.authorize("os-simulator:faults:log")
    values = query.read(request, _LOG)
    page = api.db.read(faults.log, values.get("fault_id"), query.page_size(request, values.get("limit")))
    return {"fault_log": [
        {name: row[name] for name in ("name", "did", "service", "host", "method", "instance_uuid", "request_id")}
        | {"fault_id": row["rule_uuid"], "time": times.microseconds(row["created_at"])} for row in page]}
