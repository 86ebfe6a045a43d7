"""Floating IPs: addresses of an external network that lead to a port."""

from __future__ import annotations

from collections.abc import Sequence

from novasim import exceptions
from novasim.api.network.resources import PROJECT, TEXT, UUID, Fields, Resource, owner
from novasim.api.wsgi import Request
from novasim.db import networks, ports
from novasim.db.engine import Transaction
from novasim.db.networks import Row
from novasim.db.ports import Need

_IP = {"type": "string", "format": "ipv4"}
_OR_NONE = {"anyOf": [UUID, {"type": "null"}]}
_CHANGEABLE = {"description": TEXT, "port_id": _OR_NONE, "fixed_ip_address": {"anyOf": [_IP, {"type": "null"}]}}
_COLUMNS = {name: name for name in ("floating_network_id", "floating_ip_address", "port_id", "fixed_ip_address")}


def _show(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Fields]:
    return [{name: row[name] for name in _COLUMNS} | {
        "router_id": None, "status": "ACTIVE" if row["port_id"] else "DOWN", "port_details": None,
        "port_forwardings": [], "dns_name": "", "dns_domain": "", "qos_policy_id": None} for row in rows]


def _target(tx: Transaction, request: Request, fields: Fields) -> Fields:
    """The port that an address is to lead to, and which of its addresses: the first one unless one is named."""
    port_id, wanted = fields.get("port_id"), fields.get("fixed_ip_address")
    if port_id is None:
        if wanted is not None:
            raise exceptions.Invalid("fixed_ip_address cannot be specified without a port_id.")
        return {"port_id": None, "fixed_ip_address": None}
    port = networks.get(tx, networks.PORTS, port_id, request.context.viewer)
    # Locks the port, so that it does not go meanwhile.
    networks.update(tx, networks.PORTS, port["id"])
    has = [one["ip_address"] for one in ports.addresses_of(tx, [port_id])[port_id] if ":" not in one["ip_address"]]
    if not has or wanted not in (None, *has):
        raise exceptions.Invalid(f"Bad floatingip request: Port {port_id} does not have fixed ip {wanted or ''}.")
    fixed = wanted or has[0]
    if networks.list_page(tx, networks.FLOATING_IPS, filters={"port_id": [port_id], "fixed_ip_address": [fixed]}):
        raise exceptions.Conflict(f"Cannot associate floating IP with port {port_id} using fixed IP {fixed}, as that "
                                  "fixed IP already has a floating IP.")
    return {"port_id": port_id, "fixed_ip_address": fixed}


def _make(tx: Transaction, request: Request, uuid: str, fields: Fields) -> None:
    project_id = owner(request, fields)
    network = networks.get(tx, networks.NETWORKS, fields["floating_network_id"], request.context.viewer)
    if not network["external"]:
        raise exceptions.Invalid(f"Bad floatingip request: Network {network['id']} is not a valid external network.")
    network["subnets"] = [subnet for subnet in networks.subnets_of(tx, [network["id"]])[network["id"]]
                          if subnet["ip_version"] == 4]
    wanted = fields.get("floating_ip_address")
    subnets = [ports.subnet_for(network, wanted)] if wanted else network["subnets"][:1]
    if not subnets:
        raise exceptions.Invalid(f"Bad floatingip request: Network {network['id']} does not contain any IPv4 subnet.")
    address = ports.allocate(tx, [Need(uuid, network["id"], subnets[0], wanted)])[uuid][0]
    networks.create(tx, networks.FLOATING_IPS, [
        {"uuid": uuid, "project_id": project_id, "description": fields.get("description") or "",
         "floating_network_id": network["id"], "floating_ip_address": address} | _target(tx, request, fields)])


def _change(tx: Transaction, request: Request, row: Row, fields: Fields) -> None:
    values: Fields = {"description": fields["description"] or ""} if "description" in fields else {}
    if {"port_id", "fixed_ip_address"} & set(fields):
        port_id = fields.get("port_id", row["port_id"])
        networks.update(tx, networks.FLOATING_IPS, row["id"], port_id=None, fixed_ip_address=None)
        values |= _target(tx, request, fields | {"port_id": port_id})
    networks.update(tx, networks.FLOATING_IPS, row["id"], **values)


def _drop(tx: Transaction, request: Request, row: Row) -> None:
    ports.give_back(tx, [row["id"]])


FLOATING_IPS = Resource(
    "floatingip", "floatingips", "floatingips", networks.FLOATING_IPS, _COLUMNS,
    _CHANGEABLE | PROJECT | {"floating_network_id": UUID, "floating_ip_address": _IP, "subnet_id": UUID},
    ("floating_network_id",), _CHANGEABLE, _show, _make, _change, _drop, shape={
        "floating_network_id": str, "floating_ip_address": str, "port_id": str | None, "fixed_ip_address": str | None,
        "router_id": None, "status": str, "port_details": None, "port_forwardings": [{...: str}], "dns_name": str,
        "dns_domain": str, "qos_policy_id": None})
