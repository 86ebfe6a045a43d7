"""Servers: create, list, show, update, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from novasim import exceptions, states
from novasim.api import (
    availability_zones,
    build,
    deferred_delete,
    guards,
    images,
    liveness,
    query,
    schemas,
    server_addresses,
    server_filters,
)
from novasim.api import delete as deletion
from novasim.api.answers import LINKS, answers, optional
from novasim.api.schemas import servers as bodies
from novasim.api.views import servers as views
from novasim.api.wsgi import Request, Response
from novasim.db import actions, flavors, hosts, instance_extra, instance_pages, instances, ports, tags
from novasim.db import groups as db_groups
from novasim.db.engine import Transaction
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api

# Field of a PUT -> column.
_COLUMNS = {"name": "display_name", "description": "display_description", "hostname": "hostname",
            "pinned_availability_zone": "availability_zone"}


@answers(({"server": views.CREATED}, {"reservation_id": str}), 202, errors=(409, 501, 503), takes=bodies.CREATE)
def create(api: Api, request: Request) -> Response:
    body = request.json()
    bodies.CREATE.check(body, request.version)
    request.authorize("servers:create")
    servers, password = build.build(request, body)
    if schemas.true(body["server"].get("return_reservation_id", False)):
        return Response(202, {"reservation_id": servers[0].reservation_id})
    location = f"{request.prefix}/servers/{servers[0].uuid}"
    return Response(202, {"server": views.created(
        request, servers[0], password, server_addresses.asked_groups(body["server"]))}, {"Location": location})


@answers({"servers": [views.BRIEF], "servers_links": optional(LINKS)}, query=server_filters.PARAMETERS, strict=75)
def index(api: Api, request: Request) -> Any:
    request.authorize("servers:index")
    page, more = _page(request, "/servers", with_metadata=False)
    return {"servers": [views.brief(request, server) for server in page]} | more


@answers({"servers": [views.shape(views.DETAIL)], "servers_links": optional(LINKS)},
         query=server_filters.PARAMETERS, strict=75)
def detail(api: Api, request: Request) -> Any:
    request.authorize("servers:detail")
    page, more = _page(request, "/servers/detail", with_metadata=True)
    return {"servers": shown(request, page, views.DETAIL)} | more


def _page(request: Request, path: str, with_metadata: bool) -> tuple[list[Instance], dict[str, Any]]:
    wanted = server_filters.read(request)
    if wanted.filters is None:
        return [], {}
    limit = query.page_size(request, wanted.limit)
    page = request.api.db.read(instance_pages.list_page, wanted.filters, limit, wanted.marker, wanted.sort,
                               with_metadata)
    full = 0 < len(page) == limit
    return page, {"servers_links": query.next_link(request, path, page[-1].uuid)} if full else {}


@answers({"server": views.shape(views.SHOW)})
def show(api: Api, request: Request, server_id: str) -> Any:
    def look(tx: Transaction) -> Any:
        instance, zone, addressed = instance_pages.show(
            tx, server_id, request.context.viewer, api.conf.network.enabled)
        request.authorize("servers:show", instance)
        zones = {instance.uuid: availability_zones.of_server(api, instance, zone)}
        return _shown(request, [instance], views.SHOW, tx, zones, {instance.uuid: addressed})[0]

    return {"server": api.db.read(look)}


@answers({"server": views.shape(views.UPDATE)}, errors=(409,), takes=bodies.UPDATE)
def update(api: Api, request: Request, server_id: str) -> Any:
    body = request.json()
    bodies.UPDATE.check(body, request.version)
    instance = guards.find(request, server_id)
    request.authorize("servers:update", instance)
    fields = body["server"]
    values = {column: fields[name] for name, column in _COLUMNS.items() if name in fields}
    values |= server_addresses.access(fields)
    if "OS-DCF:diskConfig" in fields:
        values["auto_disk_config"] = fields["OS-DCF:diskConfig"] == "AUTO"
    zone = fields.get("pinned_availability_zone")
    if zone and not availability_zones.exists(api, zone):
        raise exceptions.AvailabilityZoneUnknown()

    def transaction(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, **values)
        now = guards.reread(tx, instance)
        if zone:
            availability_zones.check_pin(api, tx, now)
        return now

    now = api.db.write(transaction)
    request.note("updated", now)
    return {"server": shown(request, [now], views.UPDATE)[0]}


@answers(None, 204, errors=(409, 503))
def delete(api: Api, request: Request, server_id: str) -> Response:
    instance = guards.find(request, server_id)
    request.authorize("servers:delete", instance)
    (deferred_delete.soft_delete if api.conf.reclaim_instance_interval else deletion.delete)(request, instance)
    return Response(204)


def shown(request: Request, page: Sequence[Instance], view: str) -> list[dict[str, Any]]:
    """Servers as they are told, with what else their view needs: one statement a kind of fact for the whole page."""
    return request.api.db.read(lambda tx: _shown(
        request, page, view, tx, availability_zones.of_servers(request.api, tx, page)))


def _shown(request: Request, page: Sequence[Instance], view: str, tx: Transaction, zones: Mapping[str, str],
           addressed: Mapping[str, Sequence[ports.Addressed]] | None = None) -> list[dict[str, Any]]:
    """The same with what of it was read already."""
    api = request.api
    # What a user may see does not depend on whose server it is: this rule is for admins.
    is_admin = request.may("os-extended-server-attributes")
    known = api.flavors.get((server.instance_type_id for server in page), tx)
    specs = (flavors.extra_specs(tx, sorted({server.instance_type_id for server in page}))
             if request.version >= 47 else {})
    status = {server.uuid: states.status_of(server.vm_state, server.task_state, bool(server.deleted))
              for server in page}
    failed = [uuid for uuid, name in status.items() if name in ("ERROR", "DELETED")]
    faults = actions.latest_faults(tx, failed) if failed else {}
    placed = sorted({server.host for server in page if server.host})
    told = placed if request.version >= 16 and request.may("servers:show:host_status") else []
    services = hosts.services_on(tx, told) if told else {}
    networking = server_addresses.of_page(api, tx, status, addressed)
    groups = db_groups.uuids_of(tx, status) if request.version >= 71 and view != views.DETAIL else {}
    labels = tags.of_servers(tx, status) if request.version >= 26 else {}
    properties = images.properties_of(tx, status) if request.version >= 98 else {}
    extras = instance_extra.of_servers(tx, list(status)) if request.version >= 63 else {}
    return [views.server(views.Facts(
        request, server, status[server.uuid], known[server.instance_type_id],
        specs.get(server.instance_type_id, {}), zones[server.uuid], groups.get(server.uuid, []),
        liveness.host_status(api, services.get(server.host or "")), faults.get(server.uuid), is_admin,
        *networking[server.uuid], properties.get(server.uuid, {}),
        extras.get(server.uuid, instance_extra.Extra()), labels.get(server.uuid, [])), view)
        for server in page]
