"""Floating IPs as the Compute API had them until 2.35, and until 2.43 as actions of servers: those of the network
service, told in other words. A pool is an external network."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import requested_networks
from novasim.api.answers import answers
from novasim.api.network.floating_ips import FLOATING_IPS
from novasim.api.network.resources import check_own
from novasim.api.schemas import floating_ips as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import networks, ports
from novasim.db.engine import Transaction
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api
_SHAPE = {"id": str, "ip": str, "fixed_ip": str | None, "pool": str | None, "instance_id": str | None}


def _shown(tx: Transaction, rows: Sequence[networks.Row]) -> list[dict[str, Any]]:
    pools = _by_id(tx, networks.NETWORKS, [row["floating_network_id"] for row in rows])
    led = _by_id(tx, networks.PORTS, [row["port_id"] for row in rows if row["port_id"]])
    return [{"id": row["id"], "ip": row["floating_ip_address"], "fixed_ip": row["fixed_ip_address"],
             "pool": pools[row["floating_network_id"]]["name"] if row["floating_network_id"] in pools else None,
             "instance_id": led[row["port_id"]]["device_id"] or None if row["port_id"] in led else None}
            for row in rows]


def _by_id(tx: Transaction, kind: networks.Kind, ids: Sequence[str]) -> dict[str, networks.Row]:
    return {row["id"]: row for row in networks.list_page(tx, kind, filters={"uuid": ids})} if ids else {}


def _pools(tx: Transaction, request: Request, name: str | None = None) -> list[networks.Row]:
    """The external networks; only those that are called so, or have this id."""
    rows = networks.list_page(tx, networks.NETWORKS, request.context.viewer, {"external": [True]})
    return [row for row in rows if name in (None, row["name"], row["id"])]


def _begin(request: Request, rule: str) -> None:
    request.authorize(f"os-floating-ips:{rule}")
    requested_networks.must_be_served(request)


@answers({"floating_ip_pools": [{"name": str}]}, errors=(501,))
def pools(api: Api, request: Request) -> Any:
    request.authorize("os-floating-ip-pools")
    requested_networks.must_be_served(request)
    return {"floating_ip_pools": [{"name": row["name"] or row["id"]} for row in api.db.read(_pools, request)]}


@answers({"floating_ips": [_SHAPE]}, errors=(501,))
def index(api: Api, request: Request) -> Any:
    _begin(request, "list")

    def read(tx: Transaction) -> list[dict[str, Any]]:
        return _shown(tx, networks.list_page(tx, networks.FLOATING_IPS, request.context.project_id))

    return {"floating_ips": api.db.read(read)}


@answers({"floating_ip": _SHAPE}, errors=(501,))
def show(api: Api, request: Request, floating_ip_id: str) -> Any:
    _begin(request, "show")

    def read(tx: Transaction) -> dict[str, Any]:
        return _shown(tx, [networks.get(tx, networks.FLOATING_IPS, floating_ip_id, request.context.viewer)])[0]

    return {"floating_ip": api.db.read(read)}


@answers({"floating_ip": _SHAPE}, errors=(409, 501), takes=bodies.CREATE)
def create(api: Api, request: Request) -> Any:
    """One of a pool; without a name, of the first that there is."""
    body = request.json() if request.wire.content_length else {}
    bodies.CREATE.check(body)
    _begin(request, "create")
    made, name = str(uuid.uuid4()), body.get("pool")

    def change(tx: Transaction) -> dict[str, Any]:
        found = _pools(tx, request, name)
        if not found:
            raise exceptions.NotFound("Floating IP pool not found.")
        FLOATING_IPS.make(tx, request, made, {"floating_network_id": found[0]["id"]})
        return _shown(tx, [networks.get(tx, networks.FLOATING_IPS, made)])[0]

    shown = api.db.write(change)
    request.note("floating IP created", id=made)
    return {"floating_ip": shown}


@answers(None, 202, (409, 501))
def delete(api: Api, request: Request, floating_ip_id: str) -> Response:
    _begin(request, "delete")

    def change(tx: Transaction) -> None:
        row = networks.get(tx, networks.FLOATING_IPS, floating_ip_id, request.context.viewer)
        check_own(request, row)
        FLOATING_IPS.drop(tx, request, row)
        networks.delete(tx, networks.FLOATING_IPS, networks.FLOATING_IPS.table.c.uuid == row["id"])

    api.db.write(change)
    request.note("floating IP deleted", id=floating_ip_id)
    return Response(202)


def _of_address(tx: Transaction, request: Request, address: str) -> networks.Row:
    rows = networks.list_page(tx, networks.FLOATING_IPS, request.context.viewer, {
        "floating_ip_address": [ports.written(address)]})
    if not rows:
        raise exceptions.NotFound("floating IP not found")
    check_own(request, rows[0])
    return rows[0]


def add(request: Request, instance: Instance, body: dict[str, str]) -> None:
    """Let a floating IP lead to a server, and to none that it led to before.

    :raises NotFound: when there is no such address
    :raises Invalid: when the server has no address that it could lead to, or another leads there
    """
    requested_networks.must_be_served(request)

    def change(tx: Transaction) -> None:
        row = _of_address(tx, request, body["address"])
        have = [(one.port_id, one.ip_address) for one in ports.of_servers(tx, [instance.uuid])[instance.uuid]
                if one.ip_address and ":" not in one.ip_address]
        if not have:
            raise exceptions.Invalid("No fixed IPs associated to instance")
        wanted = body.get("fixed_address")
        port_id, fixed = next((pair for pair in have if wanted in (None, pair[1])), (None, None))
        if port_id is None:
            raise exceptions.Invalid("Specified fixed address not assigned to instance")
        assert FLOATING_IPS.change is not None
        FLOATING_IPS.change(tx, request, row, {"port_id": port_id, "fixed_ip_address": fixed})

    try:
        request.api.db.write(change)
    except exceptions.Conflict as error:
        raise exceptions.Invalid(error.text) from error
    request.note("addFloatingIp done", instance)


def remove(request: Request, instance: Instance, body: dict[str, str]) -> None:
    """Let a floating IP lead to a server no more.

    :raises NotFound: when there is no such address
    :raises Conflict: when it does not lead to the server
    """
    requested_networks.must_be_served(request)

    def change(tx: Transaction) -> None:
        row = _of_address(tx, request, body["address"])
        if row["port_id"] not in {port["id"] for port in ports.rows_of_server(tx, instance.uuid)}:
            raise exceptions.Conflict(
                f"Floating IP {body['address']} is not associated with instance {instance.uuid}.")
        networks.update(tx, networks.FLOATING_IPS, row["id"], port_id=None, fixed_ip_address=None)

    request.api.db.write(change)
    request.note("removeFloatingIp done", instance)
