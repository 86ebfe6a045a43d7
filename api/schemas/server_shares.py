"""Bodies of POST on /servers/{id}/shares."""

from __future__ import annotations

from novasim.api.schemas import Schema, closed

CREATE = Schema(closed({"share": closed(
    {"share_id": {"type": "string", "format": "uuid"}, "tag": {"type": "string", "minLength": 1, "maxLength": 255,
                                                               "pattern": "^[a-zA-Z0-9-]*$"}}, "share_id")}, "share"))
