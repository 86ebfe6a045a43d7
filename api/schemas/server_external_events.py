"""Bodies of events that other services report of servers; each version knows more of them."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import Versions, closed

_NAMES = [(1, ["network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"]),
          (51, ["volume-extended"]), (76, ["power-update"]), (82, ["accelerator-request-bound"]),
          (93, ["volume-reimaged"])]


def _create(names: list[str]) -> dict[str, Any]:
    event = closed({
        "name": {"type": "string", "enum": names}, "server_uuid": {"type": "string", "format": "uuid"},
        "status": {"type": "string", "enum": ["failed", "completed", "in-progress"]},
        "tag": {"type": "string", "maxLength": 255}}, "name", "server_uuid")
    return closed({"events": {"type": "array", "minItems": 1, "items": event}}, "events")


CREATE = Versions(*((since, _create([name for first, some in _NAMES if first <= since for name in some]))
                    for since, _ in _NAMES))
