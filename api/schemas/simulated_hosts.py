"""Bodies of POST /os-simulator/hosts..."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import Schema, closed
from novasim.db import simulated_hosts
from novasim.sim import hostnames

# A name, or a range of them: cmp-[0001-0050].
_HOSTS: dict[str, Any] = {"type": "array", "minItems": 1, "maxItems": 1000, "items": {
    "type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[A-Za-z0-9._\[\]-]*$"}}
SCALE = Schema(closed({"scale": closed({
    "count": {"type": "integer", "minimum": 1, "maximum": hostnames.MOST},
    "profile": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z0-9-]*$"}}, "count")}, "scale"))
ACTION = Schema(closed({action: closed({"hosts": _HOSTS}, "hosts")
                        for action in (*simulated_hosts.ACTIONS, "remove")}, minProperties=1, maxProperties=1))
