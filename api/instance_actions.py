"""What was done to a server, request by request, and hop by hop within one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import guards, query
from novasim.api.answers import LINKS, answers, optional
from novasim.api.query import Parameter
from novasim.api.views import instance_actions as views
from novasim.api.wsgi import Request
from novasim.db import actions

if TYPE_CHECKING:
    from novasim.api.app import Api

_PARAMETERS = {"limit": Parameter(query.whole, 58), "marker": Parameter(since=58),
               "changes-since": Parameter(query.moment, 58), "changes-before": Parameter(query.moment, 66)}


@answers({"instanceActions": [views.ACTION], "links": optional(LINKS)}, query=_PARAMETERS, strict=58)
def index(api: Api, request: Request, server_id: str) -> Any:
    instance = guards.find(request, server_id, read_deleted=request.version >= 21, complete=False)
    request.authorize("os-instance-actions:list", instance)
    values = query.read(request, _PARAMETERS, strict_since=58)
    query.check_changes(values)
    limit = query.page_size(request, values.get("limit")) if request.version >= 58 else None
    rows = api.db.read(actions.list_page, instance.uuid, limit, values.get("marker"), values.get("changes-since"),
                       values.get("changes-before"))
    shown = {"instanceActions": [views.action(request, row) for row in rows]}
    if 0 < len(rows) == limit:
        shown["links"] = query.next_link(request, f"/servers/{server_id}/os-instance-actions", rows[-1]["request_id"])
    return shown


@answers({"instanceAction": views.ACTION | {"events": optional([views.EVENT])}})
def show(api: Api, request: Request, server_id: str, request_id: str) -> Any:
    instance = guards.find(request, server_id, read_deleted=request.version >= 21, complete=False)
    request.authorize("os-instance-actions:show", instance)
    row = api.db.read(actions.get, instance.uuid, request_id)
    for_admin = request.may("os-instance-actions:events", instance)
    shown = views.action(request, row)
    if for_admin or request.version >= 51:
        shown["events"] = [views.event(request, event, instance.project_id, for_admin) for event in row["events"]]
    return {"instanceAction": shown}
