"""Services: who is alive, and which compute agents may be given new servers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from novasim import exceptions, states
from novasim.api import query, schemas
from novasim.api.answers import answers, optional, since
from novasim.api.query import Parameter
from novasim.api.schemas import services as bodies
from novasim.api.views import services as views
from novasim.api.wsgi import HttpError, Request, Response
from novasim.db import aggregates, hosts, instance_pages, migrations
from novasim.db.engine import Transaction
from novasim.objects import Service

if TYPE_CHECKING:
    from novasim.api.app import Api

_PARAMETERS = {"host": Parameter(), "binary": Parameter()}
_NAMED = {"service": {"host": str, "binary": str, "forced_down": optional(since(11, bool)), "status": optional(str),
                      "disabled_reason": optional(str)}}
# Sub-action below 2.53 -> the columns that it changes, from its body.
_CHANGES = {
    "enable": lambda body: {"disabled": False, "disabled_reason": None},
    "disable": lambda body: {"disabled": True, "disabled_reason": None},
    "disable-log-reason": lambda body: {"disabled": True, "disabled_reason": body["disabled_reason"]},
    "force-down": lambda body: {"forced_down": schemas.true(body["forced_down"])},
}


@answers({"services": [views.SERVICE]}, query=_PARAMETERS, strict=75)
def index(api: Api, request: Request) -> Any:
    request.authorize("os-services:list")
    values = query.read(request, _PARAMETERS, strict_since=75)
    zones = api.db.read(aggregates.zones)
    return {"services": [views.service(request, row, zones) for row in api.db.read(hosts.services, **values)]}


@answers(_NAMED, takes=bodies.BY_NAME.values())
def update_by_name(api: Api, request: Request, service_id: str) -> Any:
    """Below 2.53: the URL names what to do, the body names the service."""
    change = _CHANGES.get(service_id)
    if change is None or (service_id == "force-down" and request.version < 11):
        raise HttpError(404, "Unknown action")
    body = request.json()
    bodies.BY_NAME[service_id].check(body)
    request.authorize("os-services:update")
    found = api.db.read(hosts.services, body["host"], body["binary"])
    if not found:
        raise exceptions.HostBinaryNotFound(binary=body["binary"], host=body["host"])
    _check_changeable(found[0])
    values = change(body)
    api.db.write(_change, found[0], values)
    shown = {"host": body["host"], "binary": body["binary"]}
    if "forced_down" in values:
        return {"service": shown | {"forced_down": values["forced_down"]}}
    shown["status"] = "disabled" if values["disabled"] else "enabled"
    return {"service": shown | ({"disabled_reason": body["disabled_reason"]} if values["disabled_reason"] else {})}


def _check_changeable(service: Service) -> None:
    if service.binary != hosts.COMPUTE:
        raise exceptions.Invalid(f"Updating a {service.binary} service is not supported. Only nova-compute services "
                                 "can be updated.")


def _change(tx: Transaction, service: Service, values: dict[str, Any]) -> None:
    """
    :raises Invalid: for a host to be let up that has guests of servers which live elsewhere by now (spec 3.9)
    """
    if values.get("forced_down") is False and migrations.evacuated_from(tx, [service.host]):
        raise exceptions.Invalid(f"Service of host {service.host} cannot be forced up: servers were evacuated from it. "
                                 "Restart the service first, which removes what is left of them.")
    hosts.update_service(tx, service.id, **values)


@answers({"service": views.SERVICE}, takes=bodies.UPDATE)
def update(api: Api, request: Request, service_id: str) -> Any:
    """From 2.53 on: the URL names the service, the body what to change."""
    body = request.json()
    bodies.UPDATE.check(body)
    request.authorize("os-services:update")
    service = _by_uuid(request, service_id)
    _check_changeable(service)
    values: dict[str, Any] = {}
    if "status" in body:
        values = {"disabled": body["status"] == "disabled", "disabled_reason": body.get("disabled_reason")}
    if "disabled_reason" in body and not values.get("disabled"):
        raise exceptions.Invalid("Specifying disabled_reason requires that status is \"disabled\".")
    if "forced_down" in body:
        values["forced_down"] = schemas.true(body["forced_down"])
    if not values:
        raise exceptions.Invalid("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
    api.db.write(_change, service, values)
    zones = api.db.read(aggregates.zones, [service.host])
    return {"service": views.service(request, api.db.read(hosts.service, service.uuid), zones)}


def _by_uuid(request: Request, service_id: str) -> Service:
    try:
        return request.api.db.read(hosts.service, str(uuid.UUID(service_id)))
    except ValueError as error:
        raise exceptions.Invalid(f"Invalid uuid {service_id}") from error


@answers(None, 204, errors=(409,))
def delete(api: Api, request: Request, service_id: str) -> Response:
    request.authorize("os-services:delete")
    if request.version >= 53:
        service = _by_uuid(request, service_id)
    elif query.is_whole(service_id):
        service = api.db.read(hosts.service, int(service_id))
    else:
        raise exceptions.Invalid(f"Invalid service id {service_id}")

    def transaction(tx: Transaction) -> None:
        # First, so that whoever claims room there either is seen below, or finds no host any more.
        hosts.delete_service(tx, service.id)
        if service.binary == hosts.COMPUTE:
            if instance_pages.count(tx, {"host": service.host}):
                raise exceptions.ServiceInUse(host=service.host, reason="it is hosting instances")
            if any(move.status in states.IN_PROGRESS for move in migrations.in_progress_on(tx, [service.host])):
                raise exceptions.ServiceInUse(host=service.host, reason="it is part of a migration in progress")
            aggregates.forget_hosts(tx, [service.host])

    api.db.write(transaction)
    return Response(204)
