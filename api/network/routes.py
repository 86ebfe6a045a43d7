"""The Network API as one table, its version document, and how its errors are told."""

from __future__ import annotations

from typing import Any

import webob

from novasim import exceptions
from novasim.api import routes, versions, wsgi
from novasim.api.microversion import Handler
from novasim.api.network import discovery, floating_ips, networks, ports, quotas, resources, security_groups, subnets
from novasim.api.wsgi import HttpError, Response

_RESOURCES = (networks.NETWORKS, subnets.SUBNETS, ports.PORTS, security_groups.SECURITY_GROUPS,
              security_groups.SECURITY_GROUP_RULES, floating_ips.FLOATING_IPS)
ROUTES: dict[str, dict[str, Handler]] = {
    "/v2.0": {"GET": discovery.resources(_RESOURCES)},
    "/v2.0/extensions": {"GET": discovery.extensions},
    "/v2.0/extensions/{alias}": {"GET": discovery.extension},
    "/v2.0/availability_zones": {"GET": discovery.availability_zones},
    "/v2.0/quotas": {"GET": quotas.index},
    "/v2.0/quotas/{project_id}": {"GET": quotas.show},
    "/v2.0/quotas/{project_id}/default": {"GET": quotas.show},
    "/v2.0/quotas/{project_id}/details": {"GET": quotas.details},
}
for _resource in _RESOURCES:
    ROUTES |= resources.routes(_resource)
TREE: dict[str, Any] = routes.tree(ROUTES)


class Request(wsgi.Request):
    """A request to the network service, which tells errors in its own form."""

    def error_response(self, error: Exception) -> Response:
        told = wsgi.error_response(error)
        if told.status == 401:
            return told
        [(_, fault)] = told.body.items()
        known = isinstance(error, exceptions.NovasimException | HttpError) and fault["code"] != 500
        return Response(told.status, {"NeutronError": {
            "type": type(error).__name__ if known else "HTTPInternalServerError", "message": fault["message"],
            "detail": ""}}, told.headers)


def document(wire: webob.Request) -> Response | None:
    """The list of versions, which needs no token."""
    if wire.path_info not in ("", "/"):
        return None
    versions.only_read(wire)
    return Response(200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [
        {"rel": "self", "href": f"{wire.application_url}/v2.0/"}]}]})
