"""How a server group is shown."""

from __future__ import annotations

from typing import Any

from novasim.api.answers import optional, since, until
from novasim.api.wsgi import Request
from novasim.objects import InstanceGroup

GROUP = {"id": str, "name": str, "members": [str], "policy": since(64, str),
         "rules": since(64, {"max_server_per_host": optional(int)}), "policies": until(63, [str]),
         "metadata": until(63, {}), "project_id": since(13, str | None), "user_id": since(13, str | None)}


def group(request: Request, row: InstanceGroup) -> dict[str, Any]:
    """One group, without its wrapper."""
    shown: dict[str, Any] = {"id": row.uuid, "name": row.name, "members": row.members}
    if request.version >= 64:
        rules = {} if row.max_server_per_host is None else {"max_server_per_host": row.max_server_per_host}
        shown |= {"policy": row.policy, "rules": rules}
    else:
        shown |= {"policies": [row.policy], "metadata": {}}
    return shown | ({"project_id": row.project_id, "user_id": row.user_id} if request.version >= 13 else {})
