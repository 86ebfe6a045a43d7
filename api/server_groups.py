"""Server groups: servers that are to share a host, or are not to (spec 3.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import answers
from novasim.api.query import Parameter
from novasim.api.schemas import server_groups as bodies
from novasim.api.views import server_groups as views
from novasim.api.wsgi import Request, Response
from novasim.db import groups
from novasim.objects import ANTI_AFFINITY, InstanceGroup

if TYPE_CHECKING:
    from novasim.api.app import Api

_PARAMETERS = {"limit": Parameter(query.whole), "offset": Parameter(query.whole), "all_projects": Parameter()}


@answers({"server_groups": [views.GROUP]}, query=_PARAMETERS, strict=75)
def index(api: Api, request: Request) -> Any:
    request.authorize("os-server-groups:index")
    values = query.read(request, _PARAMETERS, strict_since=75)
    project_id = request.context.project_id
    # Whoever may not see all of them gets his own.
    if "all_projects" in values and request.may("os-server-groups:index:all_projects"):
        project_id = None
    limit = query.page_size(request, values.get("limit"))
    page = api.db.read(groups.list_page, project_id, limit, values.get("offset", 0))
    return {"server_groups": [views.group(request, row) for row in page]}


@answers({"server_group": views.GROUP}, takes=bodies.CREATE)
def create(api: Api, request: Request) -> Any:
    body = request.json()
    bodies.CREATE.check(body, request.version)
    request.authorize("os-server-groups:create")
    fields = body["server_group"]
    policy = fields["policy"] if request.version >= 64 else fields["policies"][0]
    rules = fields.get("rules") or {}
    if rules and policy != ANTI_AFFINITY:
        raise exceptions.Invalid("Only anti-affinity policy supports rules.")
    most = rules.get("max_server_per_host")
    group = InstanceGroup(uuid="", name=fields["name"], policy=policy, project_id=request.context.project_id,
                          user_id=request.context.user_id, max_server_per_host=None if most is None else int(most))
    return {"server_group": views.group(request, api.db.write(groups.create, group, api.quota_defaults))}


def _find(request: Request, server_group_id: str, rule: str) -> InstanceGroup:
    context = request.context
    group = request.api.db.read(groups.get, server_group_id, context.viewer)
    request.api.policy.authorize(context, rule, {"project_id": group.project_id, "user_id": group.user_id})
    return group


@answers({"server_group": views.GROUP})
def show(api: Api, request: Request, server_group_id: str) -> Any:
    return {"server_group": views.group(request, _find(request, server_group_id, "os-server-groups:show"))}


@answers(None, 204)
def delete(api: Api, request: Request, server_group_id: str) -> Response:
    api.db.write(groups.delete, _find(request, server_group_id, "os-server-groups:delete").uuid)
    return Response(204)
