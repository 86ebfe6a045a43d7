"""An admin's word against what a server says of itself (spec 3.5): it rests from now on, and so does all that was under
way with it."""

from __future__ import annotations

from typing import Any

from novasim import states
from novasim.api import guards
from novasim.api.wsgi import Request
from novasim.db import actions, endings, images, instances, migrations
from novasim.db.engine import Transaction
from novasim.objects import Instance, Migration


def reset(request: Request, instance: Instance, body: dict[str, Any]) -> None:
    """Set a server to ``active`` or ``error``, without a task, whatever it is (spec 3.5).

    A server that is neither moving nor waiting must not hold room on two hosts: a move ends where the guest is.

    :raises InstanceNotFound: 404
    """
    vm_state = {"active": states.ACTIVE, "error": states.ERROR}[body["state"]]

    def transaction(tx: Transaction) -> tuple[Instance, Migration | None]:
        instances.update(tx, instance.uuid)
        now = instances.get(tx, instance.uuid, with_metadata=False)
        move = migrations.in_progress(tx, instance.uuid)
        if move is not None:
            # Once a revert has begun, the destination's guest goes whatever happens here.
            began = move.status == states.REVERTING and move.step is not None
            endings.abandon(tx, now, move, vm_state, at_source=began or endings.is_at_source(move))
        else:
            # What an operation had reserved is free again; a server that was soft-deleted counts again.
            endings.settle_quota(tx, now, endings.counted(now, None), now.flavor())
        instances.update(tx, instance.uuid, vm_state=vm_state, task_state=None, deleted_at=None)
        images.drop_unfinished(tx, instance.uuid)
        actions.break_off(tx, instance.uuid, "The state of the server was reset")
        actions.start(tx, request.context, instance.uuid, "resetState")
        return guards.reread(tx, instance), move

    now, move = request.api.db.write(transaction)
    request.note(f"state reset to {body['state']}", now)
    if move is not None and endings.is_at_source(move):
        # The source finds that there is nothing to revert any more, and makes the copy that it keeps the guest again.
        guards.send(request.api.compute.finish_revert_resize, request.context, move.source_compute, instance=instance,
                    reservations=[], migration=move)
