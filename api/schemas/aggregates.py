"""Bodies of host aggregates."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import HOST, NAME, Schema, closed

# A colon would make "zone:host" of it where a server asks for its zone.
_ZONE = {"type": "string", "minLength": 1, "maxLength": 255, "format": "name", "pattern": "^[^:]*$"}
_KEYS = r"^[a-zA-Z0-9\-_:. ]{1,255}$"


def _body(key: str, content: dict[str, Any]) -> Schema:
    return Schema(closed({key: content}, key))


CREATE = _body("aggregate", closed(
    {"name": NAME, "availability_zone": _ZONE | {"type": ["string", "null"]}}, "name"))
UPDATE = _body("aggregate", closed({"name": NAME, "availability_zone": _ZONE}, minProperties=1))
_ONE_HOST = closed({"host": HOST}, "host")
ACTIONS = {
    "add_host": _body("add_host", _ONE_HOST), "remove_host": _body("remove_host", _ONE_HOST),
    "set_metadata": _body("set_metadata", closed({"metadata": {
        "type": "object", "additionalProperties": False,
        "patternProperties": {_KEYS: {"type": ["string", "null"], "maxLength": 255}}}}, "metadata"))}
IMAGES = _body("cache", {"type": "array", "minItems": 1, "uniqueItems": True, "items": closed(
    {"id": {"type": "string", "format": "uuid"}}, "id")})
