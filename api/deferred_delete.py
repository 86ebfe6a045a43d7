"""Soft delete and restore (spec 2.3, 3.5): with ``reclaim_instance_interval`` a deleted server can be had back for a
while."""

from __future__ import annotations

from novasim import exceptions, quota, states
from novasim.api import delete, guards, liveness, power
from novasim.api.wsgi import Request
from novasim.db import actions, hosts, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import Instance, Migration

# A move in one of these has come to rest on its destination: it is confirmed, then the server is soft-deleted.
_AT_REST = (states.FINISHED, states.CONFIRMING)


def soft_delete(request: Request, instance: Instance) -> None:
    """Begin to soft-delete a server. What cannot be kept is deleted for good: a server that was never active, one
    whose host is away or that has none (spec 5.9), and one in the middle of a move, whose guest may be in two halves.

    :raises InstanceIsLocked: 409
    """
    api, context = request.api, request.context
    try:
        guards.check(request, instance, "soft_delete", "delete")
    except exceptions.InstanceNeverActive:
        return delete.delete(request, instance)
    if (instance.vm_state, instance.task_state) == (states.SOFT_DELETED, None):
        return None
    since = liveness.alive_since(api)

    def begin(tx: Transaction) -> tuple[Instance, Migration | None] | None:
        # Locks the row first, so that host and move are what they will be.
        instances.update(tx, instance.uuid)
        now, move = guards.reread(tx, instance), migrations.in_progress(tx, instance.uuid)
        moving = move is not None and move.status not in _AT_REST
        if moving or now.task_state == states.DELETING or now.host is None or not hosts.is_up(tx, now.host, since):
            return None
        instances.update(tx, instance.uuid, task_state=states.SOFT_DELETING, progress=0,
                         task_request_id=context.request_id)
        if move is None:
            # What was under way ends here; whoever works on it is overtaken and writes nothing.
            actions.break_off(tx, instance.uuid, "The server was deleted")
        elif move.status == states.FINISHED:
            migrations.advance(tx, move.id, (states.FINISHED,), states.CONFIRMING)
            actions.start(tx, context, instance.uuid, "confirmResize")
        actions.start(tx, context, instance.uuid, "delete")
        return guards.reread(tx, instance), move

    begun = api.db.write(begin)
    if begun is None:
        return delete.delete(request, instance)
    now, move = begun
    request.note("soft delete accepted", now)
    if move is None:
        guards.send(api.compute.soft_delete_instance, context, now.host, instance=now, reservations=[],
                    undo=guards.undo_task(request, now, states.SOFT_DELETING))
    elif move.status == states.FINISHED:
        # The source asks for the soft delete when it has confirmed.
        move.status = states.CONFIRMING
        guards.send(api.compute.confirm_resize, context, move.source_compute, instance=now, migration=move,
                    reservations=[])
    return None


def restore(request: Request, instance: Instance) -> None:
    """Begin to bring a soft-deleted server back. It counts for its project's quota again.

    :raises InstanceIsLocked, InstanceInvalidState: 409
    :raises OverQuota: 403
    """
    def reserve(tx: Transaction, now: Instance) -> None:
        quotas.reserve(tx, now, quota.boot_deltas(now.flavor()), request.api.quota_defaults,
                       request.api.conf.reservation_expire)

    power.change(request, instance, power.RESTORE, reserve)
