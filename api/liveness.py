"""Whether a service is alive: its last heartbeat is young enough and nobody forced it down (spec 8.11)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from novasim import config
from novasim.objects import Service

if TYPE_CHECKING:
    from novasim.api.app import Api


def alive_since(api: Api) -> datetime:
    """The oldest heartbeat that still counts."""
    return api.clock.now() - timedelta(seconds=config.down_after(api.conf))


def is_up(api: Api, service: Service) -> bool:
    """Whether a service lives."""
    return (not service.forced_down and service.last_seen_up is not None
            and service.last_seen_up >= alive_since(api))


def host_status(api: Api, service: Service | None) -> str:
    """What ``host_status`` of a server on a service's host says; "" before it has one."""
    if service is None:
        return ""
    if service.forced_down:
        return "DOWN"
    if not is_up(api, service):
        return "UNKNOWN"
    return "MAINTENANCE" if service.disabled else "UP"
