"""Availability zones: names for users, hosts and services for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import liveness
from novasim.api.views import times
from novasim.api.wsgi import Request
from novasim.db import hosts
from novasim.objects import Service

if TYPE_CHECKING:
    from novasim.api.app import Api


def _by_zone(api: Api) -> dict[str, list[Service]]:
    zones: dict[str, list[Service]] = {}
    for service in api.db.read(hosts.services):
        zones.setdefault(api.zones.of_service(service.host, service.binary), []).append(service)
    return zones


def _available(services: list[Service]) -> bool:
    return any(not service.disabled for service in services)


def index(api: Api, request: Request) -> Any:
    request.authorize("os-availability-zone:list")
    internal = api.conf.internal_service_availability_zone
    return {"availabilityZoneInfo": [
        {"zoneName": zone, "zoneState": {"available": _available(services)}, "hosts": None}
        for zone, services in sorted(_by_zone(api).items()) if zone != internal]}


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
