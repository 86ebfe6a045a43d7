"""Subnets: a network's addresses, and the one range of them that is given out."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from novasim import exceptions
from novasim.api.network.resources import FLAG, PROJECT, TEXT, UUID, Fields, Resource, check_own, owner
from novasim.api.schemas import closed
from novasim.api.wsgi import Request
from novasim.db import network_errors, networks, ports
from novasim.db.engine import Transaction
from novasim.db.networks import Row

_IP = {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}
_NUMBER = {"enum": [4, 6]}
_POOLS = {"type": "array", "maxItems": 1, "items": closed({"start": _IP, "end": _IP}, "start", "end")}
_CHANGEABLE = {"name": TEXT, "description": TEXT, "enable_dhcp": FLAG, "gateway_ip": {"anyOf": [_IP, {"type": "null"}]},
               "dns_nameservers": {"type": "array", "maxItems": 20, "items": _IP},
               "host_routes": {"type": "array", "maxItems": 20, "items": closed(
                   {"destination": TEXT, "nexthop": _IP}, "destination", "nexthop")}}
_COLUMNS = {"name": "name", "network_id": "network_id", "cidr": "cidr", "gateway_ip": "gateway_ip",
            "ip_version": "ip_version", "enable_dhcp": "enable_dhcp"}


def _show(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Fields]:
    return [{
        "name": row["name"] or "", "network_id": row["network_id"], "ip_version": row["ip_version"],
        "cidr": row["cidr"], "gateway_ip": row["gateway_ip"], "enable_dhcp": row["enable_dhcp"],
        "allocation_pools": [{"start": row["first_ip"], "end": row["last_ip"]}],
        "dns_nameservers": row["dns_nameservers"] or [], "host_routes": row["host_routes"] or [],
        "subnetpool_id": None, "service_types": [], "segment_id": None, "ipv6_ra_mode": None,
        "ipv6_address_mode": None, "dns_publish_fixed_ip": False} for row in rows]


def _network(fields: Fields) -> Any:
    """
    :raises Invalid: for a cidr that is none, or that has no room for a server beside the gateway
    """
    try:
        network = ipaddress.ip_network(fields["cidr"], strict=False)
    except ValueError as error:
        raise exceptions.Invalid(f"Invalid input for cidr. Reason: '{fields['cidr']}' is not a valid IP subnet."
                                 ) from error
    if fields.pop("ip_version") != network.version:
        raise exceptions.Invalid(f"Invalid input for operation: cidr '{network}' does not match the ip_version.")
    if network.num_addresses < 8:
        raise exceptions.Invalid(f"Invalid input for cidr: {network} is too small, it needs 8 addresses at least.")
    return network


def _pool(network: Any, gateway: str | None, pools: list[dict[str, str]]) -> tuple[str, str]:
    """The range that is given out: what is asked for, or all behind the gateway, or all before it."""
    low, high = int(network.network_address) + 1, int(network.broadcast_address) - (network.version == 4)
    kind = type(network.network_address)
    if not pools:
        at = low - 1 if gateway is None else int(ipaddress.ip_address(gateway))
        # The larger part, where the gateway lies within.
        first, last = (low, high) if not low <= at <= high else (at + 1, high) if high - at >= at - low else (
            low, at - 1)
        return str(kind(first)), str(kind(last))
    start, end = ipaddress.ip_address(pools[0]["start"]), ipaddress.ip_address(pools[0]["end"])
    if start.version != network.version or end.version != network.version or not low <= int(start) <= int(end) <= high:
        raise exceptions.Invalid(f"The allocation pool {start}-{end} spans beyond the subnet cidr {network}.")
    if gateway is not None and int(start) <= int(ipaddress.ip_address(gateway)) <= int(end):
        raise exceptions.Conflict(f"Gateway ip {gateway} conflicts with allocation pool {start}-{end}.")
    return str(start), str(end)


def _check_gateway(gateway: str | None, network: Any) -> None:
    if gateway is not None and ipaddress.ip_address(gateway) not in network:
        raise exceptions.Invalid(f"Gateway is not valid on subnet {network}: {gateway}")


def _make(tx: Transaction, request: Request, uuid: str, fields: Fields) -> None:
    project_id = owner(request, fields)
    on = networks.get(tx, networks.NETWORKS, fields["network_id"], request.context.viewer)
    check_own(request, on)
    # Locks the network: of two subnets that overlap only one is made.
    networks.update(tx, networks.NETWORKS, on["id"])
    network = _network(fields)
    for other in networks.subnets_of(tx, [on["id"]])[on["id"]]:
        if ipaddress.ip_network(other["cidr"]).overlaps(network):
            raise exceptions.Invalid(f"Invalid input for operation: Requested subnet with cidr: {network} for network: "
                                     f"{on['id']} overlaps with another subnet.")
    gateway = fields.pop("gateway_ip", str(network.network_address + 1))
    _check_gateway(gateway, network)
    first, last = _pool(network, gateway, fields.pop("allocation_pools", []))
    networks.create(tx, networks.SUBNETS, [
        {"name": "", "description": "", "enable_dhcp": True, "dns_nameservers": None, "host_routes": None} | fields
        | {"uuid": uuid, "project_id": project_id, "cidr": str(network), "ip_version": network.version,
           "gateway_ip": gateway, "first_ip": first, "last_ip": last}])


def _change(tx: Transaction, request: Request, row: Row, fields: Fields) -> None:
    gateway = fields.get("gateway_ip")
    _check_gateway(gateway, ipaddress.ip_network(row["cidr"]))
    if gateway is not None and gateway != row["gateway_ip"]:
        _pool(ipaddress.ip_network(row["cidr"]), gateway, [{"start": row["first_ip"], "end": row["last_ip"]}])
    networks.update(tx, networks.SUBNETS, row["id"], **fields)


def _drop(tx: Transaction, request: Request, row: Row) -> None:
    if ports.is_used(tx, [row["id"]]):
        raise network_errors.SubnetInUse(id=row["id"])


SUBNETS = Resource(
    "subnet", "subnets", "subnets", networks.SUBNETS, _COLUMNS,
    _CHANGEABLE | PROJECT | {"network_id": UUID, "cidr": {"type": "string", "maxLength": 64}, "ip_version": _NUMBER,
                             "allocation_pools": _POOLS},
    ("network_id", "cidr", "ip_version"), _CHANGEABLE, _show, _make, _change, _drop, booleans=("enable_dhcp",),
    integers=("ip_version",), shape={
        "name": str, "network_id": str, "ip_version": int, "cidr": str, "gateway_ip": str | None, "enable_dhcp": bool,
        "allocation_pools": [{"start": str, "end": str}], "dns_nameservers": [str],
        "host_routes": [{"destination": str | None, "nexthop": str}], "subnetpool_id": None, "service_types": [str],
        "segment_id": None, "ipv6_ra_mode": None, "ipv6_address_mode": None, "dns_publish_fixed_ip": bool})
