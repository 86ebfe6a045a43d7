"""Hypervisors: capacity and use of each host."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import LINKS, answers, optional
from novasim.api.query import Parameter
from novasim.api.views import hypervisors as views
from novasim.api.wsgi import Request
from novasim.db import hosts, instance_pages
from novasim.db.engine import Transaction
from novasim.objects import ComputeNode, Instance

if TYPE_CHECKING:
    from novasim.api.app import Api

_PARAMETERS = {"limit": Parameter(query.whole, 33), "marker": Parameter(since=33),
               "hypervisor_hostname_pattern": Parameter(since=53), "with_servers": Parameter(query.boolean, 53)}
View = Callable[..., dict[str, Any]]


def _marker(request: Request, text: str) -> int | str:
    """The marker of a page: a uuid from 2.53 on, a number before."""
    if request.version >= 53 or not query.is_whole(text):
        return text
    return int(text)


def _servers(request: Request, nodes: Sequence[ComputeNode]) -> dict[str, list[Instance]]:
    """The servers of each of these hypervisors."""
    found: dict[str, list[Instance]] = {node.host: [] for node in nodes}
    for server in request.api.db.read(instance_pages.on_hosts, list(found)):
        found[server.host or ""].append(server)
    return found


def _shown(request: Request, nodes: Sequence[ComputeNode], view: View,
           servers: Mapping[str, list[Instance]] | None = None) -> list[dict[str, Any]]:
    services = request.api.db.read(hosts.services_on, [node.host for node in nodes])
    if view is views.full and request.version < 88:
        nodes = request.api.db.read(_counted, nodes)
    return [view(request, node, services.get(node.host), None if servers is None else servers[node.host])
            for node in nodes]


def _counted(tx: Transaction, nodes: Sequence[ComputeNode]) -> list[ComputeNode]:
    """What runs on them now: their rows say what did when a host last took stock."""
    found = {host: workload for part in hosts.chunks([node.host for node in nodes])
             for host, workload in instance_pages.workloads(tx, part).items()}
    return [msgspec.structs.replace(node, **_as_shown(found.get(node.host, instance_pages.Workload())))
            for node in nodes]


def _as_shown(workload: instance_pages.Workload) -> dict[str, int]:
    return {"running_vms": workload.servers, "current_workload": workload.busy}


def _list(request: Request, path: str, view: View) -> Any:
    request.authorize("os-hypervisors:list")
    values = query.read(request, _PARAMETERS, strict_since=53)
    pattern, marker = values.get("hypervisor_hostname_pattern"), values.get("marker")
    if pattern and ("limit" in values or marker):
        raise exceptions.Invalid("Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not "
                                 "supported.")
    limit = query.page_size(request, values.get("limit")) if request.version >= 33 and not pattern else None
    try:
        nodes = request.api.db.read(hosts.nodes, None, pattern, limit, _marker(request, marker) if marker else None)
    except exceptions.HypervisorNotFound as error:
        raise exceptions.Invalid(f"marker [{marker}] not found") from error
    if pattern and not nodes:
        raise exceptions.NotFound(f"No hypervisor matching '{pattern}' could be found.")
    servers = _servers(request, nodes) if values.get("with_servers") else None
    shown: dict[str, Any] = {"hypervisors": _shown(request, nodes, view, servers)}
    if 0 < len(nodes) == limit:
        last = nodes[-1].uuid if request.version >= 53 else nodes[-1].id
        shown["hypervisors_links"] = query.next_link(request, path, last)
    return shown


@answers({"hypervisors": [views.BRIEF], "hypervisors_links": optional(LINKS)}, query=_PARAMETERS, strict=53)
def index(api: Api, request: Request) -> Any:
    return _list(request, "/os-hypervisors", views.brief)


@answers({"hypervisors": [views.FULL], "hypervisors_links": optional(LINKS)}, query=_PARAMETERS, strict=53)
def detail(api: Api, request: Request) -> Any:
    return _list(request, "/os-hypervisors/detail", views.full)


def _find(request: Request, hypervisor_id: str) -> ComputeNode:
    """A hypervisor by its uuid from 2.53 on, by its number before."""
    if request.version >= 53:
        try:
            return request.api.db.read(hosts.node, str(uuid.UUID(hypervisor_id)))
        except ValueError as error:
            raise exceptions.Invalid(f"Invalid uuid {hypervisor_id}") from error
    if not query.is_whole(hypervisor_id):
        raise exceptions.HypervisorNotFound(hypervisor_id=hypervisor_id)
    return request.api.db.read(hosts.node, int(hypervisor_id))


@answers({"hypervisor": views.FULL}, query={"with_servers": _PARAMETERS["with_servers"]}, strict=53)
def show(api: Api, request: Request, hypervisor_id: str) -> Any:
    request.authorize("os-hypervisors:show")
    values = query.read(request, {"with_servers": _PARAMETERS["with_servers"]}, strict_since=53)
    node = _find(request, hypervisor_id)
    servers = _servers(request, [node]) if values.get("with_servers") else None
    return {"hypervisor": _shown(request, [node], views.full, servers)[0]}


@answers({"hypervisor": {...: Any}}, errors=(501,))
def uptime(api: Api, request: Request, hypervisor_id: str) -> Any:
    """How long a simulated machine is there already. Guests that are simulated load it with nothing."""
    request.authorize("os-hypervisors:show")
    node = _find(request, hypervisor_id)
    [shown] = _shown(request, [node], views.brief)
    if shown["state"] == "down":
        raise exceptions.Invalid(f"Compute service of {node.host} is unavailable at this time.")
    return {"hypervisor": shown | {"uptime": views.uptime(api.clock.now(), node.created_at or api.clock.now())}}


def _search(request: Request, pattern: str) -> list[ComputeNode]:
    request.authorize("os-hypervisors:list")
    nodes = request.api.db.read(hosts.nodes, None, pattern)
    if not nodes:
        raise exceptions.NotFound(f"No hypervisor matching '{pattern}' could be found.")
    return nodes


@answers({"hypervisors": [views.BRIEF]})
def search(api: Api, request: Request, hypervisor_id: str) -> Any:
    return {"hypervisors": _shown(request, _search(request, hypervisor_id), views.brief)}


@answers({"hypervisors": [views.BRIEF]})
def servers(api: Api, request: Request, hypervisor_id: str) -> Any:
    nodes = _search(request, hypervisor_id)
    return {"hypervisors": _shown(request, nodes, views.brief, _servers(request, nodes))}


@answers({"hypervisor_statistics": {...: int}})
def statistics(api: Api, request: Request) -> Any:
    request.authorize("os-hypervisors:statistics")
    return {"hypervisor_statistics": api.db.read(
        lambda tx: hosts.statistics(tx) | _as_shown(instance_pages.workload(tx)))}
