"""Lock and unlock (spec 3.5): a locked server refuses its owner's changes until whoever locked it lifts the lock."""

from __future__ import annotations

from typing import Any

from novasim.api import guards
from novasim.api.wsgi import Request
from novasim.db import actions, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance

OWNER, ADMIN = "owner", "admin"


def _side(request: Request, instance: Instance) -> str:
    return OWNER if request.context.project_id == instance.project_id else ADMIN


def lock(request: Request, instance: Instance, reason: str | None = None) -> None:
    """Lock a server. An owner cannot take over a lock that is there."""
    if instance.locked and _side(request, instance) == OWNER:
        return
    _set(request, instance, "lock", locked=True, locked_by=_side(request, instance), locked_reason=reason)


def unlock(request: Request, instance: Instance) -> None:
    """Lift a lock.

    :raises PolicyNotAuthorized: when the other side locked it and the caller is no admin
    """
    if instance.locked_by and instance.locked_by != _side(request, instance):
        request.authorize("os-lock-server:unlock:unlock_override", instance)
    _set(request, instance, "unlock", locked=False, locked_by=None, locked_reason=None)


def _set(request: Request, instance: Instance, action: str, **values: Any) -> None:
    def transaction(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, **values)
        actions.start(tx, request.context, instance.uuid, action)
        return guards.reread(tx, instance)

    request.note(action, request.api.db.write(transaction))
