"""Hosts as they were looked at before hypervisors and services were (gone in 2.43)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import availability_zones, query
from novasim.api.answers import answers, refused
from novasim.api.query import Parameter
from novasim.api.schemas import hosts as bodies
from novasim.api.wsgi import HttpError, Request
from novasim.db import aggregates, hosts, instance_pages
from novasim.db.engine import Transaction
from novasim.objects import ComputeNode, Service

if TYPE_CHECKING:
    from novasim.api.app import Api
_PARAMETERS = {"zone": Parameter()}
_SUMS = ("cpu", "memory_mb", "disk_gb")


@answers({"hosts": [{"host_name": str, "service": str, "zone": str}]}, query=_PARAMETERS)
def index(api: Api, request: Request) -> Any:
    """Services that are enabled, by host; of a zone, where one is named."""
    request.authorize("os-hosts:list")
    zone = query.read(request, _PARAMETERS).get("zone")

    def read(tx: Transaction) -> tuple[list[Service], dict[str, str]]:
        return hosts.services(tx), aggregates.zones(tx)

    services, zones = api.db.read(read)
    shown = [{"host_name": service.host, "service": service.topic,
              "zone": availability_zones.of_service(api, service, zones)}
             for service in services if not service.disabled]
    return {"hosts": [row for row in shown if not zone or row["zone"] == zone]}


@answers({"host": [{"resource": {"host": str, "project": str} | dict.fromkeys(_SUMS, int)}]})
def show(api: Api, request: Request, host_name: str) -> Any:
    """What a host has, what is used of it, and by which project."""
    request.authorize("os-hosts:show")

    def read(tx: Transaction) -> tuple[list[ComputeNode], dict[str, dict[str, int]]]:
        return hosts.nodes(tx, host_name), instance_pages.sums_by_project(tx, host_name)

    nodes, projects = api.db.read(read)
    if not nodes:
        raise exceptions.ComputeHostNotFound(host=host_name)
    [node] = nodes
    most = {name: sum(row[name] for row in projects.values()) for name in _SUMS}
    rows = {
        "(total)": {"cpu": node.vcpus, "memory_mb": node.memory_mb, "disk_gb": node.local_gb},
        "(used_now)": {"cpu": node.vcpus_used, "memory_mb": node.memory_mb_used, "disk_gb": node.local_gb_used},
        "(used_max)": most} | projects
    return {"host": [{"resource": {"host": host_name, "project": project, **row}} for project, row in rows.items()]}


@answers({"host": str, "status": str}, errors=(501,), takes=bodies.UPDATE)
def update(api: Api, request: Request, host_name: str) -> Any:
    """Let new servers on a host, or keep them off it."""
    body = request.json()
    bodies.UPDATE.check(body)
    request.authorize("os-hosts:update")
    service = _compute(request, host_name)
    if "maintenance_mode" in body:
        raise HttpError(501, "Virt driver does not implement host maintenance mode.")
    disabled = body["status"].lower() == "disable"
    api.db.write(hosts.update_service, service.id, disabled=disabled)
    return {"host": host_name, "status": "disabled" if disabled else "enabled"}


def _power(rule: str) -> Any:
    @refused(501, about="Turn a host on or off")
    def refuse(_api: Api, request: Request, host_name: str) -> Any:
        request.authorize(rule)
        _compute(request, host_name)
        raise HttpError(501, "Virt driver does not implement host power management.")
    return refuse


startup, shutdown, reboot = _power("os-hosts:start"), _power("os-hosts:shutdown"), _power("os-hosts:reboot")


def _compute(request: Request, host_name: str) -> Service:
    """
    :raises ComputeHostNotFound: when no agent speaks for this host
    """
    found = request.api.db.read(hosts.services, host_name, hosts.COMPUTE)
    if not found:
        raise exceptions.ComputeHostNotFound(host=host_name)
    return found[0]
