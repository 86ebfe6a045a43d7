"""Bodies of PUT /os-quota-sets/{project}. Which keys exist depends on the version: see api/quota_sets.py."""

from __future__ import annotations

from collections.abc import Iterable

from novasim.api.schemas import BOOLEAN, Schema, closed

_LIMIT = {"type": ["integer", "string"], "pattern": "^-?[0-9]+$", "minimum": -1, "maximum": 0x7FFFFFFF}


def update(names: Iterable[str]) -> Schema:
    """The schema of an update of these resources."""
    return Schema(closed({"quota_set": closed({name: _LIMIT for name in names} | {"force": BOOLEAN})}, "quota_set"))
