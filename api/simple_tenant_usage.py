"""What projects have used in a span of time: hours of servers, and what those servers held meanwhile. A server that
runs is counted up to the end of the span, be that in the future, as clients know it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import LINKS, answers, optional
from novasim.api.query import Parameter
from novasim.api.wsgi import Request
from novasim.db import usage

if TYPE_CHECKING:
    from novasim.api.app import Api

_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")
_PAGED = 40


def _moment(text: str) -> datetime:
    for form in _FORMS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a date and time")


_PARAMETERS = {"start": Parameter(_moment), "end": Parameter(_moment),
               "limit": Parameter(query.whole, since=_PAGED), "marker": Parameter(since=_PAGED)}
_OF_ALL = _PARAMETERS | {"detailed": Parameter()}
_SERVER = {"instance_id": str, "name": str, "tenant_id": str, "hours": float, "flavor": str, "memory_mb": int,
           "vcpus": int, "local_gb": int, "state": str | None, "started_at": str, "ended_at": str | None, "uptime": int}
_SUMS = {"tenant_id": str, "start": str, "stop": str, "total_hours": float, "total_memory_mb_usage": float,
         "total_vcpus_usage": float, "total_local_gb_usage": float, "server_usages": optional([_SERVER])}


class _Usage:
    """The servers of a span of time, or a page of them."""

    def __init__(self, request: Request, values: dict[str, Any], project_id: str | None, path: str):
        api = request.api
        self.begin, self.end = values.get("start", api.clock.now()), values.get("end", api.clock.now())
        if self.begin >= self.end and ("start" in values or "end" in values):
            raise exceptions.Invalid("Invalid start time. The start time cannot occur after the end time.")
        self._now = api.clock.now()
        limit = query.page_size(request, values.get("limit")) if request.version >= _PAGED else None
        self._rows: Sequence[Any] = api.db.read(usage.active_by_window, self.begin, self.end, project_id, limit,
                                                values.get("marker"))
        self._flavors = api.flavors.get(row.instance_type_id for row in self._rows)
        self.links = query.next_link(request, path, self._rows[-1].uuid) if self._rows and len(
            self._rows) == limit else None

    def _server(self, row: Any) -> dict[str, Any]:
        """What one server has used."""
        ended = row.terminated_at
        hours = (min(ended or self.end, self.end) - max(row.launched_at, self.begin)).total_seconds() / 3600
        return {
            "instance_id": row.uuid, "name": row.display_name, "tenant_id": row.project_id, "hours": hours,
            "flavor": self._flavors[row.instance_type_id].name, "memory_mb": row.memory_mb, "vcpus": row.vcpus,
            "local_gb": row.root_gb + row.ephemeral_gb, "state": "terminated" if ended else row.vm_state,
            "started_at": row.launched_at.isoformat(), "ended_at": ended.isoformat() if ended else None,
            "uptime": int(((ended or self._now) - row.launched_at).total_seconds())}

    def projects(self, detailed: bool) -> list[dict[str, Any]]:
        """The sums of each project."""
        found: dict[str, dict[str, Any]] = {}
        for row in self._rows:
            server = self._server(row)
            sums = found.setdefault(row.project_id, {
                "tenant_id": row.project_id, "start": self.begin.isoformat(), "stop": self.end.isoformat(),
                "total_hours": 0.0, "total_memory_mb_usage": 0.0, "total_vcpus_usage": 0.0, "total_local_gb_usage": 0.0}
                | ({"server_usages": []} if detailed else {}))
            sums["total_hours"] += server["hours"]
            for name in ("memory_mb", "vcpus", "local_gb"):
                sums[f"total_{name}_usage"] += server[name] * server["hours"]
            if detailed:
                sums["server_usages"].append(server)
        return list(found.values())


@answers({"tenant_usages": [_SUMS], "tenant_usages_links": optional(LINKS)}, query=_OF_ALL, strict=75)
def index(api: Api, request: Request) -> Any:
    request.authorize("os-simple-tenant-usage:list")
    values = query.read(request, _OF_ALL, strict_since=75)
    used = _Usage(request, values, None, "/os-simple-tenant-usage")
    projects = used.projects(values.get("detailed") == "1")
    return {"tenant_usages": projects} | ({"tenant_usages_links": used.links} if used.links else {})


@answers({"tenant_usage": (_SUMS, {}), "tenant_usage_links": optional(LINKS)}, query=_PARAMETERS, strict=75)
def show(api: Api, request: Request, project_id: str) -> Any:
    api.policy.authorize(request.context, "os-simple-tenant-usage:show", {"project_id": project_id})
    values = query.read(request, _PARAMETERS, strict_since=75)
    used = _Usage(request, values, project_id, f"/os-simple-tenant-usage/{project_id}")
    projects = used.projects(True)
    shown = {"tenant_usage": projects[0] if projects else {}}
    return shown | ({"tenant_usage_links": used.links} if used.links else {})
