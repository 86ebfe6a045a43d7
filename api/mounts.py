"""What the same server serves beside compute: small services, each below a path of its own with a table of its own.

They know no microversions, and their rights are simple: who reads sees what is their project's or shared with it, a
member changes what is their project's, an admin anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import webob

from novasim import exceptions
from novasim.api import routes, wsgi
from novasim.api.image import routes as image
from novasim.api.network import routes as network
from novasim.context import RequestContext

if TYPE_CHECKING:
    from novasim.api.app import Api

_SAFE = ("GET", "HEAD")


class Service(NamedTuple):
    """A mounted service.

    :ivar document: the version document that a request asks for, which needs no token; None for any other request
    :ivar request: how its requests are read, and its errors told
    :ivar slash: whether paths may end with one
    """
    tree: Mapping[str, Any]
    document: Callable[[webob.Request], wsgi.Response | None]
    request: type[wsgi.Request]
    slash: bool = False


SERVICES = {"image": Service(image.TREE, image.document, wsgi.Request),
            "network": Service(network.TREE, network.document, network.Request, slash=True)}


def mounted(api: Api, name: str) -> bool:
    """Whether a service is served below ``/name``."""
    return name in SERVICES and bool(api.conf[name].enabled)


def serve(api: Api, name: str, wire: webob.Request, request_id: str) -> webob.Response:
    """Answer a request to a mounted service."""
    service = SERVICES[name]
    # What links begin with names the service; where to log in does not.
    within = webob.Request(wire.environ.copy())
    within.path_info_pop()
    response = service.document(within)
    if response is None:
        request = service.request(api, within, RequestContext(request_id=request_id), 1, "")
        try:
            request.context = api.authenticate(wire, request_id)
        except wsgi.HttpError as error:
            response = request.error_response(error)
        else:
            response = api.perform(request, lambda _: _handle(api, request, service))
    return wsgi.to_wire(response, None, request_id)


def _handle(api: Api, request: wsgi.Request, service: Service) -> Any:
    method = request.wire.method
    path: str = request.wire.path_info
    methods, ids = routes.match(path.rstrip("/") if service.slash else path, service.tree)
    handler = routes.served(methods, method)
    if method not in _SAFE and not (request.context.is_admin or "member" in request.context.roles):
        raise exceptions.Forbidden("You are not authorized to complete this action.")
    return handler(api, request, **ids)
