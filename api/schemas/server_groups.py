"""Bodies of server groups."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import NAME, Versions, closed, whole_number
from novasim.objects import AFFINITY, ANTI_AFFINITY, SOFT_AFFINITY, SOFT_ANTI_AFFINITY

_HARD = [ANTI_AFFINITY, AFFINITY]
_ALL = [*_HARD, SOFT_ANTI_AFFINITY, SOFT_AFFINITY]


def _listed(policies: list[str]) -> dict[str, Any]:
    """Up to 2.63 the one policy stands in a list."""
    one = {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "string", "enum": policies}}
    return closed({"server_group": closed({"name": NAME, "policies": one}, "name", "policies")}, "server_group")


CREATE = Versions(
    (1, _listed(_HARD)), (15, _listed(_ALL)),
    (64, closed({"server_group": closed(
        {"name": NAME, "policy": {"type": "string", "enum": _ALL},
         "rules": closed({"max_server_per_host": whole_number(1)})}, "name", "policy")}, "server_group")))
