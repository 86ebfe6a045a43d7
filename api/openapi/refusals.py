"""How each service tells that it refuses: the shape of an error's body by its status."""

from __future__ import annotations

from novasim.api import wsgi
from novasim.api.answers import Shape
from novasim.api.openapi.operations import IDENTITY, NETWORK

_TITLED = {"error": {"code": int, "title": str, "message": str}}
_NEUTRON = {"NeutronError": {"type": str, "message": str, "detail": str}}


def shape(service: str, status: int) -> Shape:
    """What the body of a refusal looks like. Whoever is not known is told so alike by all."""
    if service == IDENTITY or status == 401:
        return _TITLED
    if service == NETWORK:
        return _NEUTRON
    return {wsgi.FAULT_NAMES.get(status, "computeFault"): {"code": int, "message": str}}
