"""Bodies of POST and PUT on /servers/{id}/os-volume_attachments."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import BOOLEAN, Versions, closed
from novasim.api.schemas.server_tags import TAG

_VOLUME = {"type": "string", "format": "uuid"}
_DEVICE = {"type": ["string", "null"], "pattern": "(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$"}


def _attachment(properties: dict[str, Any]) -> dict[str, Any]:
    return closed({"volumeAttachment": closed({"volumeId": _VOLUME} | properties, "volumeId")}, "volumeAttachment")


CREATE = Versions(
    (1, _attachment({"device": _DEVICE})), (49, _attachment({"device": _DEVICE, "tag": TAG})),
    (79, _attachment({"device": _DEVICE, "tag": TAG, "delete_on_termination": BOOLEAN})))
UPDATE = Versions(
    (1, _attachment({})),
    (85, _attachment({"device": _DEVICE, "tag": TAG, "delete_on_termination": BOOLEAN, "id": _VOLUME,
                      "serverId": _VOLUME})))
