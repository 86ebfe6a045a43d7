"""Addresses of servers, by network, and the security groups that their ports have."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from novasim import exceptions
from novasim.api import guards
from novasim.api.answers import answers
from novasim.api.views import servers as views
from novasim.api.wsgi import Request
from novasim.db import ports, security_groups
from novasim.db.engine import Transaction

if TYPE_CHECKING:
    from novasim.api.app import Api

_ACCESS = {"accessIPv4": "access_ip_v4", "accessIPv6": "access_ip_v6"}
_DEFAULT = {"name": security_groups.DEFAULT}
Addresses = dict[str, list[dict[str, Any]]]


class Networking(NamedTuple):
    """What is told of a server's ports."""
    addresses: Addresses
    security_groups: list[dict[str, str]]


def of_page(api: Api, tx: Transaction, server_ids: Iterable[str],
            known: Mapping[str, Sequence[ports.Addressed]] | None = None) -> dict[str, Networking]:
    """The addresses and groups of a page of servers, by uuid: one statement for all, one more for groups that are not
    the default ones. Without a network service nobody has addresses.

    :param known: their ports, where they were read already
    """
    if not api.conf.network.enabled:
        return {server_id: Networking({}, [_DEFAULT]) for server_id in server_ids}
    rows = ports.of_servers(tx, list(server_ids)) if known is None else known
    names = security_groups.names(tx, (group for of_one in rows.values() for row in of_one
                                       for group in ports.security_groups_of(row) or ()))
    return {server_id: Networking(_addresses(of_one), _groups(of_one, names)) for server_id, of_one in rows.items()}


def _addresses(rows: Iterable[ports.Addressed]) -> Addresses:
    found: Addresses = {}
    for row in rows:
        for address, kind in ((row.ip_address, "fixed"), (row.floating_ip_address, "floating")):
            if address is not None:
                found.setdefault(row.name or "", []).append({
                    "OS-EXT-IPS-MAC:mac_addr": row.mac_address, "OS-EXT-IPS:type": kind, "addr": address,
                    "version": 6 if ":" in address else 4})
    return found


def _groups(rows: Sequence[ports.Addressed], names: Mapping[str, str]) -> list[dict[str, str]]:
    """Each group once, in the order of the ports; that of a port to come where there is none."""
    found: dict[str, None] = {} if rows else {security_groups.DEFAULT: None}
    for row in rows:
        groups = ports.security_groups_of(row)
        found |= {security_groups.DEFAULT: None} if groups is None else {
            names.get(group, security_groups.DEFAULT): None for group in groups}
    return [{"name": name} for name in found]


def access(body: Mapping[str, str]) -> dict[str, str]:
    """The columns of the addresses that a server is said to be reached at: of all ways to write one, the shortest."""
    return {column: str(ipaddress.ip_address(body[field])) for field, column in _ACCESS.items() if field in body}


def asked_groups(body: Mapping[str, Any]) -> list[dict[str, str]]:
    """The security groups that a create answers: those that it asked for."""
    return [{"name": group.get("name", security_groups.DEFAULT)} for group in body.get("security_groups", [])] or [
        _DEFAULT]


def _of_one(api: Api, request: Request, server_id: str) -> Addresses:
    instance = guards.find(request, server_id, complete=False)
    request.authorize("ips:index", instance)
    return views.plain(api.db.read(lambda tx: of_page(api, tx, [instance.uuid]))[instance.uuid].addresses)


@answers({"addresses": {...: [views.ADDRESS]}})
def index(api: Api, request: Request, server_id: str) -> Any:
    return {"addresses": _of_one(api, request, server_id)}


@answers({...: [views.ADDRESS]}, about="Show a server's addresses on a network")
def show(api: Api, request: Request, server_id: str, network: str) -> Any:
    addresses = _of_one(api, request, server_id)
    if network not in addresses:
        raise exceptions.NotFound("Instance is not a member of specified network")
    return {network: addresses[network]}
