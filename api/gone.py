"""What the Compute API had and has no more, and what it hands on to a service that there is not here: each request of
it is answered with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from novasim.api import answers
from novasim.api.microversion import Handler, until
from novasim.api.wsgi import HttpError, Request

if TYPE_CHECKING:
    from novasim.api.app import Api


def refusal(code: int, text: str) -> Handler:
    """A handler that says no."""
    @answers.refused(code)
    def refuse(api: Api, request: Request, **ids: str) -> NoReturn:
        raise HttpError(code, text)

    refuse.__doc__ = text
    return refuse


def removed(what: str) -> Handler:
    """Of what has been part of the API."""
    return refusal(410, f"{what} are no part of the Compute API any more.")


def is_refusal(handler: Any) -> bool:
    """Whether a handler is one of these: it says the same to everybody."""
    return getattr(handler, "__module__", None) == __name__


NETWORKS_ARE_ELSEWHERE = refusal(410, "Networks are made and changed by the network service only.")
_VOLUMES = refusal(501, "There is no block storage in this cluster.")
_BAREMETAL = refusal(501, "There are no bare-metal nodes in this cluster.")
# Noun -> the URLs it had, with their methods.
_REMOVED = {
    "Builds of guest agents": {"/os-agents": "GET POST", "/os-agents/{agent_id}": "PUT DELETE"},
    "Cells": {"/os-cells": "GET POST", "/os-cells/detail": "GET", "/os-cells/info": "GET",
              "/os-cells/capacities": "GET", "/os-cells/sync_instances": "POST",
              "/os-cells/{cell_id}": "GET PUT DELETE", "/os-cells/{cell_id}/capacities": "GET"},
    "Certificates": {"/os-certificates": "POST", "/os-certificates/{certificate_id}": "GET"},
    "Cloudpipes": {"/os-cloudpipe": "GET POST", "/os-cloudpipe/configure-project": "PUT"},
    "Consoles of Xen servers": {"/servers/{server_id}/consoles": "GET POST",
                                "/servers/{server_id}/consoles/{console_id}": "GET DELETE"},
    "Fixed IPs": {"/os-fixed-ips/{address}": "GET", "/os-fixed-ips/{address}/action": "POST"},
    "DNS entries of floating IPs": {"/os-floating-ip-dns": "GET", "/os-floating-ip-dns/{domain}": "PUT DELETE",
                                    "/os-floating-ip-dns/{domain}/entries/{entry}": "GET PUT DELETE"},
    "Ranges of floating IPs": {"/os-floating-ips-bulk": "GET POST", "/os-floating-ips-bulk/{pool}": "GET PUT"},
    "Pings of servers": {"/os-fping": "GET", "/os-fping/{instance_id}": "GET"},
    "Rules of default security groups": {"/os-security-group-default-rules": "GET POST",
                                         "/os-security-group-default-rules/{rule_id}": "GET DELETE"},
    "Virtual interfaces": {"/servers/{server_id}/os-virtual-interfaces": "GET"},
}
_UNTIL_35 = {
    _VOLUMES: {"/os-volumes": "GET POST", "/os-volumes/detail": "GET", "/os-volumes/{volume_id}": "GET DELETE",
               "/os-volume-types": "GET", "/os-volume-types/{type_id}": "GET", "/os-snapshots": "GET POST",
               "/os-snapshots/detail": "GET", "/os-snapshots/{snapshot_id}": "GET DELETE"},
    _BAREMETAL: {"/os-baremetal-nodes": "GET POST", "/os-baremetal-nodes/{node_id}": "GET DELETE",
                 "/os-baremetal-nodes/{node_id}/action": "POST"},
}


def _entries(refuse: Any, paths: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    return {path: dict.fromkeys(methods.split(), refuse) for path, methods in paths.items()}


# Actions of servers.
ACTIONS = {"resetNetwork": "What a guest knows of its networks cannot be changed from outside any more."}
ROUTES: dict[str, dict[str, Any]] = {}
for _what, _paths in _REMOVED.items():
    ROUTES |= _entries(removed(_what), _paths)
for _refuse, _paths in _UNTIL_35.items():
    ROUTES |= _entries(until(35, _refuse), _paths)
