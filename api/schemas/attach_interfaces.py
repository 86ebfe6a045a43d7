"""Bodies of POST on the interfaces of a server, and of the actions on addresses that 2.44 has dropped."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import Versions, closed
from novasim.api.schemas.servers import TAG

_IP = {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}
_UUID = {"type": "string", "format": "uuid"}
_FIELDS: dict[str, Any] = {
    "net_id": _UUID, "port_id": _UUID,
    "fixed_ips": {"type": "array", "minItems": 1, "maxItems": 1, "items": closed({"ip_address": _IP}, "ip_address")}}


def _attach(fields: dict[str, Any]) -> dict[str, Any]:
    return closed({"interfaceAttachment": closed(fields)})


CREATE = Versions((1, _attach(_FIELDS)), (49, _attach(_FIELDS | {"tag": TAG})))
ADD_FIXED_IP = Versions((1, closed({"addFixedIp": closed({"networkId": _UUID}, "networkId")}, "addFixedIp")))
REMOVE_FIXED_IP = Versions((1, closed({"removeFixedIp": closed({"address": _IP}, "address")}, "removeFixedIp")))
_NAMED = closed({"name": {"type": "string", "minLength": 1, "maxLength": 255}}, "name")
ADD_SECURITY_GROUP = Versions((1, closed({"addSecurityGroup": _NAMED}, "addSecurityGroup")))
REMOVE_SECURITY_GROUP = Versions((1, closed({"removeSecurityGroup": _NAMED}, "removeSecurityGroup")))
