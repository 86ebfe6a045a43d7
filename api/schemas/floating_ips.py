"""Bodies of what the Compute API did with floating IPs."""

from __future__ import annotations

from novasim.api.schemas import Schema, Versions, closed

CREATE = Schema(closed({"pool": {"type": ["string", "null"], "maxLength": 255}}))
_IP = {"type": "string", "format": "ipv4"}
ADD = Versions((1, closed({"addFloatingIp": closed({"address": _IP, "fixed_address": _IP}, "address")},
                          "addFloatingIp")))
REMOVE = Versions((1, closed({"removeFloatingIp": closed({"address": _IP}, "address")}, "removeFloatingIp")))
