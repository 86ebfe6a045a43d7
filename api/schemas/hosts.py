"""Bodies of PUT /os-hosts/{host}."""

from __future__ import annotations

from novasim.api.schemas import Schema, closed

_SWITCH = {"type": "string", "enum": [word for name in ("enable", "disable")
                                      for word in (name, name.capitalize(), name.upper())]}
UPDATE = Schema(closed({"status": _SWITCH, "maintenance_mode": _SWITCH}, minProperties=1))
