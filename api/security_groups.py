"""Security groups as the Compute API had them until 2.35: those of the network service, told in other words. Rules for
what goes out are not told of."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from novasim import exceptions
from novasim.api import guards, query, requested_networks
from novasim.api.answers import Shape, answers
from novasim.api.network.resources import check_own
from novasim.api.network.security_groups import SECURITY_GROUP_RULES, SECURITY_GROUPS
from novasim.api.query import Parameter
from novasim.api.schemas import security_groups as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import network_errors, networks, ports, security_groups
from novasim.db.engine import Transaction
from novasim.db.networks import Row

if TYPE_CHECKING:
    from novasim.api.app import Api

T = TypeVar("T")
_PARAMETERS = {"limit": Parameter(query.whole), "offset": Parameter(query.whole),
               "all_tenants": Parameter(query.boolean)}
_GROUPS, _RULES = networks.SECURITY_GROUPS, networks.SECURITY_GROUP_RULES
# Refused by the network service with 409, here with 400.
_REFUSED = (network_errors.SecurityGroupInUse, network_errors.SecurityGroupCannotRemoveDefault,
            network_errors.SecurityGroupDefaultAlreadyExists, network_errors.SecurityGroupRuleExists)
_ANYWHERE = {"IPv4": "0.0.0.0/0", "IPv6": "::/0"}
_RULE: Shape = {"id": str, "parent_group_id": str, "ip_protocol": str | None, "from_port": int | None,
                "to_port": int | None, "group": ({}, {"name": str, "tenant_id": str}), "ip_range": ({}, {"cidr": str})}
_GROUP: Shape = {"id": str, "name": str, "description": str, "tenant_id": str, "rules": [_RULE]}


def _begin(request: Request, rule: str) -> None:
    request.authorize(f"os-security-groups:{rule}")
    requested_networks.must_be_served(request)


def _id(text: str) -> str:
    """
    :raises Invalid: when it is none
    """
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise exceptions.Invalid("Security group id should be uuid") from error


def _shown(tx: Transaction, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Groups with their rules: two statements for all."""
    rules = security_groups.rules_of(tx, [row["id"] for row in rows])
    coming = {group_id: [rule for rule in some if rule["direction"] == "ingress"] for group_id, some in rules.items()}
    remote = _remote(tx, [rule for some in coming.values() for rule in some])
    return [{"id": row["id"], "name": row["name"], "description": row["description"] or "",
             "tenant_id": row["project_id"], "rules": [_rule(rule, remote) for rule in coming[row["id"]]]}
            for row in rows]


def _remote(tx: Transaction, rules: Sequence[Row]) -> dict[str, Row]:
    ids = sorted({rule["remote_group_id"] for rule in rules if rule["remote_group_id"]})
    return {row["id"]: row for row in networks.list_page(tx, _GROUPS, filters={"uuid": ids})} if ids else {}


def _rule(rule: Row, remote: dict[str, Row]) -> dict[str, Any]:
    protocol, first, last = rule["protocol"], rule["port_range_min"], rule["port_range_max"]
    if protocol and first is None and last is None:
        first, last = (1, 65535) if protocol in ("tcp", "udp") else (-1, -1)
    shown = {"id": rule["id"], "parent_group_id": rule["security_group_id"], "ip_protocol": protocol,
             "from_port": first, "to_port": last, "group": {}, "ip_range": {}}
    group = remote.get(rule["remote_group_id"])
    if group is not None:
        return shown | {"group": {"name": group["name"], "tenant_id": group["project_id"]}}
    return shown | {"ip_range": {"cidr": rule["remote_ip_prefix"] or _ANYWHERE[rule["ethertype"]]}}


def _write(request: Request, change: Callable[[Transaction], T]) -> T:
    try:
        return request.api.db.write(change)
    except _REFUSED as error:
        raise exceptions.Invalid(error.text) from error


def _own(tx: Transaction, request: Request, kind: networks.Kind, thing_id: str) -> Row:
    row = networks.get(tx, kind, thing_id, request.context.viewer)
    check_own(request, row)
    return row


@answers({"security_groups": [_GROUP]}, errors=(501,))
def index(api: Api, request: Request) -> Any:
    _begin(request, "list")
    asked = query.read(request, _PARAMETERS)
    everybodys = request.context.is_admin and asked.get("all_tenants", False)
    first = asked.get("offset", 0)
    api.db.write(security_groups.ensure_default, request.context.project_id)

    def read(tx: Transaction) -> list[dict[str, Any]]:
        rows = networks.list_page(tx, _GROUPS, None if everybodys else request.context.project_id)
        return _shown(tx, rows[first:first + query.page_size(request, asked.get("limit"))])

    return {"security_groups": api.db.read(read)}


