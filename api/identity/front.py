"""The way of a request to the identity service: from its URL to the row of routes.py, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import webob

from novasim.api import routes, versions, wsgi
from novasim.api.identity import access
from novasim.api.identity.routes import TREE
from novasim.api.identity.tokens import PREFIX, Tokens

if TYPE_CHECKING:
    from novasim.api.app import Api

_UPDATED = "2020-04-07T00:00:00Z"


def _version(root: str) -> dict[str, Any]:
    return {"id": "v3.14", "status": "stable", "updated": _UPDATED,
            "links": [{"rel": "self", "href": f"{root}{PREFIX}{access.VERSION}/"}],
            "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]}


def _document(wire: webob.Request) -> wsgi.Response | None:
    """What clients read before anything else, without a token; None for a request that the version serves."""
    path = wire.path_info[len(PREFIX):].rstrip("/")
    if path not in ("", access.VERSION):
        return None
    versions.only_read(wire, "HEAD")
    version = _version(wire.application_url)
    return wsgi.Response(200, {"version": version}) if path else wsgi.Response(300, {"versions": {"values": [version]}})


def _handle(request: access.Request) -> Any:
    path = request.wire.path_info[len(PREFIX):]
    if not path.startswith(access.VERSION + "/"):
        raise wsgi.HttpError(404, "The resource could not be found.")
    methods, ids = routes.match(path[len(access.VERSION):], TREE)
    # A HEAD is a GET whose body is left out.
    handler, rule = routes.served(methods, {"HEAD": "GET"}.get(request.wire.method, request.wire.method))
    access.check(rule, request, ids)
    return handler(request.api, request, **ids)


class Identity(Tokens):
    """The service: its tokens, and its answers."""

    def serve(self, api: Api, wire: webob.Request, request_id: str) -> webob.Response:
        """Answer a request below ``/identity``."""
        response = api.perform(access.Request(api, wire, request_id),
                               lambda request: _document(wire) or _handle(request))
        answer = wsgi.to_wire(response, None, request_id)
        answer.headers["Vary"] = "X-Auth-Token"
        return answer
