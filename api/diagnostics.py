"""How a guest is doing, as its hypervisor says it; since 2.48 in words that are the same for all hypervisors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import guards
from novasim.api.answers import answers, since, until
from novasim.api.wsgi import Request

if TYPE_CHECKING:
    from novasim.api.app import Api
_DISK = dict.fromkeys(("errors_count", "read_bytes", "read_requests", "write_bytes", "write_requests"), int | None)
_NIC = {"mac_address": str} | {f"{way}_{what}": int | None for way in ("rx", "tx")
                               for what in ("drop", "errors", "octets", "packets", "rate")}
_DIAGNOSTICS = {
    "config_drive": bool, "driver": str, "hypervisor": str | None, "hypervisor_os": str | None, "state": str,
    "uptime": int | None, "num_cpus": int, "num_disks": int, "num_nics": int,
    "cpu_details": [{"id": int, "time": int | None, "utilisation": int | None}], "disk_details": [_DISK],
    "memory_details": {"maximum": int, "used": int | None}, "nic_details": [_NIC]}


@answers((until(47, {...: Any}), since(48, _DIAGNOSTICS)), errors=(409, 501, 503))
def index(api: Api, request: Request, server_id: str) -> Any:
    instance = guards.find(request, server_id, with_metadata=False)
    request.authorize("os-server-diagnostics", instance)
    method = api.compute.get_diagnostics if request.version < 48 else api.compute.get_instance_diagnostics
    return guards.ask(request, instance, method)
