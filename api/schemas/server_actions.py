"""Bodies of POST /servers/{id}/action, one entry an action."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import BOOLEAN, EMPTY, HOST, METADATA, NAME, Versions, closed, whole_number
from novasim.api.schemas.servers import DISK_CONFIG, FLAVOR_REF


def _one(action: str, content: dict[str, Any]) -> dict[str, Any]:
    return closed({action: content}, action)


def plain(action: str) -> Versions:
    """An action whose value says nothing."""
    return Versions((1, _one(action, EMPTY)))


RESIZE = Versions((1, _one("resize", closed({"flavorRef": FLAVOR_REF, "OS-DCF:diskConfig": DISK_CONFIG}, "flavorRef"))))
_WHERE = closed({"host": HOST | {"type": ["string", "null"]}}, type=["object", "null"])
MIGRATE = Versions((1, _one("migrate", EMPTY)), (56, _one("migrate", _WHERE)))
_LIVE_HOST = {"host": HOST | {"type": ["string", "null"]}}
_OR_AUTO = {"block_migration": BOOLEAN | {"enum": ["auto", *BOOLEAN["enum"]]}}
MIGRATE_LIVE = Versions(
    (1, _one("os-migrateLive", closed(_LIVE_HOST | {"block_migration": BOOLEAN, "disk_over_commit": BOOLEAN},
                                      "host", "block_migration", "disk_over_commit"))),
    (25, _one("os-migrateLive", closed(_LIVE_HOST | _OR_AUTO, "host", "block_migration"))),
    (30, _one("os-migrateLive", closed(_LIVE_HOST | _OR_AUTO | {"force": BOOLEAN}, "host", "block_migration"))),
    (68, _one("os-migrateLive", closed(_LIVE_HOST | _OR_AUTO, "host", "block_migration"))))
_ELSEWHERE = {"host": HOST, "adminPass": {"type": "string"}}
EVACUATE = Versions(
    (1, _one("evacuate", closed(_ELSEWHERE | {"onSharedStorage": BOOLEAN}, "onSharedStorage"))),
    (14, _one("evacuate", closed(_ELSEWHERE))),
    (29, _one("evacuate", closed(_ELSEWHERE | {"force": BOOLEAN}))),
    (68, _one("evacuate", closed(_ELSEWHERE))))
REBOOT = Versions((1, _one("reboot", closed(
    {"type": {"type": "string", "enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]}}, "type"))))
RESCUE = Versions((1, _one("rescue", closed({"adminPass": {"type": "string"}, "rescue_image_ref": {
    "type": "string", "format": "uuid"}}, type=["object", "null"]))))
CHANGE_PASSWORD = Versions((1, _one("changePassword", closed({"adminPass": {"type": "string"}}, "adminPass"))))
GET_CONSOLE_OUTPUT = Versions((1, _one("os-getConsoleOutput", closed({"length": whole_number(-1) | {
    "type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"}}))))
_METADATA = {"metadata": METADATA}
CREATE_IMAGE = Versions((1, _one("createImage", closed({"name": NAME} | _METADATA, "name"))))
CREATE_BACKUP = Versions((1, _one("createBackup", closed(
    {"name": NAME, "backup_type": {"type": "string", "maxLength": 255}, "rotation": whole_number()} | _METADATA,
    "name", "backup_type", "rotation"))))
_ZONE = {"type": "string", "minLength": 1, "maxLength": 255, "format": "name"}
_TO_ZONE = closed({"availability_zone": _ZONE}, "availability_zone", type=["object", "null"])
_TO_HOST = closed({"availability_zone": _ZONE | {"type": ["string", "null"]}, "host": HOST},
                  type=["object", "null"], minProperties=1)
UNSHELVE = Versions((1, _one("unshelve", EMPTY)), (77, _one("unshelve", _TO_ZONE)), (91, _one("unshelve", _TO_HOST)))
LOCK = Versions((1, _one("lock", EMPTY)),
                (73, _one("lock", closed({"locked_reason": {"type": "string", "minLength": 1, "maxLength": 255}},
                                         type=["object", "null"]))))
RESET_STATE = Versions((1, _one("os-resetState", closed(
    {"state": {"type": "string", "enum": ["active", "error"]}}, "state"))))
