"""What the Compute API had and has no more, and what it hands on to a service that there is not here: each request of
it is answered with a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from novasim.api.microversion import Handler, Ranged, until
from novasim.api.wsgi import HttpError, Request

if TYPE_CHECKING:
    from novasim.api.app import Api


def refusal(code: int, text: str) -> Handler:
    """A handler that says no."""
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


_METHODS = ("GET", "POST", "PUT", "DELETE")
NETWORKS_ARE_ELSEWHERE = refusal(410, "Networks are made and changed by the network service only.")
_VOLUMES = refusal(501, "There is no block storage in this cluster.")
_BAREMETAL = refusal(501, "There are no bare-metal nodes in this cluster.")
# Noun -> its URLs.
_REMOVED = {
    "Builds of guest agents": ("/os-agents", "/os-agents/{agent_id}"),
    "Cells": ("/os-cells", "/os-cells/detail", "/os-cells/info", "/os-cells/capacities", "/os-cells/sync_instances",
              "/os-cells/{cell_id}", "/os-cells/{cell_id}/capacities"),
    "Certificates": ("/os-certificates", "/os-certificates/{certificate_id}"),
    "Cloudpipes": ("/os-cloudpipe", "/os-cloudpipe/configure-project"),
    "Consoles of Xen servers": ("/servers/{server_id}/consoles", "/servers/{server_id}/consoles/{console_id}"),
    "Fixed IPs": ("/os-fixed-ips/{address}", "/os-fixed-ips/{address}/action"),
    "DNS entries of floating IPs": ("/os-floating-ip-dns", "/os-floating-ip-dns/{domain}",
                                    "/os-floating-ip-dns/{domain}/entries/{entry}"),
    "Ranges of floating IPs": ("/os-floating-ips-bulk", "/os-floating-ips-bulk/{pool}"),
    "Pings of servers": ("/os-fping", "/os-fping/{instance_id}"),
    "Rules of default security groups": ("/os-security-group-default-rules",
                                         "/os-security-group-default-rules/{rule_id}"),
    "Virtual interfaces": ("/servers/{server_id}/os-virtual-interfaces",),
}
_UNTIL_35 = {
    _VOLUMES: ("/os-volumes", "/os-volumes/detail", "/os-volumes/{volume_id}", "/os-volume-types",
               "/os-volume-types/{type_id}", "/os-snapshots", "/os-snapshots/detail", "/os-snapshots/{snapshot_id}"),
    _BAREMETAL: ("/os-baremetal-nodes", "/os-baremetal-nodes/{node_id}", "/os-baremetal-nodes/{node_id}/action"),
}
Entries = dict[str, dict[str, Any]]
ROUTES: Entries = {path: dict.fromkeys(_METHODS, removed(what)) for what, paths in _REMOVED.items() for path in paths}
ROUTES |= {path: dict[str, Ranged].fromkeys(_METHODS, until(35, refusal))
           for refusal, paths in _UNTIL_35.items() for path in paths}