@answers({"security_group": _GROUP}, errors=(501,))
def show(api: Api, request: Request, security_group_id: str) -> Any:
    _begin(request, "show")
    group_id = _id(security_group_id)

    def read(tx: Transaction) -> dict[str, Any]:
        return _shown(tx, [networks.get(tx, _GROUPS, group_id, request.context.viewer)])[0]

    return {"security_group": api.db.read(read)}


@answers({"security_group": _GROUP}, errors=(501,), takes=bodies.GROUP)
def create(api: Api, request: Request) -> Any:
    body = request.json()
    bodies.GROUP.check(body)
    _begin(request, "create")
    made = str(uuid.uuid4())

    def change(tx: Transaction) -> dict[str, Any]:
        SECURITY_GROUPS.make(tx, request, made, dict(body["security_group"]))
        return _shown(tx, [networks.get(tx, _GROUPS, made)])[0]

    shown = _write(request, change)
    request.note("security group created", id=made)
    return {"security_group": shown}


@answers({"security_group": _GROUP}, errors=(501,), takes=bodies.GROUP)
def update(api: Api, request: Request, security_group_id: str) -> Any:
    body = request.json()
    bodies.GROUP.check(body)
    _begin(request, "update")
    group_id = _id(security_group_id)

    def change(tx: Transaction) -> dict[str, Any]:
        assert SECURITY_GROUPS.change is not None
        SECURITY_GROUPS.change(tx, request, _own(tx, request, _GROUPS, group_id), dict(body["security_group"]))
        return _shown(tx, [networks.get(tx, _GROUPS, group_id)])[0]

    return {"security_group": _write(request, change)}


@answers(None, 202, (501,))
def delete(api: Api, request: Request, security_group_id: str) -> Response:
    _begin(request, "delete")
    _write(request, functools.partial(_drop, request, _GROUPS, _id(security_group_id)))
    request.note("security group deleted", id=security_group_id)
    return Response(202)


def _drop(request: Request, kind: networks.Kind, thing_id: str, tx: Transaction) -> None:
    row = _own(tx, request, kind, thing_id)
    if kind is _GROUPS:
        SECURITY_GROUPS.drop(tx, request, row)
    networks.delete(tx, kind, kind.table.c.uuid == row["id"])


@answers({"security_group_rule": _RULE}, errors=(501,), takes=bodies.RULE)
def create_rule(api: Api, request: Request) -> Any:
    body = request.json()
    bodies.RULE.check(body)
    _begin(request, "rule:create")
    asked = body["security_group_rule"]
    rule = bodies.read_rule(asked)
    group_id, made = _id(asked["parent_group_id"]), str(uuid.uuid4())

    def change(tx: Transaction) -> dict[str, Any]:
        SECURITY_GROUP_RULES.make(tx, request, made, rule | {"security_group_id": group_id})
        row = networks.get(tx, _RULES, made)
        return _rule(row, _remote(tx, [row]))

    shown = _write(request, change)
    request.note("security group rule created", id=made)
    return {"security_group_rule": shown}


@answers(None, 202, (501,))
def delete_rule(api: Api, request: Request, rule_id: str) -> Response:
    _begin(request, "rule:delete")
    _write(request, functools.partial(_drop, request, _RULES, _id(rule_id)))
    request.note("security group rule deleted", id=rule_id)
    return Response(202)


@answers({"security_groups": [_GROUP]})
def of_server(api: Api, request: Request, server_id: str) -> Any:
    """The groups of a server's ports. This one has stayed."""
    instance = guards.find(request, server_id, complete=False)
    request.authorize("os-security-groups:list", instance)
    if not api.conf.network.enabled:
        return {"security_groups": []}
    rows = api.db.read(ports.of_servers, [instance.uuid])[instance.uuid]
    ids = {group_id for row in rows for group_id in (
        ports.security_groups_of(row) or [security_groups.default_id(row.project_id)])}
    if security_groups.default_id(instance.project_id) in ids:
        api.db.write(security_groups.ensure_default, instance.project_id)

    def read(tx: Transaction) -> list[dict[str, Any]]:
        return _shown(tx, networks.list_page(tx, _GROUPS, filters={"uuid": sorted(ids)}))

    return {"security_groups": api.db.read(read) if ids else []}
