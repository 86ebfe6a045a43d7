"""Bodies of what the Compute API did with security groups and their rules."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from novasim import exceptions
from novasim.api.schemas import DIGITS, LONGEST_NUMBER, Schema, closed

_TEXT = {"type": "string", "maxLength": 255}
GROUP = Schema(closed({"security_group": closed({"name": _TEXT | {"minLength": 1}, "description": _TEXT},
                                                "name", "description")}, "security_group"))
_PORT = {"type": ["string", "integer", "null"]}
_OR_NONE = {"type": ["string", "null"], "maxLength": 255}
RULE = Schema(closed({"security_group_rule": closed({
    "parent_group_id": {"type": "string"}, "ip_protocol": {"type": ["string", "integer", "null"], "maxLength": 255},
    "from_port": _PORT, "to_port": _PORT, "cidr": _OR_NONE, "group_id": _OR_NONE}, "parent_group_id")},
    "security_group_rule"))
# Protocol -> the lowest and highest of what is a port, or to ICMP a type and a code.
_PROTOCOLS = {"tcp": (1, 65535), "udp": (1, 65535), "icmp": (-1, 255)}


def _port(value: Any) -> int | None:
    if value is None or isinstance(value, int) and not isinstance(value, bool):
        return value
    if DIGITS.fullmatch(str(value)) is None or len(str(value)) > LONGEST_NUMBER:
        raise exceptions.Invalid(f"Invalid port {value}: it is no number.")
    return int(value)


def _cidr(text: str) -> tuple[str, int]:
    """A range of addresses as it was written, and its IP version; an address alone is a range of one."""
    try:
        net = ipaddress.ip_network(text, strict=False)
        return text if "/" in text else str(net), net.version
    except ValueError as error:
        raise exceptions.Invalid(f"Invalid cidr {text}.") from error


def read_rule(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as the network service knows it; without its group.

    :raises Invalid: naming what is wrong
    """
    group_id = asked.get("group_id")
    cidr, version = _cidr(asked.get("cidr") or "0.0.0.0/0")
    rule = {"direction": "ingress", "remote_group_id": group_id, "ethertype": f"IPv{version}",
            "remote_ip_prefix": None if group_id else cidr}
    first, last = _port(asked.get("from_port")), _port(asked.get("to_port"))
    name = None if asked.get("ip_protocol") is None else str(asked["ip_protocol"]).lower()
    if name is not None and name not in _PROTOCOLS:
        raise exceptions.Invalid(f"Invalid IP protocol {asked['ip_protocol']}.")
    if group_id and first is None and last is None:
        return rule | {"protocol": name}
    if name is None or first is None or last is None:
        raise exceptions.Invalid("Not enough parameters to build a valid rule.")
    low, high = _PROTOCOLS[name]
    if not (low <= first <= high and low <= last <= high) or (name != "icmp" and first > last):
        raise exceptions.Invalid(f"Invalid port range {first}:{last}. Valid {name.upper()} ports are {low} to {high}.")
    # To ICMP, -1 is any.
    return rule | {"protocol": name, "port_range_min": None if first < 0 else first,
                   "port_range_max": None if last < 0 else last}
