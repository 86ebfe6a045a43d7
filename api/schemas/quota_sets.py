"""Bodies of PUT /os-quota-sets/{project} and /os-quota-class-sets/{class}. Which keys exist depends on the version:
see api/quota_sets.py and api/quota_class_sets.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from novasim.api.schemas import BOOLEAN, closed

_LIMIT = {"type": ["integer", "string"], "pattern": "^-?[0-9]+$", "minimum": -1, "maximum": 0x7FFFFFFF}


def update(names: Iterable[str], key: str = "quota_set") -> dict[str, Any]:
    """The schema of an update of these resources."""
    force = {"force": BOOLEAN} if key == "quota_set" else {}
    return closed({key: closed({name: _LIMIT for name in names} | force)}, key)
