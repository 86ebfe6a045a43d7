"""Networks as the Compute API told of them until 2.35: by id and name. All else of them is the network service's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api import requested_networks
from novasim.api.answers import answers, optional
from novasim.api.wsgi import Request
from novasim.db import networks

if TYPE_CHECKING:
    from novasim.api.app import Api

# What a network of the time before the network service had besides.
_FIELDS = ("cidr", "netmask", "gateway", "broadcast", "dns1", "dns2", "cidr_v6", "gateway_v6", "netmask_v6")
_OF_ADMINS = (
    "created_at", "updated_at", "deleted_at", "deleted", "injected", "bridge", "vlan", "vpn_public_address",
    "vpn_public_port", "vpn_private_address", "dhcp_start", "project_id", "host", "bridge_interface", "multi_host",
    "priority", "rxtx_base", "mtu", "dhcp_server", "enable_dhcp", "share_address")
_OF_TENANT = {"id": str, "label": str | None, "cidr": str}
_SHAPE = {"id": str, "label": str | None} | dict.fromkeys(_FIELDS, None) | dict.fromkeys(_OF_ADMINS, optional(None))


def _shown(request: Request, row: networks.Row) -> dict[str, Any]:
    empty = _FIELDS + (_OF_ADMINS if request.context.is_admin else ())
    return dict.fromkeys(empty) | {"id": row["id"], "label": row["name"]}


def _of_tenant(request: Request, row: networks.Row) -> dict[str, Any]:
    # A text, whatever it is of.
    return {"id": row["id"], "label": row["name"], "cidr": "None"}


def _rows(request: Request, rule: str) -> list[networks.Row]:
    request.authorize(rule)
    requested_networks.must_be_served(request)
    return request.api.db.read(networks.list_page, networks.NETWORKS, request.context.viewer)


def _row(request: Request, rule: str, network_id: str) -> networks.Row:
    """
    :raises NetworkNotFound: when the caller sees none of this id
    """
    request.authorize(rule)
    requested_networks.must_be_served(request)
    return request.api.db.read(networks.get, networks.NETWORKS, network_id, request.context.viewer)


@answers({"networks": [_SHAPE]}, errors=(501,))
def index(api: Api, request: Request) -> Any:
    return {"networks": [_shown(request, row) for row in _rows(request, "os-networks:list")]}


@answers({"network": _SHAPE}, errors=(501,))
def show(api: Api, request: Request, network_id: str) -> Any:
    return {"network": _shown(request, _row(request, "os-networks:show", network_id))}


@answers({"networks": [_OF_TENANT]}, errors=(501,))
def index_of_tenant(api: Api, request: Request) -> Any:
    return {"networks": [_of_tenant(request, row) for row in _rows(request, "os-tenant-networks:list")]}


@answers({"network": _OF_TENANT}, errors=(501,))
def show_of_tenant(api: Api, request: Request, network_id: str) -> Any:
    return {"network": _of_tenant(request, _row(request, "os-tenant-networks:show", network_id))}
