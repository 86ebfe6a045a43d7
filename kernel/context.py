"""The request context: who asks, under which request id, and which hop we are on.

It travels with every RPC message, so the whole of a request can be told afterwards from the journal by its id.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

ADMIN_ROLES = ("admin", "manager", "member", "reader")
MEMBER_ROLES = ("member", "reader")


class RequestContext(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Identity and ancestry of a request (spec 4.1)."""

    request_id: str = msgspec.field(default_factory=lambda: "req-" + str(uuid.uuid4()))
    user_id: str | None = None
    project_id: str | None = None
    is_admin: bool = False
    roles: tuple[str, ...] = ()
    remote_address: str | None = None
    # The host an RPC message was addressed to; stamped by the listener, since many agents share one.
    addressed_host: str | None = None

    @property
    def viewer(self) -> str | None:
        """The project whose things the caller sees, beside everybody's; None: those of all."""
        return None if self.is_admin else self.project_id

    def to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = msgspec.to_builtins(self)
        data.pop("addressed_host", None)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RequestContext:
        """Rebuild from the wire; keys of other senders (tracing headers, tenant, ...) are ignored."""
        return msgspec.convert(data, cls, strict=False)


def admin_context(request_id: str | None = None) -> RequestContext:
    """A context for what the system does by itself: periodic tasks, recovery."""
    context = RequestContext(is_admin=True, roles=ADMIN_ROLES)
    return context if request_id is None else msgspec.structs.replace(context, request_id=request_id)
