"""The dump of a guest: nothing of the server changes, so the record of actions is all that the request writes."""

from __future__ import annotations

from typing import Any

from novasim import exceptions
from novasim.api import guards
from novasim.api.wsgi import Request
from novasim.db import actions, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance

NAME = "trigger_crash_dump"


def trigger_crash_dump(request: Request, instance: Instance, _body: Any) -> None:
    """Have the kernel of a guest write its dump.

    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    """
    guards.check(request, instance, NAME)
    if instance.host is None:
        raise exceptions.InstanceNotReady(instance_id=instance.uuid)

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, guards.expected(NAME, request.actions))
        actions.start(tx, request.context, instance.uuid, NAME)

    with guards.lost_races(request.api, instance, NAME):
        request.api.db.write(begin)
    request.note(f"{NAME} accepted", instance)
    guards.send(request.api.compute.trigger_crash_dump, request.context, instance.host,
                undo=guards.undo(request, instance, lambda tx: None), instance=instance)
