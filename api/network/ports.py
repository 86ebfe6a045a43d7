"""Ports: a place on a network, with addresses; those of servers are made and removed with them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from novasim import exceptions, states
from novasim.api.answers import optional
from novasim.api.network.resources import (
    FLAG,
    PROJECT,
    TEXT,
    UUID,
    Fields,
    Resource,
    check_admin,
    check_own,
    owner,
)
from novasim.api.schemas import closed
from novasim.api.wsgi import Request
from novasim.db import network_errors, networks, ports, security_groups
from novasim.db.engine import Transaction
from novasim.db.networks import Row
from novasim.db.ports import Need

_IP = {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}
_HOST = "binding:host_id"
_CHANGEABLE = {
    "name": TEXT, "description": TEXT, "admin_state_up": FLAG, "device_id": TEXT, "device_owner": TEXT,
    "security_groups": {"type": ["array", "null"], "items": UUID, "maxItems": 100}, _HOST: TEXT,
    "binding:profile": {"type": ["object", "null"]}, "binding:vnic_type": {"enum": ["normal"]},
    "fixed_ips": {"type": "array", "maxItems": 20, "items": closed({"subnet_id": UUID, "ip_address": _IP})}}
_MAC = {"type": "string", "pattern": "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$"}
_COLUMNS = {"name": "name", "network_id": "network_id", "admin_state_up": "admin_state_up", "device_id": "device_id",
            "device_owner": "device_owner", "mac_address": "mac_address", "binding:host_id": "binding_host"}


def _show(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Fields]:
    addresses = ports.addresses_of(tx, [row["id"] for row in rows])
    hosts = ports.hosts_of(tx, [row["device_id"] for row in rows if row["device_owner"].startswith(ports.OF_SERVERS)])
    return [_port(request, row, addresses[row["id"]], *hosts.get(row["device_id"], (row["binding_host"], None)))
            for row in rows]


def _port(request: Request, row: Row, addresses: list[dict[str, str]], host: str | None,
          vm_state: str | None) -> Fields:
    groups = row["security_groups"]
    shown = {
        "name": row["name"] or "", "network_id": row["network_id"], "mac_address": row["mac_address"],
        "admin_state_up": row["admin_state_up"], "device_id": row["device_id"], "device_owner": row["device_owner"],
        "status": "ACTIVE" if host and vm_state in (states.ACTIVE, states.RESIZED, states.PAUSED) else "DOWN",
        "fixed_ips": addresses,
        "security_groups": [security_groups.default_id(row["project_id"])] if groups is None else groups,
        "allowed_address_pairs": [], "extra_dhcp_opts": [], "binding:vnic_type": "normal", "dns_name": "",
        "dns_assignment": [], "port_security_enabled": True, "propagate_uplink_status": None, "qos_policy_id": None}
    if request.context.is_admin:
        shown |= {_HOST: host or "", "binding:vif_type": "bridge" if host else "unbound", "binding:profile": {},
                  "binding:vif_details": {}}
    return shown


def _values(tx: Transaction, request: Request, project_id: str | None, fields: Fields) -> Fields:
    """Columns for what was said of a port, but its addresses."""
    values = {name: value for name, value in fields.items()
              if name not in ("fixed_ips", _HOST, "binding:profile", "binding:vnic_type")}
    if _HOST in fields:
        check_admin(request, _HOST)
        values["binding_host"] = fields[_HOST]
    for name in ("device_id", "device_owner"):
        if name in values:
            values[name] = values[name] or ""
    if values.get("device_owner", "").startswith(ports.OF_SERVERS):
        check_admin(request, f"a device_owner that begins with {ports.OF_SERVERS}")
    if values.get("security_groups") is not None:
        found = security_groups.find(tx, project_id, values["security_groups"])
        for group_id, ids in found.items():
            if not ids:
                raise network_errors.SecurityGroupNotFound(id=group_id)
    return values


def _needs(tx: Transaction, network: Row, port_id: str, wanted: list[dict[str, str]] | None) -> list[Need]:
    """The addresses that a port is to have; None: one of each kind that its network has."""
    network = network | {"subnets": networks.subnets_of(tx, [network["id"]])[network["id"]]}
    if wanted is None:
        return [Need(port_id, network["id"], subnet) for subnet in ports.first_subnets(network)]
    found = []
    for one in wanted:
        subnets = [subnet for subnet in network["subnets"] if one.get("subnet_id") in (None, subnet["id"])]
        if one.get("subnet_id") and not subnets:
            raise exceptions.Invalid(f"Failed to create port on network {network['id']}, because fixed_ips included "
                                     f"invalid subnet {one['subnet_id']}")
        if "ip_address" in one:
            subnets = [ports.subnet_for(network | {"subnets": subnets}, one["ip_address"])]
        found += [Need(port_id, network["id"], subnet, one.get("ip_address")) for subnet in subnets[:1]]
    return found


def _make(tx: Transaction, request: Request, uuid: str, fields: Fields) -> None:
    project_id = owner(request, fields)
    network = networks.get(tx, networks.NETWORKS, fields["network_id"], request.context.viewer)
    if network["external"] and not network["shared"]:
        check_own(request, network)
    wanted = fields.pop("fixed_ips", None)
    ports.create(tx, [_values(tx, request, project_id, fields) | {"uuid": uuid, "project_id": project_id}],
                 _needs(tx, network, uuid, wanted))


def _change(tx: Transaction, request: Request, row: Row, fields: Fields) -> None:
    values = _values(tx, request, row["project_id"], fields)
    if row["device_owner"].startswith(ports.OF_SERVERS) and values.get("device_id", row["device_id"]) not in (
            "", row["device_id"]):
        raise network_errors.PortBound(id=row["id"])
    if "fixed_ips" in fields:
        _move(tx, request, row, fields["fixed_ips"])
    networks.update(tx, networks.PORTS, row["id"], **values)


def _move(tx: Transaction, request: Request, row: Row, wanted: list[dict[str, str]]) -> None:
    """Give a port other addresses; those that it is to keep, it keeps."""
    have = ports.addresses_of(tx, [row["id"]])[row["id"]]
    wanted = [one | {"ip_address": ports.written(one["ip_address"])} if "ip_address" in one else one
              for one in wanted]
    named = [one.get("ip_address") for one in wanted]
    gone = [one["ip_address"] for one in have if one["ip_address"] not in named]
    kept = {one["ip_address"] for one in have} - set(gone)
    if gone:
        ports.give_back(tx, [row["id"]], gone)
    network = networks.get(tx, networks.NETWORKS, row["network_id"])
    ports.allocate(tx, _needs(tx, network, row["id"], [one for one in wanted if one.get("ip_address") not in kept]))


def _drop(tx: Transaction, request: Request, row: Row) -> None:
    ports.remove(tx, [row["id"]])


def _fixed_ips(texts: list[str]) -> Any:
    """``fixed_ips=ip_address=A``, ``fixed_ips=subnet_id=S``."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in ("ip_address", "subnet_id"):
            raise exceptions.Invalid(f"fixed_ips can be filtered by ip_address and subnet_id, not by {name!r}.")
        found.setdefault(name, []).append(value)
    return ports.with_address(**found)


PORTS = Resource(
    "port", "ports", "ports", networks.PORTS, _COLUMNS,
    _CHANGEABLE | PROJECT | {"network_id": UUID, "mac_address": _MAC}, ("network_id",), _CHANGEABLE, _show, _make,
    _change, _drop, booleans=("admin_state_up",),
    conditions={"fixed_ips": _fixed_ips, "ip_address": functools.partial(ports.with_address)}, shape={
        "name": str, "network_id": str, "mac_address": str, "admin_state_up": bool, "device_id": str,
        "device_owner": str, "status": str, "fixed_ips": [{"subnet_id": str, "ip_address": str}],
        "security_groups": [str], "allowed_address_pairs": [{...: str}], "extra_dhcp_opts": [{...: str}],
        "binding:vnic_type": str, "dns_name": str, "dns_assignment": [{...: str}], "port_security_enabled": bool,
        "propagate_uplink_status": None, "qos_policy_id": None, _HOST: optional(str),
        "binding:vif_type": optional(str), "binding:profile": optional({...: Any}),
        "binding:vif_details": optional({...: Any})})
