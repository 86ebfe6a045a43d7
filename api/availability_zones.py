"""Availability zones: names for users, hosts and services for administrators.

A zone is what the aggregates of a host say, and is read with what is shown of it: nothing is remembered (12.3 #44).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import liveness
from novasim.api.answers import answers
from novasim.api.views import times
from novasim.api.wsgi import Request
from novasim.db import aggregates, hosts
from novasim.db.engine import Transaction
from novasim.objects import Instance, Service

if TYPE_CHECKING:
    from novasim.api.app import Api
_ZONE = {"zoneName": str, "zoneState": {"available": bool}}
_SERVICE = {"active": bool, "available": bool, "updated_at": str | None}


def of_service(api: Api, service: Service, zones: Mapping[str, str]) -> str:
    """The zone that a service is shown in.

    :param zones: of the hosts that have one of their own
    """
    if service.binary != hosts.COMPUTE:
        return str(api.conf.internal_service_availability_zone)
    return zones.get(service.host, api.conf.default_availability_zone)


def of_servers(api: Api, tx: Transaction, servers: Sequence[Instance]) -> dict[str, str]:
    """The zones of servers, by uuid."""
    zones = aggregates.zones(tx, {server.host for server in servers if server.host})
    return {server.uuid: of_server(api, server, zones.get(server.host or "")) for server in servers}


def of_server(api: Api, server: Instance, zone: str | None) -> str:
    """The zone of a server: that of its host, or what was asked for where there is no host yet.

    :param zone: of the host; None: the default one
    """
    return (zone or str(api.conf.default_availability_zone)) if server.host else server.availability_zone or ""


def exists(api: Api, zone: str) -> bool:
    """Whether a server may ask for this zone."""
    return zone == api.conf.default_availability_zone or api.db.read(aggregates.has_hosts, zone)


def check_pin(api: Api, tx: Transaction, instance: Instance) -> None:
    """See that a server is in the zone that it is pinned to, if it is on a host.

    :raises Conflict: 409, when it is in another
    """
    zone, present = instance.availability_zone, of_servers(api, tx, [instance])[instance.uuid]
    if zone not in (None, present):
        raise exceptions.Conflict(f"Instance {instance.uuid} is in availability zone {present} and cannot be pinned to "
                                  f"{zone}.")


def _by_zone(api: Api) -> dict[str, list[Service]]:
    def read(tx: Transaction) -> tuple[list[Service], dict[str, str]]:
        return hosts.services(tx), aggregates.zones(tx)

    services, zones = api.db.read(read)
    found: dict[str, list[Service]] = {}
    for service in services:
        found.setdefault(of_service(api, service, zones), []).append(service)
    return found


def _available(services: list[Service]) -> bool:
    return any(not service.disabled for service in services)


@answers({"availabilityZoneInfo": [_ZONE | {"hosts": None}]})
def index(api: Api, request: Request) -> Any:
    request.authorize("os-availability-zone:list")
    internal = api.conf.internal_service_availability_zone
    return {"availabilityZoneInfo": [
        {"zoneName": zone, "zoneState": {"available": _available(services)}, "hosts": None}
        for zone, services in sorted(_by_zone(api).items()) if zone != internal]}


@answers({"availabilityZoneInfo": [_ZONE | {"hosts": {...: {...: _SERVICE}}}]})
def detail(api: Api, request: Request) -> Any:
    request.authorize("os-availability-zone:detail")
    shown = []
    for zone, services in sorted(_by_zone(api).items()):
        by_host: dict[str, dict[str, Any]] = {}
        for service in services:
            by_host.setdefault(service.host, {})[service.binary] = {
                "active": not service.disabled, "available": liveness.is_up(api, service),
                "updated_at": times.microseconds(service.last_seen_up)}
        shown.append({"zoneName": zone, "zoneState": {"available": _available(services)}, "hosts": by_host})
    return {"availabilityZoneInfo": shown}
