"""Bodies of POST /servers/{id}/action, one entry an action."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import EMPTY, HOST, Versions, closed
from novasim.api.schemas.servers import DISK_CONFIG, FLAVOR_REF


def _one(action: str, content: dict[str, Any]) -> dict[str, Any]:
    return closed({action: content}, action)


def plain(action: str) -> Versions:
    """An action whose value says nothing."""
    return Versions((1, _one(action, EMPTY)))


RESIZE = Versions((1, _one("resize", closed({"flavorRef": FLAVOR_REF, "OS-DCF:diskConfig": DISK_CONFIG}, "flavorRef"))))
_WHERE = closed({"host": HOST | {"type": ["string", "null"]}}, type=["object", "null"])
MIGRATE = Versions((1, _one("migrate", EMPTY)), (56, _one("migrate", _WHERE)))
REBOOT = Versions((1, _one("reboot", closed(
    {"type": {"type": "string", "enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]}}, "type"))))
LOCK = Versions((1, _one("lock", EMPTY)),
                (73, _one("lock", closed({"locked_reason": {"type": "string", "minLength": 1, "maxLength": 255}},
                                         type=["object", "null"]))))
RESET_STATE = Versions((1, _one("os-resetState", closed(
    {"state": {"type": "string", "enum": ["active", "error"]}}, "state"))))
