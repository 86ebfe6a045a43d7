"""Consoles to be opened in a browser or a viewer, by the actions of before 2.6 and the resource since then; and what a
proxy of consoles asks to be told of a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import guards
from novasim.api.answers import answers, since
from novasim.api.schemas import remote_consoles as bodies
from novasim.api.wsgi import Request, Response, Unauthorized
from novasim.db import console_auth_tokens
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api

# What there still are of the types of consoles, by protocol.
_TYPES = {"vnc": ("novnc",), "spice": ("spice-html5", "spice-direct"), "rdp": ("rdp-html5",), "serial": ("serial",),
          "mks": ("webmks",)}
# Until then a proxy could ask for tokens of this type only.
_FIRST_TYPE, _ANY_TYPE = "rdp-html5", 31
_CONSOLE = {"instance_uuid": str, "host": str, "port": int, "internal_access_path": None, "tls_port": since(99, None)}


def _open(request: Request, instance: Instance, protocol: str, console_type: str) -> str:
    """The URL of a console.

    :raises Invalid: for a type that there is not, or not in this protocol
    """
    if console_type not in _TYPES[protocol]:
        known = any(console_type in types for types in _TYPES.values())
        raise exceptions.Invalid(f"{'Invalid' if known else 'Unavailable'} console type {console_type}.")
    method = getattr(request.api.compute, f"get_{protocol}_console")
    url: str = guards.ask(request, instance, method, console_type=console_type)["access_url"]
    request.note(f"{console_type} console opened", instance)
    return url


def action(request: Request, instance: Instance, protocol: str, body: dict[str, str]) -> Response:
    """One of the actions that 2.6 has replaced."""
    url = _open(request, instance, protocol, body["type"])
    return Response(200, {"console": {"type": body["type"], "url": url}})


@answers({"remote_console": {"protocol": str, "type": str, "url": str}}, errors=(409, 501, 503), takes=bodies.CREATE)
def create(api: Api, request: Request, server_id: str) -> Any:
    body = request.json()
    bodies.CREATE.check(body, request.version)
    instance = guards.find(request, server_id, with_metadata=False)
    request.authorize("os-remote-consoles", instance)
    asked = body["remote_console"]
    url = _open(request, instance, asked["protocol"], asked["type"])
    return {"remote_console": {"protocol": asked["protocol"], "type": asked["type"], "url": url}}


@answers({"console": _CONSOLE})
def show_token(api: Api, request: Request, console_token: str) -> Any:
    """Where the console is that a token opens."""
    request.authorize("os-console-auth-tokens")
    row = api.db.read(console_auth_tokens.find, console_token)
    if row is None:
        raise exceptions.NotFound("Token not found")
    if request.version < _ANY_TYPE and row.console_type != _FIRST_TYPE:
        raise Unauthorized()
    console = {"instance_uuid": row.instance_uuid, "host": row.host, "port": row.port, "internal_access_path": None}
    # None of these consoles is encrypted.
    return {"console": console | ({"tls_port": None} if request.version >= 99 else {})}
