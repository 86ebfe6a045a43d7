"""How a hypervisor is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from novasim.api import liveness
from novasim.api.answers import between, optional, since, until
from novasim.api.views import services
from novasim.api.wsgi import Request
from novasim.objects import ComputeNode, Instance, Service

_ALWAYS = ("host_ip", "hypervisor_type", "hypervisor_version")
# Gone in 2.88.
_USAGE = ("vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used", "free_ram_mb",
          "free_disk_gb", "current_workload", "running_vms", "disk_available_least")
_ID = (until(52, int), since(53, str))
BRIEF = {"id": _ID, "hypervisor_hostname": str, "state": str, "status": str,
         "servers": optional([{"uuid": str, "name": str}])}
FULL = BRIEF | {
    "host_ip": str | None, "hypervisor_type": str, "hypervisor_version": int,
    "service": optional({"id": _ID, "host": str, "disabled_reason": str | None}), "uptime": since(88, None),
    "cpu_info": (until(27, str | None), between(28, 87, {...: Any}))} | {name: until(87, int | None) for name in _USAGE}


def brief(request: Request, node: ComputeNode, service: Service | None,
          servers: Sequence[Instance] | None = None) -> dict[str, Any]:
    """One hypervisor of ``GET /os-hypervisors``.

    :param servers: its servers, where asked for; from 2.75 on shown also when there are none
    """
    shown: dict[str, Any] = {
        "id": node.uuid if request.version >= 53 else node.id, "hypervisor_hostname": node.hypervisor_hostname,
        "state": "up" if service is not None and liveness.is_up(request.api, service) else "down",
        "status": "disabled" if service is None else services.status(service)}
    if servers or (servers is not None and request.version >= 75):
        shown["servers"] = [{"uuid": server.uuid, "name": server.display_name or ""} for server in servers]
    return shown


def full(request: Request, node: ComputeNode, service: Service | None,
         servers: Sequence[Instance] | None = None) -> dict[str, Any]:
    """One hypervisor of the other calls."""
    shown = brief(request, node, service, servers) | {name: getattr(node, name) for name in _ALWAYS}
    if service is not None:
        shown["service"] = {"id": service.uuid if request.version >= 53 else service.id, "host": service.host,
                            "disabled_reason": service.disabled_reason}
    if request.version >= 88:
        return shown | {"uptime": None}
    shown["cpu_info"] = node.cpu_info if request.version < 28 else json.loads(node.cpu_info or "{}")
    return shown | {name: getattr(node, name) for name in _USAGE}


def uptime(now: datetime, since: datetime) -> str:
    """As uptime(1) has it."""
    minutes = int((now - since).total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    return (f" {now:%H:%M:%S} up {f'{days} days, ' if days else ''}{hours}:{minutes % 60:02},  0 users,  "
            "load average: 0.00, 0.00, 0.00")
