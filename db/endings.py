"""How servers and moves end before their time: what belongs to them ends in one transaction, whoever ends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from novasim import exceptions, quota, states
from novasim.context import RequestContext
from novasim.db import actions, claims, groups, images, instances, migrations, ports, quotas, tags
from novasim.db.engine import Transaction
from novasim.objects import CURRENT, OLD, SHELVED, SHELVED_IMAGE_ID, Flavor, Instance, Migration

_COMMITTED = (states.FINISHED, states.CONFIRMING, states.REVERTING)
# A server's tasks while its move is confirmed: a soft delete goes on when that has ended.
CONFIRM_TASKS = (None, states.SOFT_DELETING)


def counted(instance: Instance, migration: Migration | None) -> dict[str, int]:
    """What a server counts for in its project's quota, in the middle of a move too; soft-deleted it does not count.

    :param instance: with system_metadata loaded
    """
    old: Flavor | None = None
    if instance.vm_state == states.SOFT_DELETED:
        return {}
    if migration is not None:
        stashed = OLD + "id" in instance.system_metadata
        old = instance.flavor(OLD) if stashed else instance.flavor()
    return quota.held(instance.flavor(), old, migration is not None and migration.status in _COMMITTED)


def settle_quota(tx: Transaction, instance: Instance, before: dict[str, int], flavor: Flavor | None,
                 old: Flavor | None = None) -> None:
    """After an operation ended, well or not: open reservations go, and the quota becomes what the server is now.

    Not by committing what was reserved: that may have expired meanwhile, on a host that was away for a day.

    :param before: what it counted for until now
    :param flavor: what it is from now on; None when it is gone
    :param old: what it was before a move that waits for confirm or revert
    """
    after = {} if flavor is None else quota.held(flavor, old, finished=True)
    surplus = {name: before.get(name, 0) - after.get(name, 0) for name in before | after}
    quotas.settle(tx, instance, {name: amount for name, amount in surplus.items() if amount})


def abandon(tx: Transaction, instance: Instance, move: Migration, vm_state: str | None,
            at_source: bool = False) -> None:
    """End a move where its server's guest is now: one claim, one flavor, a quota of what it is, no stash.

    :param instance: as this transaction sees it, with system_metadata
    :param move: likewise; in progress
    :param vm_state: what the server is from now on, without a task
    :param at_source: the guest is where it came from, although the row says the destination: in the middle of a
        revert, before a destination has begun, or where the source of a live migration could not remove it
    :raises UnexpectedTaskStateError: when the server changed meanwhile
    """
    before = counted(instance, move)
    # While a destination starts the guest, the flavors have changed places for something that never came to be.
    unborn = move.step == states.FINISHING
    back = unborn or (at_source and OLD + "id" in instance.system_metadata)
    flavor = instance.flavor(OLD) if back else instance.flavor()
    host, node = (move.source_compute, move.source_node) if at_source else (instance.host, instance.node)
    columns = instances.flavor_columns(flavor) if back else {}
    instances.update(tx, instance.uuid, {"task_state": (instance.task_state,), "vm_state": (instance.vm_state,)},
                     vm_state=vm_state, task_state=None, host=host, node=node, **columns)
    # Kept where the destination may not have given the guest up yet: until then the source must not start it.
    step = states.ON_DEST if at_source and move.step == states.ON_DEST else None
    migrations.advance(tx, move.id, (move.status,), states.MIG_ERROR, step=step)
    if back:
        instances.restore_old_flavor(tx, instance.uuid)
    else:
        instances.drop_stash(tx, instance.uuid)
    claims.replace(tx, instance.uuid, host or "", node or "", flavor)
    settle_quota(tx, instance, before, flavor)


def withdraw(tx: Transaction, instance_uuid: str, task_state: str, request_id: str | None) -> None:
    """Give a server back as it was, whose request has reached no host: the task goes, and the move if it has one.

    :param task_state: what the request had set
    :raises UnexpectedTaskStateError, MigrationStatusConflict, InstanceNotFound: when it is not its any more, or a host
        holds room for it
    """
    instances.update(tx, instance_uuid, {"task_state": (task_state,), "task_request_id": (request_id,)},
                     task_state=None)
    move = migrations.in_progress(tx, instance_uuid)
    if move is not None:
        migrations.advance(tx, move.id, (states.ACCEPTED,), states.MIG_ERROR, (None,))


def is_at_source(move: Migration) -> bool:
    """Whether only the source of a resize or migration can have its guest, although the server's row may say the
    destination: before that has begun, and after it gave the guest up."""
    return move.migration_type in (states.RESIZE, states.MIGRATION) and (move.status, move.step) in (
        (states.POST_MIGRATING, None), (states.REVERTING, states.DEST_DONE), (states.REVERTING, states.ON_SOURCE))


def confirm(tx: Transaction, instance: Instance, move: Migration) -> tuple[str, str | None]:
    """Make a move final (spec 8.5): its flavor, its claim and its quota are the server's from now on.

    :param instance: as it was sent, or read: taken at its word where that still holds
    :returns: the server's vm_state, by power_state, as an operator may have started the guest by hand (spec 2.5); and
        its task_state
    :raises UnexpectedTaskStateError, MigrationStatusConflict: when it does not wait for that any more
    """
    now = instance if _is_of(instance, move) else instances.get(tx, instance.uuid, with_metadata=False)
    try:
        vm_state = _rest_confirmed(tx, now, (None,))
    except exceptions.UnexpectedTaskStateError:
        now = instances.get(tx, instance.uuid, with_metadata=False)
        vm_state = _rest_confirmed(tx, now, CONFIRM_TASKS)
    migrations.advance(tx, move.id, (states.CONFIRMING,), states.CONFIRMED, step=None)
    instances.drop_stash(tx, now.uuid)
    claims.settle_on_destination(tx, now.uuid, move.id)
    before = quota.held(now.flavor(), now.flavor(OLD), finished=True)
    if before != quota.held(now.flavor()):
        settle_quota(tx, now, before, now.flavor())
    return vm_state, now.task_state


def _is_of(instance: Instance, move: Migration) -> bool:
    """Whether what is known of a server says the flavors of this move."""
    ids = [instance.system_metadata.get(prefix + "id") for prefix in (OLD, CURRENT)]
    return ids == [str(move.old_instance_type_id), str(move.new_instance_type_id)]


def _rest_confirmed(tx: Transaction, instance: Instance, tasks: Sequence[str | None]) -> str:
    """Let a server rest by its power, if that is what it was."""
    off = instance.power_state == states.SHUTDOWN
    powers = (states.SHUTDOWN,) if off else states.NOT_SHUTDOWN
    vm_state = states.STOPPED if off else states.ACTIVE
    instances.update(tx, instance.uuid, {"vm_state": (states.RESIZED,), "task_state": tasks, "power_state": powers},
                     vm_state=vm_state)
    return vm_state


def abandon_image(tx: Transaction, ctxt: RequestContext, instance: Instance, tasks: Sequence[str], event: str,
                  error: Exception, **values: Any) -> None:
    """End the making of an image that cannot go on: the server rests as it is, the image goes (spec 8.12).

    :param tasks: the task_states in which it may be ended
    :param values: further columns of the server
    :raises UnexpectedTaskStateError: when the server changed meanwhile
    """
    instances.update(tx, instance.uuid, {"task_state": tasks, "task_request_id": (instance.task_request_id,)},
                     task_state=None, **values)
    images.drop_unfinished(tx, instance.uuid)
    actions.record_failure(tx, ctxt, instance.uuid, event, error)


def forget_shelving(tx: Transaction, instance: Instance) -> None:
    """A server is not shelved any more: the image that was made of it for that, and the notes, go.

    :param instance: with system_metadata
    """
    image_id = instance.system_metadata.get(SHELVED_IMAGE_ID)
    if image_id is not None:
        images.delete(tx, image_id)
        instances.replace_system_metadata(tx, instance.uuid, SHELVED, {})


def erase(tx: Transaction, instance_uuid: str) -> list[str]:
    """Delete a server's records: claims, quota, its move, its place in a group, the row. Doing it twice
    changes nothing.

    :returns: hosts that may still hold a guest or a copy of it
    :raises InstanceNotFound: when it is gone already
    """
    # Locks the row first, so that what is read of it is what is ended.
    instances.update(tx, instance_uuid, task_state=states.DELETING)
    instance = instances.get(tx, instance_uuid, with_metadata=False)
    migration = migrations.in_progress(tx, instance_uuid)
    hosts = {claim["host"] for claim in claims.of_instance(tx, instance_uuid)} | {instance.host}
    hosts |= migrations.hosts_of(tx, instance_uuid)
    if migration is not None:
        # A move that had come to rest is confirmed by the deletion; any other has failed, or is cancelled where that
        # is a way to end.
        if migration.status == states.FINISHED:
            migrations.advance(tx, migration.id, (states.FINISHED,), states.CONFIRMING)
        at_rest = migration.status in (states.FINISHED, states.CONFIRMING)
        live = migration.migration_type == states.LIVE_MIGRATION
        migrations.advance(tx, migration.id, (states.CONFIRMING if at_rest else migration.status,),
                           states.CONFIRMED if at_rest else states.CANCELLED if live else states.MIG_ERROR, step=None)
    # Before the claims: who claims for the group holds its row first too, and MariaDB locks it for this.
    groups.leave(tx, instance_uuid)
    claims.drop_all(tx, instance_uuid)
    images.drop_unfinished(tx, instance_uuid)
    forget_shelving(tx, instance)
    if ports.NETWORK_ALLOCATED in instance.system_metadata:
        ports.release(tx, instance_uuid)
    actions.break_off(tx, instance_uuid, "The server was deleted")
    tags.destroy_all(tx, instance_uuid)
    instances.soft_delete(tx, instance_uuid)
    # Last: all servers of a project that go at the same time wait for one another here.
    settle_quota(tx, instance, counted(instance, migration), None)
    return sorted(host for host in hosts if host)
