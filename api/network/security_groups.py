"""Security groups and their rules. They are kept and told; no packet is ever held against them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING

from novasim import exceptions
from novasim.api.network.resources import FLAG, PROJECT, TEXT, UUID, Fields, Resource, check_own, owner
from novasim.api.wsgi import Request
from novasim.db import models, network_errors, networks, security_groups
from novasim.db.engine import Transaction
from novasim.db.networks import Row

if TYPE_CHECKING:
    from novasim.api.app import Api

_NAME = {"type": "string", "maxLength": 255}
_GROUP = {"name": _NAME, "description": TEXT, "stateful": FLAG}
_PORT = {"type": ["integer", "null"], "minimum": 0, "maximum": 65535}
_RULE = {"direction": {"enum": ["ingress", "egress"]}, "ethertype": {"enum": ["IPv4", "IPv6"]},
         "security_group_id": UUID, "protocol": {"type": ["string", "integer", "null"], "maxLength": 32},
         "port_range_min": _PORT, "port_range_max": _PORT, "remote_group_id": {"anyOf": [UUID, {"type": "null"}]},
         "remote_ip_prefix": {"type": ["string", "null"], "maxLength": 64}, "description": TEXT}
_PROTOCOLS = frozenset({
    "ah", "dccp", "egp", "esp", "gre", "icmp", "icmpv6", "igmp", "ipip", "ipv6-encap", "ipv6-frag", "ipv6-icmp",
    "ipv6-nonxt", "ipv6-opts", "ipv6-route", "ospf", "pgm", "rsvp", "sctp", "tcp", "udp", "udplite", "vrrp"})
_KEPT = ("direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_group_id",
         "remote_ip_prefix", "security_group_id")
_RULE_SHAPE = dict.fromkeys(_KEPT, str | None) | {
    "port_range_min": int | None, "port_range_max": int | None, "remote_address_group_id": None,
    "normalized_cidr": None, "belongs_to_default_sg": None}


def _rule(row: Row) -> Fields:
    return {name: row[name] for name in _KEPT} | {"remote_address_group_id": None, "normalized_cidr": None,
                                                  "belongs_to_default_sg": None}


def _show(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Fields]:
    rules = security_groups.rules_of(tx, [row["id"] for row in rows])
    return [{"name": row["name"], "stateful": row["stateful"], "shared": False, "security_group_rules": [
        {"id": rule["id"], "project_id": rule["project_id"], "tenant_id": rule["project_id"],
         "description": rule["description"] or ""} | _rule(rule) for rule in rules[row["id"]]]} for row in rows]


def _make(tx: Transaction, request: Request, uuid: str, fields: Fields) -> None:
    project_id = owner(request, fields)
    if fields["name"].lower() == security_groups.DEFAULT:
        raise network_errors.SecurityGroupDefaultAlreadyExists()
    security_groups.create(tx, uuid, project_id, fields["name"], fields.get("description") or "",
                           fields.get("stateful", True))


def _prepare(api: Api, project_id: str | None) -> None:
    """Who looks finds the default group."""
    if not api.db.read(security_groups.has_default, project_id):
        api.db.write(security_groups.ensure_default, project_id)


def _is_default(row: Row) -> bool:
    return bool(row["id"] == security_groups.default_id(row["project_id"]))


def _change(tx: Transaction, request: Request, row: Row, fields: Fields) -> None:
    if "name" in fields and fields["name"] != row["name"] and (
            _is_default(row) or fields["name"].lower() == security_groups.DEFAULT):
        raise network_errors.SecurityGroupDefaultAlreadyExists()
    networks.update(tx, networks.SECURITY_GROUPS, row["id"], **fields)


def _drop(tx: Transaction, request: Request, row: Row) -> None:
    if _is_default(row) and not request.context.is_admin:
        raise network_errors.SecurityGroupCannotRemoveDefault()
    if security_groups.in_use(tx, row["id"]):
        raise network_errors.SecurityGroupInUse(id=row["id"])
    rules = models.security_group_rules.c
    networks.delete(tx, networks.SECURITY_GROUP_RULES,
                    (rules.security_group_id == row["id"]) | (rules.remote_group_id == row["id"]))


def _show_rules(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Fields]:
    return [_rule(row) for row in rows]


def _make_rule(tx: Transaction, request: Request, uuid: str, fields: Fields) -> None:
    project_id = owner(request, fields)
    security_groups.ensure_default(tx, project_id)
    group = networks.get(tx, networks.SECURITY_GROUPS, fields["security_group_id"], request.context.viewer)
    check_own(request, group)
    networks.update(tx, networks.SECURITY_GROUPS, group["id"])
    rule = dict.fromkeys(_KEPT) | {"ethertype": "IPv4"} | fields
    _check_protocol(rule)
    _check_remote(tx, request, rule)
    same = {name: rule[name] for name in _KEPT}
    for other in security_groups.rules_of(tx, [group["id"]])[group["id"]]:
        if {name: other[name] for name in _KEPT} == same:
            raise network_errors.SecurityGroupRuleExists(id=other["id"])
    networks.create(tx, networks.SECURITY_GROUP_RULES, [
        {"description": ""} | rule | {"uuid": uuid, "project_id": group["project_id"]}])


def _check_protocol(rule: Fields) -> None:
    protocol = rule["protocol"]
    if protocol is not None:
        protocol = rule["protocol"] = str(protocol).lower()
        if protocol == "any":
            protocol = rule["protocol"] = None
        elif protocol not in _PROTOCOLS and not (protocol.isascii() and protocol.isdigit() and int(protocol) < 256):
            raise exceptions.Invalid(f"Security group rule protocol {protocol} not supported.")
    low, high = rule["port_range_min"], rule["port_range_max"]
    if low is None and high is None:
        return
    if protocol is None:
        raise exceptions.Invalid("Must also specify protocol if port range is given.")
    icmp = protocol in ("icmp", "icmpv6", "ipv6-icmp", "1", "58")
    if low is None or (not icmp and (high is None or low > high)) or (icmp and max(low, high or 0) > 255):
        raise exceptions.Invalid(f"Invalid range for port: {low} to {high}.")


def _check_remote(tx: Transaction, request: Request, rule: Fields) -> None:
    prefix = rule["remote_ip_prefix"]
    if prefix is not None and rule["remote_group_id"] is not None:
        raise exceptions.Invalid("Only remote_ip_prefix or remote_group_id may be provided.")
    if rule["remote_group_id"] is not None:
        networks.get(tx, networks.SECURITY_GROUPS, rule["remote_group_id"], request.context.viewer)
    if prefix is None:
        return
    try:
        network = ipaddress.ip_network(prefix, strict=False)
    except ValueError as error:
        raise exceptions.Invalid(f"Invalid input for remote_ip_prefix: '{prefix}' is not a valid IP prefix."
                                 ) from error
    if f"IPv{network.version}" != rule["ethertype"]:
        raise exceptions.Invalid(f"Conflicting value ethertype {rule['ethertype']} for CIDR {prefix}")


def _drop_rule(tx: Transaction, request: Request, row: Row) -> None:
    """Nothing else depends on a rule."""


SECURITY_GROUPS = Resource(
    "security_group", "security_groups", "security-groups", networks.SECURITY_GROUPS,
    {"name": "name", "stateful": "stateful"}, _GROUP | PROJECT, ("name",), _GROUP, _show, _make, _change, _drop,
    booleans=("stateful",), prepare=_prepare, shape={
        "name": str, "stateful": bool, "shared": bool, "security_group_rules": [_RULE_SHAPE | {
            "id": str, "project_id": str | None, "tenant_id": str | None, "description": str}]})
SECURITY_GROUP_RULES = Resource(
    "security_group_rule", "security_group_rules", "security-group-rules", networks.SECURITY_GROUP_RULES,
    {name: name for name in _KEPT}, _RULE | PROJECT, ("direction", "security_group_id"), {}, _show_rules, _make_rule,
    None, _drop_rule, integers=("port_range_min", "port_range_max"), prepare=_prepare, shape=_RULE_SHAPE)
