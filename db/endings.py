"""How servers and moves end before their time: what belongs to them ends in one transaction, whoever ends it."""

from __future__ import annotations

from novasim import quota, states
from novasim.db import claims, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import OLD, Flavor, Instance, Migration

_COMMITTED = (states.FINISHED, states.CONFIRMING, states.REVERTING)


def counted(instance: Instance, migration: Migration | None) -> dict[str, int]:
    """What a server counts for in its project's quota, in the middle of a move too.

    :param instance: with system_metadata loaded
    """
    old: Flavor | None = None
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
    surplus = {name: amount - after.get(name, 0) for name, amount in before.items() if amount != after.get(name, 0)}
    quotas.settle(tx, instance, surplus)


def abandon(tx: Transaction, instance: Instance, move: Migration, vm_state: str | None,
            at_source: bool = False) -> None:
    """End a move where its server's guest is now: one claim, one flavor, a quota of what it is, no stash.

    :param instance: as this transaction sees it, with system_metadata
    :param move: likewise; in progress
    :param vm_state: what the server is from now on, without a task
    :param at_source: the guest is where it came from, although the row says the destination: in the middle of a revert
    :raises UnexpectedTaskStateError: when the server changed meanwhile
    """
    before = counted(instance, move)
    # While a destination starts the guest, the flavors have changed places for something that never came to be.
    unborn = instance.task_state == states.RESIZE_FINISH
    flavor = instance.flavor(OLD) if unborn or at_source else instance.flavor()
    host, node = (move.source_compute, move.source_node) if at_source else (instance.host, instance.node)
    columns = instances.flavor_columns(flavor) if unborn or at_source else {}
    instances.update(tx, instance.uuid, {"task_state": (instance.task_state,), "vm_state": (instance.vm_state,)},
                     vm_state=vm_state, task_state=None, host=host, node=node, **columns)
    migrations.advance(tx, move.id, (move.status,), states.MIG_ERROR, step=None)
    if unborn or at_source:
        instances.restore_old_flavor(tx, instance.uuid)
    else:
        instances.drop_stash(tx, instance.uuid)
    claims.replace(tx, instance.uuid, host or "", node or "", flavor)
    settle_quota(tx, instance, before, flavor)


def erase(tx: Transaction, instance_uuid: str) -> list[str]:
    """Delete a server's records: claims, quota, its move, the row. Doing it twice changes nothing.

    :returns: hosts that may still hold a guest or a copy of it
    :raises InstanceNotFound: when it is gone already
    """
    instance = instances.get(tx, instance_uuid, with_metadata=False)
    instances.update(tx, instance_uuid, task_state=states.DELETING)
    migration = migrations.in_progress(tx, instance_uuid)
    hosts = {claim["host"] for claim in claims.of_instance(tx, instance_uuid)} | {instance.host}
    hosts |= migrations.hosts_of(tx, instance_uuid)
    if migration is not None:
        # A move that had come to rest is confirmed by the deletion; any other has failed.
        at_rest = migration.status in (states.FINISHED, states.CONFIRMING)
        migrations.advance(tx, migration.id, (migration.status,),
                           states.CONFIRMED if at_rest else states.MIG_ERROR)
    claims.drop_all(tx, instance_uuid)
    settle_quota(tx, instance, counted(instance, migration), None)
    instances.soft_delete(tx, instance_uuid)
    return sorted(host for host in hosts if host)
