"""Ports and the addresses they have.

An address is drawn by chance from its subnet's range, looked up, and inserted under a unique constraint: no counter
that all would have to wait for, and as cheap in a large subnet as in a small one. Who loses the race for one, runs
its transaction again. Only where a range is nearly full are its free addresses searched for.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, exists, or_, select
from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement

from novasim.db import instances, models, network_errors, networks, security_groups
from novasim.db.engine import Transaction

_P = models.ports.c
_A = models.ip_allocations.c
_N = models.networks.c
_F = models.floating_ips.c
_I = models.instances.c
# Addresses drawn at once for one that is needed: at first, and when all of them were taken.
_DRAWS = (3, 200)
# The largest range that is searched for what is free in it.
_SEARCHED = 1 << 16
# Key of a server's system_metadata that says that it has ports, or had some.
NETWORK_ALLOCATED = "network_allocated"
OF_SERVERS = "compute:"
# Anybody may write a server's id on a port, but only compute gives it to the server.
_BOUND = and_(_P.deleted == 0, _P.device_owner.startswith(OF_SERVERS))


class Need(NamedTuple):
    """An address for somebody.

    :ivar owner_id: a port, or a floating IP
    :ivar subnet: with id, first_ip, last_ip
    :ivar ip_address: this one; None: any
    """
    owner_id: str
    network_id: str
    subnet: Mapping[str, Any]
    ip_address: str | None = None


def subnet_for(network: Mapping[str, Any], address: str) -> Mapping[str, Any]:
    """The subnet of a network that an address lies in.

    :raises InvalidIpForNetwork: when it lies in none
    """
    for subnet in network["subnets"]:
        net = ipaddress.ip_network(subnet["cidr"])
        ip = ipaddress.ip_address(address)
        if ip in net and ip != net.network_address and (net.version == 6 or ip != net.broadcast_address):
            return subnet
    raise network_errors.InvalidIpForNetwork(ip_address=address, network_id=network["id"])


def first_subnets(network: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where a port has its addresses that asks for none: the first subnet of each IP version."""
    found: dict[int, Mapping[str, Any]] = {}
    for subnet in network["subnets"]:
        found.setdefault(subnet["ip_version"], subnet)
    return list(found.values())


def allocate(tx: Transaction, needs: Sequence[Need]) -> dict[str, list[str]]:
    """Give addresses.

    :returns: owner -> its addresses, in the order of ``needs``
    :raises IpAddressInUse: for one that was asked for by name
    :raises IpAddressGenerationFailure: when a range is full
    """
    chosen: dict[int, str] = {number: written(need.ip_address) for number, need in enumerate(needs) if need.ip_address}
    wanted = [(needs[number].subnet["id"], address) for number, address in chosen.items()]
    given = set(wanted)
    taken = _taken(tx, given)
    for (subnet_id, address), need in zip(wanted, (need for need in needs if need.ip_address), strict=True):
        if (subnet_id, address) in taken or wanted.count((subnet_id, address)) > 1:
            raise network_errors.IpAddressInUse(network_id=need.network_id, ip_address=address)
    for draws in _DRAWS:
        left = [number for number in range(len(needs)) if number not in chosen]
        drawn = {number: [_draw(needs[number].subnet) for _ in range(draws)] for number in left}
        taken = _taken(tx, {(needs[number].subnet["id"], address) for number in left for address in drawn[number]})
        for number, addresses in drawn.items():
            _choose(needs[number], addresses, taken | given, number, chosen, given)
    for number in range(len(needs)):
        if number not in chosen:
            _choose(needs[number], _free(tx, needs[number], given), given, number, chosen, given)
        if number not in chosen:
            raise network_errors.IpAddressGenerationFailure(network_id=needs[number].network_id)
    if needs:
        tx.insert_missing(models.ip_allocations, [
            {"port_id": need.owner_id, "subnet_id": need.subnet["id"], "ip_address": chosen[number]}
            for number, need in enumerate(needs)])
    found: dict[str, list[str]] = {}
    for number, need in enumerate(needs):
        found.setdefault(need.owner_id, []).append(chosen[number])
    return found


