"""Bodies of PUT /os-services/..."""

from __future__ import annotations

from novasim.api.schemas import BOOLEAN, HOST, Schema, closed

_WHO = {"host": HOST, "binary": {"type": "string", "minLength": 1, "maxLength": 255}}
_REASON = {"type": "string", "minLength": 1, "maxLength": 255}
BY_NAME = {
    "enable": Schema(closed(_WHO, "host", "binary")),
    "disable": Schema(closed(_WHO, "host", "binary")),
    "disable-log-reason": Schema(closed(_WHO | {"disabled_reason": _REASON}, "host", "binary", "disabled_reason")),
    "force-down": Schema(closed(_WHO | {"forced_down": BOOLEAN}, "host", "binary", "forced_down")),
}
UPDATE = Schema(closed({"status": {"type": "string", "enum": ["enabled", "disabled"]}, "disabled_reason": _REASON,
                        "forced_down": BOOLEAN}))
