"""How a guest is doing, as its hypervisor says it; since 2.48 in words that are the same for all hypervisors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import guards
from novasim.api.wsgi import Request

if TYPE_CHECKING:
    from novasim.api.app import Api


def index(api: Api, request: Request, server_id: str) -> Any:
    instance = guards.find(request, server_id, with_metadata=False)
    request.authorize("os-server-diagnostics", instance)
    method = api.compute.get_diagnostics if request.version < 48 else api.compute.get_instance_diagnostics
    return guards.ask(request, instance, method)
