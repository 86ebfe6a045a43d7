"""The networks of new servers: what the field ``networks`` asks for is looked up and checked before a server is made,
and becomes ports with addresses in the transaction that makes it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from novasim import exceptions
from novasim.api.wsgi import HttpError, Request
from novasim.db import network_errors, networks, ports, security_groups
from novasim.db.engine import Transaction
from novasim.db.ports import Need
from novasim.objects import Instance

NONE, AUTO = "none", "auto"


class Wanted(NamedTuple):
    """One port of each new server: one that is there, or a new one on a network."""
    network: dict[str, Any]
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


class Missing(exceptions.Invalid):
    """What is asked for is not there."""


class Taken(exceptions.Invalid):
    """Somebody else has what is asked for."""


def _missing(network_id: str) -> Missing:
    return Missing(f"Network {network_id} could not be found.")


def read(request: Request, body: Mapping[str, Any], servers: int) -> list[Wanted]:
    """The ports that each new server is to have.

    :param servers: how many servers are asked for at most
    :raises Invalid, Conflict, Forbidden: naming what cannot be had
    """
    asked, api = body.get("networks") or None, request.api
    if asked == NONE:
        return []
    if not api.conf.network.enabled:
        for item in asked if isinstance(asked, list) else ():
            raise _missing(item.get("uuid") or item.get("port") or "")
        return []
    if not isinstance(asked, list):
        return _unasked(request, asked == AUTO)
    _check_items(asked, servers)
    project = request.context.viewer
    port_ids = [item["port"] for item in asked if item.get("port")]
    found = _ports(request, port_ids, project) if port_ids else {}
    wanted_networks = [found[item["port"]]["network_id"] if item.get("port") else item["uuid"] for item in asked]
    known = {network["id"]: network for network in api.db.read(networks.attachable, project, wanted_networks)}
    return [_wanted(request, item, known.get(network_id), network_id)
            for item, network_id in zip(asked, wanted_networks, strict=True)]


def _unasked(request: Request, auto: bool) -> list[Wanted]:
    """The one network that there is to be used unasked; of several, the user has to say which."""
    usable = [network for network in request.api.db.read(networks.attachable, request.context.project_id)
              if network["subnets"]]
    if len(usable) > 1:
        raise exceptions.Conflict("Multiple possible networks found, use a Network ID to be more specific.")
    if not usable and auto:
        raise exceptions.Invalid(
            f"Unable to automatically allocate a network for project {request.context.project_id}")
    return [Wanted(network) for network in usable]


def _check_items(asked: Sequence[Mapping[str, Any]], servers: int) -> None:
    """What can be said of the request without looking anything up."""
    for item in asked:
        address, port = item.get("fixed_ip"), item.get("port")
        if port and address:
            raise exceptions.Invalid(f"Specified Fixed IP '{address}' cannot be used with port '{port}': the two "
                                     "cannot be specified together.")
        if not port and not item.get("uuid"):
            raise exceptions.Invalid("Bad networks format: network uuid is not in proper format (None)")
        if servers > 1 and port:
            raise exceptions.Invalid("Unable to launch multiple instances with a single configured port ID. Please "
                                     "launch your instance one by one with different ports.")
        if servers > 1 and address:
            raise exceptions.Invalid("Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is "
                                     "specified.")
    ports_asked = [item["port"] for item in asked if item.get("port")]
    if len(set(ports_asked)) < len(ports_asked):
        raise exceptions.Invalid("A port can be given to a server once only.")


def _ports(request: Request, port_ids: Sequence[str], project: str | None) -> dict[str, networks.Row]:
    """Ports that are there and free, by id.

    :raises Invalid: when one is not there, or has no address
    :raises Conflict: when a server has it already
    """
    def look(tx: Transaction) -> dict[str, networks.Row]:
        rows = networks.list_page(tx, networks.PORTS, project, {"uuid": port_ids})
        addresses = ports.addresses_of(tx, [row["id"] for row in rows])
        return {row["id"]: row | {"fixed_ips": addresses[row["id"]]} for row in rows}

    found = request.api.db.read(look)
    for port_id in port_ids:
        if port_id not in found:
            raise Missing(f"Port id {port_id} could not be found.")
        if found[port_id]["device_id"]:
            raise _in_use(port_id)
        if not found[port_id]["fixed_ips"]:
            raise exceptions.Invalid(f"Port {port_id} requires a FixedIP in order to be used.")
    return found


def _in_use(port_id: str) -> exceptions.Conflict:
    return exceptions.Conflict(f"Port {port_id} is still in use.")


def _wanted(request: Request, item: Mapping[str, Any], network: dict[str, Any] | None, network_id: str) -> Wanted:
    if network is None:
        raise _missing(network_id)
    port_id, address = item.get("port"), item.get("fixed_ip")
    if port_id is None:
        check_attachable(request, network)
        if address is not None:
            check_address(request, network, address)
    return Wanted(network, port_id, address, item.get("tag"))


def check_attachable(request: Request, network: Mapping[str, Any]) -> None:
    """
    :raises Forbidden: for an external network, to others than admins
    :raises Invalid: for one without a subnet
    """
    if network["external"] and not network["shared"] and not request.context.is_admin:
        raise exceptions.Forbidden(
            f"It is not allowed to create an interface on external network {network['id']}")
    if not network["subnets"]:
        raise exceptions.Invalid(
            f"Network {network['id']} requires a subnet in order to boot instances on.")


def check_address(request: Request, network: Mapping[str, Any], address: str) -> None:
    """
    :raises Invalid: for an address that the network does not have, or that a device has
    """
    try:
        ports.subnet_for(network, address)
    except network_errors.InvalidIpForNetwork as error:
        raise exceptions.Invalid(
            f"Fixed IP {address} is not a valid ip address for network {network['id']}.") from error
    holder = request.api.db.read(ports.holders, [ports.written(address)], network["id"])
    for device in holder.values():
        raise Taken(f"Fixed IP {address} is already in use on instance {device}.")


def default_or(request: Request, body: Mapping[str, Any]) -> list[str] | None:
    """The ids of the security groups that are asked for; None: the default one.

    :raises Invalid, Conflict: see :func:`groups`
    """
    names = list(dict.fromkeys(group.get("name", security_groups.DEFAULT) for group in body.get("security_groups", [])))
    return None if names in ([], [security_groups.DEFAULT]) else groups(request, names, request.context.project_id)


def groups(request: Request, names: Sequence[str], project_id: str | None) -> list[str]:
    """The ids of security groups of a project.

    :param names: or ids
    :raises Missing, Conflict: when a name means none or several
    """
    found: dict[str, list[str]] = {}
    if request.api.conf.network.enabled:
        found = request.api.db.read(security_groups.find, project_id, names)
    for name in names:
        ids = found.get(name, [])
        if not ids:
            raise Missing(f"Unable to find security_group with name or id '{name}'")
        if len(ids) > 1:
            raise exceptions.Conflict(f"Multiple security_group matches found for name '{name}', use an ID to be more "
                                      "specific.")
    return [found[name][0] for name in names]


def allocate(tx: Transaction, servers: Sequence[Instance], wanted: Sequence[Wanted],
             group_ids: list[str] | None, zone: str) -> list[str]:
    """Give each server its ports. After the quota, before the actions.

    :param zone: the availability zone that the ports are said to be in
    :returns: the ids of the ports
    :raises Conflict: when somebody else has taken a port or an address meanwhile
    :raises Invalid: when a network has no free address left
    """
    bound: list[str] = []
    rows: list[dict[str, Any]] = []
    needs: list[Need] = []
    for server in servers:
        for one in wanted:
            if one.port_id is not None:
                _bind(tx, one.port_id, server, zone, one.tag)
                bound.append(one.port_id)
                continue
            port_id = str(uuid.uuid4())
            rows.append({"uuid": port_id, "network_id": one.network["id"], "project_id": server.project_id,
                         "device_id": server.uuid, "device_owner": ports.OF_SERVERS + zone, "tag": one.tag,
                         "security_groups": group_ids, "preserve_on_delete": False})
            subnets = ([ports.subnet_for(one.network, one.fixed_ip)] if one.fixed_ip
                       else ports.first_subnets(one.network))
            needs += [Need(port_id, one.network["id"], subnet, one.fixed_ip) for subnet in subnets]
    if not rows:
        return bound
    try:
        ports.create(tx, rows, needs)
    except network_errors.IpAddressGenerationFailure as error:
        raise exceptions.Invalid(
            f"No fixed IP addresses available for network: {error.kwargs['network_id']}") from error
    return [*bound, *(row["uuid"] for row in rows)]


def _bind(tx: Transaction, port_id: str, server: Instance, zone: str, tag: str | None) -> None:
    try:
        ports.bind(tx, port_id, server.uuid, ports.OF_SERVERS + zone, tag)
    except network_errors.PortBound as error:
        raise _in_use(port_id) from error


def must_be_served(request: Request) -> None:
    """
    :raises HttpError: 501 without a network service
    """
    if not request.api.conf.network.enabled:
        raise HttpError(501, "This cluster has no network service: its servers have no ports.")
