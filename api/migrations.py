"""Migrations of all servers, for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import query
from novasim.api.answers import LINKS, answers, optional
from novasim.api.query import Parameter
from novasim.api.views import migrations as views
from novasim.api.wsgi import Request
from novasim.db import migrations

if TYPE_CHECKING:
    from novasim.api.app import Api

_PARAMETERS = {
    "status": Parameter(), "host": Parameter(), "source_compute": Parameter(), "instance_uuid": Parameter(),
    "migration_type": Parameter(), "hidden": Parameter(), "limit": Parameter(query.whole, 59),
    "marker": Parameter(since=59), "changes-since": Parameter(query.moment, 59),
    "changes-before": Parameter(query.moment, 66), "user_id": Parameter(since=80), "project_id": Parameter(since=80),
}


@answers({"migrations": [views.MIGRATION], "migrations_links": optional(LINKS)}, query=_PARAMETERS, strict=59)
def index(api: Api, request: Request) -> Any:
    request.authorize("os-migrations:index")
    values = query.read(request, _PARAMETERS, strict_since=59)
    query.check_changes(values)
    filters = {name.replace("-", "_"): value for name, value in values.items()}
    paged = request.version >= 59
    limit = query.page_size(request, values.get("limit")) if paged else None
    page = api.db.read(migrations.list_page, filters, limit, values.get("marker"), newest_first=paged)
    shown = {"migrations": [views.migration(request, move) for move in page]}
    if 0 < len(page) == limit:
        shown["migrations_links"] = query.next_link(request, "/os-migrations", page[-1].uuid)
    return shown
