"""Bodies of key pairs."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import NAME, Versions, closed

_NAME_1 = NAME | {"pattern": r"^[a-zA-Z0-9 _-]+$"}
_NAME_92 = NAME | {"pattern": r"^[a-zA-Z0-9 _@.-]+$"}
_KEY = {"name": _NAME_1, "public_key": {"type": "string"}}
_TYPE = {"type": {"type": "string", "enum": ["ssh", "x509"]}}
_USER = {"user_id": {"type": "string", "minLength": 1, "maxLength": 255}}


def _keypair(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return closed({"keypair": closed(properties, "name", *required)}, "keypair")


CREATE = Versions((1, _keypair(_KEY)), (2, _keypair(_KEY | _TYPE)), (10, _keypair(_KEY | _TYPE | _USER)),
                  (92, _keypair(_KEY | _TYPE | _USER | {"name": _NAME_92}, "public_key")))
