"""Networks. One that is shared is everybody's to use, an external one is where floating IPs come from."""

from __future__ import annotations

from collections.abc import Sequence

from novasim.api.network.resources import FLAG, PROJECT, TEXT, Fields, Resource, check_admin, owner
from novasim.api.wsgi import Request
from novasim.db import models, network_errors, networks, ports
from novasim.db.engine import Transaction
from novasim.db.networks import Row

_FOR_ADMINS = ("shared", "router:external")
_CHANGEABLE = {"name": TEXT, "description": TEXT, "admin_state_up": FLAG, "shared": FLAG, "router:external": FLAG,
               "mtu": {"type": "integer", "minimum": 68, "maximum": 65535}}
_COLUMNS = {"name": "name", "admin_state_up": "admin_state_up", "shared": "shared", "router:external": "external",
            "mtu": "mtu"}


def _show(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Fields]:
    subnets = networks.subnets_of(tx, [row["id"] for row in rows])
    zones = [request.api.conf.default_availability_zone]
    return [{
        "name": row["name"] or "", "admin_state_up": row["admin_state_up"], "status": "ACTIVE", "mtu": row["mtu"],
        "shared": row["shared"], "router:external": row["external"], "is_default": False,
        "subnets": [subnet["id"] for subnet in subnets[row["id"]]], "port_security_enabled": True,
        "availability_zones": zones, "availability_zone_hints": [], "ipv4_address_scope": None,
        "ipv6_address_scope": None} for row in rows]


def _values(request: Request, fields: Fields) -> Fields:
    for name in _FOR_ADMINS:
        if fields.get(name):
            check_admin(request, name)
    return {_COLUMNS.get(name, name): value for name, value in fields.items()}


def _make(tx: Transaction, request: Request, uuid: str, fields: Fields) -> None:
    project_id = owner(request, fields)
    networks.create(tx, networks.NETWORKS, [
        {"name": "", "description": "", "admin_state_up": True, "shared": False, "external": False, "mtu": 1500}
        | _values(request, fields) | {"uuid": uuid, "project_id": project_id}])


def _change(tx: Transaction, request: Request, row: Row, fields: Fields) -> None:
    networks.update(tx, networks.NETWORKS, row["id"], **_values(request, fields))


def _drop(tx: Transaction, request: Request, row: Row) -> None:
    subnets = [subnet["id"] for subnet in networks.subnets_of(tx, [row["id"]])[row["id"]]]
    if ports.any_on(tx, row["id"]) or ports.is_used(tx, subnets):
        raise network_errors.NetworkInUse(id=row["id"])
    networks.delete(tx, networks.SUBNETS, models.subnets.c.network_id == row["id"])


NETWORKS = Resource(
    "network", "networks", "networks", networks.NETWORKS, _COLUMNS, _CHANGEABLE | PROJECT, (), _CHANGEABLE, _show,
    _make, _change, _drop, booleans=("admin_state_up", "shared", "router:external"), integers=("mtu",), shape={
        "name": str, "admin_state_up": bool, "status": str, "mtu": int, "shared": bool, "router:external": bool,
        "is_default": bool, "subnets": [str], "port_security_enabled": bool, "availability_zones": [str],
        "availability_zone_hints": [str], "ipv4_address_scope": None, "ipv6_address_scope": None})