def written(address: str) -> str:
    """An address in the one form in which it is kept."""
    return str(ipaddress.ip_address(address))


def _choose(need: Need, addresses: Sequence[str], taken: Collection[tuple[str, str]], number: int,
            chosen: dict[int, str], given: set[tuple[str, str]]) -> None:
    for address in addresses:
        pair = (need.subnet["id"], address)
        if pair not in taken and pair not in given:
            chosen[number] = address
            given.add(pair)
            return


def _range(subnet: Mapping[str, Any]) -> tuple[int, int]:
    """The first address that a subnet gives, as a number, and how many it gives."""
    first, last = ipaddress.ip_address(subnet["first_ip"]), ipaddress.ip_address(subnet["last_ip"])
    return int(first), int(last) - int(first) + 1


def _text(subnet: Mapping[str, Any], number: int) -> str:
    kind = ipaddress.IPv6Address if ":" in subnet["first_ip"] else ipaddress.IPv4Address
    return str(kind(number))


def _draw(subnet: Mapping[str, Any]) -> str:
    first, size = _range(subnet)
    return _text(subnet, first + secrets.randbelow(size))


def _taken(tx: Transaction, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these (subnet, address) somebody has."""
    by_subnet: dict[str, list[str]] = {}
    for subnet_id, address in pairs:
        by_subnet.setdefault(subnet_id, []).append(address)
    if not by_subnet:
        return set()
    return {(row.subnet_id, row.ip_address) for row in tx.execute(select(_A.subnet_id, _A.ip_address).where(or_(*(
        and_(_A.subnet_id == subnet_id, _A.ip_address.in_(addresses)) for subnet_id, addresses in by_subnet.items()))))}


def _free(tx: Transaction, need: Need, given: set[tuple[str, str]]) -> list[str]:
    """One free address of a range that is nearly full, if there is one."""
    first, size = _range(need.subnet)
    if size > _SEARCHED:
        return []
    used = {row.ip_address for row in tx.execute(select(_A.ip_address).where(_A.subnet_id == need.subnet["id"]))}
    used |= {address for subnet_id, address in given if subnet_id == need.subnet["id"]}
    free = [text for text in (_text(need.subnet, first + offset) for offset in range(size)) if text not in used]
    return [secrets.choice(free)] if free else []


def mac_address(addresses: Sequence[str]) -> str:
    """A MAC address: made from an IPv4 address, so that no two of a subnet have the same; else by chance."""
    for address in addresses:
        if "." in address:
            low = ipaddress.ip_address(address).packed[1:]
            break
    else:
        low = secrets.token_bytes(3)
    return "fa:16:3e:" + ":".join(f"{byte:02x}" for byte in low)


def create(tx: Transaction, ports: Sequence[dict[str, Any]], needs: Sequence[Need]) -> None:
    """Insert ports with the addresses they need.

    :param ports: rows with ``uuid`` and ``network_id``; a ``mac_address`` is made where there is none
    :raises IpAddressInUse, IpAddressGenerationFailure: see :func:`allocate`
    """
    addresses = allocate(tx, needs)
    networks.create(tx, networks.PORTS, [
        {"device_id": "", "device_owner": "", "admin_state_up": True, "preserve_on_delete": True, "name": "",
         "description": "", "security_groups": None, "tag": None} | port
        | {"mac_address": port.get("mac_address") or mac_address(addresses.get(port["uuid"], ()))} for port in ports])


def bind(tx: Transaction, port_id: str, device_id: str, device_owner: str, tag: str | None) -> None:
    """Give a port that was there before to a server.

    :raises PortBound: when another has it
    """
    if not tx.execute(sql_update(models.ports).where(_P.uuid == port_id, _P.deleted == 0, _P.device_id == "").values(
            device_id=device_id, device_owner=device_owner, tag=tag, updated_at=tx.now)).rowcount:
        raise network_errors.PortBound(id=port_id)


def unbind(tx: Transaction, *which: ColumnElement[bool]) -> int:
    """Take ports from their server, and keep them."""
    return tx.execute(sql_update(models.ports).where(*which, _P.deleted == 0).values(
        device_id="", device_owner="", tag=None, updated_at=tx.now)).rowcount


def remove(tx: Transaction, port_ids: Sequence[str]) -> None:
    """Delete ports for good: their addresses are free, and floating IPs lead nowhere."""
    if not port_ids:
        return
    networks.delete(tx, networks.PORTS, _P.uuid.in_(port_ids))
    give_back(tx, port_ids)


def give_back(tx: Transaction, owner_ids: Sequence[str], addresses: Sequence[str] | None = None) -> int:
    """Free addresses of ports or floating IPs; floating IPs that lead to one of them lead nowhere.

    :param addresses: these ones; None: all
    :returns: how many there were
    """
    which = [] if addresses is None else [_A.ip_address.in_(addresses)]
    led = [] if addresses is None else [_F.fixed_ip_address.in_(addresses)]
    tx.execute(sql_update(models.floating_ips).where(_F.port_id.in_(owner_ids), _F.deleted == 0, *led).values(
        port_id=None, fixed_ip_address=None, updated_at=tx.now))
    return tx.execute(sql_delete(models.ip_allocations).where(_A.port_id.in_(owner_ids), *which)).rowcount


def rows_of_server(tx: Transaction, instance_uuid: str, port_id: str | None = None) -> list[networks.Row]:
    """The ports of a server in the order in which they were made, or one of them."""
    which = [_P.device_id == instance_uuid, _BOUND, *([] if port_id is None else [_P.uuid == port_id])]
    return networks.list_page(tx, networks.PORTS, extra=which)


def change_groups(tx: Transaction, instance_uuid: str, group_id: str, add: bool) -> bool:
    """Give a security group to all ports of a server, or take it from them; False when there was nothing to do."""
    changed = False
    for row in rows_of_server(tx, instance_uuid):
        groups = row["security_groups"]
        groups = [security_groups.default_id(row["project_id"])] if groups is None else groups
        if (group_id in groups) != add:
            wanted = [*groups, group_id] if add else [one for one in groups if one != group_id]
            networks.update(tx, networks.PORTS, row["id"], security_groups=wanted)
            changed = True
    return changed or add


def release(tx: Transaction, instance_uuid: str, port_id: str | None = None) -> int:
    """Take its ports, or one of them, from a server: what was made for it goes, what was there before stays.

    :returns: how many there were
    """
    which = [_P.device_id == instance_uuid, _BOUND, *([] if port_id is None else [_P.uuid == port_id])]
    found = tx.execute(select(_P.uuid, _P.preserve_on_delete).where(*which)).all()
    remove(tx, [row.uuid for row in found if not row.preserve_on_delete])
    kept = [row.uuid for row in found if row.preserve_on_delete]
    if kept:
        unbind(tx, _P.uuid.in_(kept))
    return len(found)


def addresses_of(tx: Transaction, port_ids: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """The addresses of a page of ports: one statement for all."""
    found: dict[str, list[dict[str, str]]] = {port_id: [] for port_id in port_ids}
    if found:
        for row in tx.execute(select(models.ip_allocations).where(_A.port_id.in_(port_ids)).order_by(_A.id)):
            found[row.port_id].append({"subnet_id": row.subnet_id, "ip_address": row.ip_address})
    return found


class Addressed(NamedTuple):
    """A port of a server with one of its addresses, if it has any: each address is a row.

    :ivar number, allocation: by which rows are in order
    :ivar name: that of the network
    :ivar security_groups: as JSON; None: the default one of its project
    """
    number: int
    allocation: int | None
    device_id: str
    port_id: str
    project_id: str
    network_id: str
    name: str | None
    mac_address: str
    security_groups: str | None
    ip_address: str | None
    floating_ip_address: str | None


_JOINS = ((models.networks, and_(_N.uuid == _P.network_id, _N.deleted == 0)),
          (models.ip_allocations, _A.port_id == _P.uuid),
          (models.floating_ips, and_(_F.port_id == _P.uuid, _F.fixed_ip_address == _A.ip_address, _F.deleted == 0)))
_ADDRESSED = tuple(column.label(name) for name, column in zip(Addressed._fields, (
    _P.id, _A.id, _P.device_id, _P.uuid, _P.project_id, _P.network_id, _N.name, _P.mac_address, _P.security_groups,
    _A.ip_address, _F.floating_ip_address), strict=True))
# With each server that is read.
BESIDE = instances.Beside(_ADDRESSED, ((models.ports, and_(_P.device_id == _I.uuid, _BOUND)), *_JOINS))
# Sorted where they are used: MariaDB would make a table for it, be they ever so few.
_OF_SERVERS = select(*_ADDRESSED).select_from(instances.outer_joins(models.ports, _JOINS)).where(
    _BOUND, _P.device_id.in_(bindparam("server_ids", expanding=True)))


def of_servers(tx: Transaction, server_ids: Sequence[str]) -> dict[str, list[Addressed]]:
    """The addresses of a page of servers, one statement for all."""
    found: dict[str, list[Addressed]] = {server_id: [] for server_id in server_ids}
    if found:
        for row in sorted(map(Addressed._make, tx.execute(_OF_SERVERS, {"server_ids": list(found)})), key=_order):
            found[row.device_id].append(row)
    return found


def _order(row: Addressed) -> tuple[int, int]:
    return row.number, row.allocation or 0


def of_found(rows: Sequence[dict[str, Any]]) -> list[Addressed]:
    """The same of what was found beside a server (:data:`BESIDE`), maybe with more."""
    return sorted((Addressed._make(row[name] for name in Addressed._fields)
                   for row in rows if row["number"] is not None), key=_order)


def security_groups_of(row: Addressed) -> list[str] | None:
    """The ids of the groups of a port's row; None: the default one of its project."""
    return None if row.security_groups is None else list(json.loads(row.security_groups))


def hosts_of(tx: Transaction, device_ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
    """Where servers are and in which state: (host, vm_state) by id."""
    return {row.uuid: (row.host, row.vm_state) for row in tx.execute(select(_I.uuid, _I.host, _I.vm_state).where(
        _I.uuid.in_(device_ids), _I.deleted == 0))} if device_ids else {}


def has_address(pattern: str, version: int) -> ColumnElement[bool]:
    """The condition that a server has an address that a regular expression is found in."""
    six = _A.ip_address.contains(":")
    return exists().where(_P.device_id == _I.uuid, _BOUND, _A.port_id == _P.uuid,
                          six if version == 6 else ~six, _A.ip_address.regexp_match(pattern))


def with_address(ip_address: Sequence[str] | None = None,
                 subnet_id: Sequence[str] | None = None) -> ColumnElement[bool]:
    """The condition that a port has one of these addresses, or one of these subnets."""
    which = [_A.port_id == _P.uuid]
    which += [] if ip_address is None else [_A.ip_address.in_(ip_address)]
    which += [] if subnet_id is None else [_A.subnet_id.in_(subnet_id)]
    return exists().where(*which)


def holders(tx: Transaction, addresses: Sequence[str], network_id: str) -> dict[str, str]:
    """Which device has which of these addresses of a network."""
    return {row.ip_address: row.device_id for row in tx.execute(select(_A.ip_address, _P.device_id).where(
        _A.ip_address.in_(addresses), _P.uuid == _A.port_id, _P.deleted == 0, _P.network_id == network_id))}


def is_used(tx: Transaction, subnet_ids: Sequence[str]) -> bool:
    """Whether somebody has an address of one of these subnets."""
    return tx.execute(select(_A.id).where(_A.subnet_id.in_(subnet_ids)).limit(1)).first() is not None


def any_on(tx: Transaction, network_id: str) -> bool:
    """Whether a network has ports."""
    return tx.execute(select(_P.id).where(_P.network_id == network_id, _P.deleted == 0).limit(1)).first() is not None


def all_bound(tx: Transaction) -> list[Any]:
    """Every port of a server: for checkers, not for services."""
    return list(tx.execute(select(_P.uuid, _P.device_id).where(_BOUND)))


def strays(tx: Transaction) -> list[Any]:
    """Addresses that neither a port nor a floating IP has: for checkers, not for services."""
    held = [exists().where(columns.uuid == _A.port_id, columns.deleted == 0) for columns in (_P, _F)]
    return list(tx.execute(select(_A.ip_address, _A.port_id).where(~or_(*held))))
