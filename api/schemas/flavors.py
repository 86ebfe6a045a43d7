"""Bodies of flavors, their extra specs and their access lists."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import BOOLEAN, NAME, Schema, Versions, closed, whole_number

_DESCRIPTION = {"type": ["string", "null"], "maxLength": 65535}
_FLAVOR: dict[str, Any] = {
    "name": NAME, "id": {"type": ["string", "number", "null"], "minLength": 1, "maxLength": 255, "format": "name",
                         "pattern": r"^[a-zA-Z0-9. _-]+$"},
    "ram": whole_number(1), "vcpus": whole_number(1), "disk": whole_number(), "swap": whole_number(),
    "OS-FLV-EXT-DATA:ephemeral": whole_number(), "os-flavor-access:is_public": BOOLEAN,
    "rxtx_factor": {"type": ["number", "string"], "pattern": r"^(?!0+(\.0+)?$)[0-9]{1,20}(\.[0-9]+)?$",
                    "exclusiveMinimum": 0, "maximum": 3.40282e+38},
}
_REQUIRED = ("name", "ram", "vcpus", "disk")
_DESCRIBED = _FLAVOR | {"description": _DESCRIPTION}
_WITHOUT_FACTOR = {name: schema for name, schema in _DESCRIBED.items() if name != "rxtx_factor"}
CREATE = Versions(*((since, closed({"flavor": closed(fields, *_REQUIRED)}, "flavor"))
                    for since, fields in ((1, _FLAVOR), (55, _DESCRIBED), (102, _WITHOUT_FACTOR))))
UPDATE = Schema(closed({"flavor": closed({"description": _DESCRIPTION}, "description")}, "flavor"))
_SPECS = {"type": "object", "additionalProperties": False, "patternProperties": {
    r"^[a-zA-Z0-9\-_:. ]{1,255}$": {"type": ["string", "number", "boolean"], "maxLength": 255}}}
EXTRA_SPECS = Schema(closed({"extra_specs": _SPECS}, "extra_specs"))
EXTRA_SPEC = Schema(_SPECS | {"minProperties": 1})
_TENANT = closed({"tenant": {"type": "string", "minLength": 1, "maxLength": 255}}, "tenant")
ACCESS = {name: Schema(closed({name: _TENANT}, name)) for name in ("addTenantAccess", "removeTenantAccess")}
