"""Bodies of POST /servers/{id}/migrations/{id}/action."""

from __future__ import annotations

from novasim.api.schemas import Schema, closed

FORCE_COMPLETE = Schema(closed({"force_complete": {"type": "null"}}, "force_complete"))
