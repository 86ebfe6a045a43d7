"""Deleting a server: its host is told to; where there is no host, or its agent is dead, the rows are settled here."""

from __future__ import annotations

from novasim import exceptions, quota, states
from novasim.api import guards, liveness
from novasim.api.wsgi import Request
from novasim.db import actions, claims, hosts, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import OLD, Instance, Migration

_SETTLING = (states.FINISHED, states.CONFIRMING, states.REVERTING)


def delete(request: Request, instance: Instance) -> None:
    """Begin to delete a server, in any state. A second request tells the host once more.

    :raises InstanceIsLocked: 409
    """
    api, context = request.api, request.context
    guards.check(request, instance, "delete")
    since = liveness.alive_since(api)

    def begin(tx: Transaction) -> Instance | None:
        begun = instance.task_state == states.DELETING
        # Locks the row first, so that the host read below is the one it keeps.
        instances.update(tx, instance.uuid, task_state=states.DELETING, progress=0,
                         **({} if begun else {"task_request_id": context.request_id}))
        now = guards.reread(tx, instance)
        reachable = now.host is not None and hosts.is_up(tx, now.host, since)
        if not reachable:
            _delete_rows(tx, now)
        if not begun:
            actions.start(tx, context, instance.uuid, "delete")
        return now if reachable else None

    try:
        now = api.db.write(begin)
    except exceptions.InstanceNotFound:
        if instance.task_state == states.DELETING:
            return
        raise
    if now is None:
        request.note("deleted without a host", instance, vm_state=states.DELETED, task_state=None)
        return
    request.note("delete accepted", now)
    guards.send(api.compute.terminate_instance, context, now.host, instance=now, bdms=[], reservations=[])


def _delete_rows(tx: Transaction, instance: Instance) -> None:
    """What a host would do to the records: room, quota, a move on its way, the server itself (spec 5.9)."""
    instance.system_metadata = instances.get(tx, instance.uuid, with_metadata=False).system_metadata
    migration = migrations.in_progress(tx, instance.uuid)
    if migration is not None:
        migrations.advance(tx, migration.id, (migration.status,), states.MIG_ERROR)
    claims.drop_all(tx, instance.uuid)
    quotas.rollback(tx, instance.uuid)
    quotas.give_back(tx, instance, _held(instance, migration))
    instances.soft_delete(tx, instance.uuid)


def _held(instance: Instance, migration: Migration | None) -> dict[str, int]:
    has_old = any(key.startswith(OLD) for key in instance.system_metadata)
    old = instance.flavor(OLD) if has_old and migration is not None else None
    return quota.held(instance.flavor(), old, migration is not None and migration.status in _SETTLING)
