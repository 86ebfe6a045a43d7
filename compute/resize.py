"""Every hop of a move that an agent plays, in the order in which they happen (spec 8.2-8.6).

Each hop begins with one transaction that says "this step is mine", by compare-and-swap on task_state and
migration.status: a message that comes twice or late finds the state moved on and does nothing. It ends with one
transaction that writes the next state and all that belongs to it, and only then hands over. A process may die between
any two lines: the state says how far the move got, and recovery.py goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from novasim import exceptions, quota, states
from novasim.compute import deferred_delete, lifecycle, tracker
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.context import RequestContext
from novasim.db import actions, claims, endings, hosts, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import CURRENT, NEW, OLD, OLD_VM_STATE, Flavor, Instance, Migration
from novasim.states import DEST_DONE, FINISHING, ON_DEST, ON_SOURCE

LOG = logging.getLogger(__name__)
T = TypeVar("T")

# What a hop's server has as task_state as long as the hop is its owner.
_TASKS = {
    "compute_resize_instance": (states.RESIZE_MIGRATING,), "compute_finish_resize": (states.RESIZE_FINISH,),
    "compute_confirm_resize": endings.CONFIRM_TASKS, "compute_revert_resize": (states.RESIZE_REVERTING,),
    "compute_finish_revert_resize": (states.RESIZE_REVERTING,)}


def prep_resize(agents: Agents, ctxt: RequestContext, image: dict[str, Any], instance: Instance,
                instance_type: dict[str, Any], request_spec: dict[str, Any], filter_properties: dict[str, Any],
                node: str | None, host_list: list[dict[str, Any]] | None = None) -> None:
    """On the destination: claim room, note the move, ask the source for the server (spec 8.2).

    :param host_list: the hosts to be tried next, for the conductor
    """
    flavor = msgspec.convert(instance_type, Flavor, strict=False)
    try:
        migration = agents.db.write(_claim, agents, ctxt, instance, flavor, filter_properties,
                                    node or ctxt.addressed_host or "")
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "prep_resize", reason)
    except Exception as error:
        return _reschedule(agents, ctxt, instance, flavor, filter_properties, host_list, error)
    instance.system_metadata |= flavor.to_stash(instance.vm_state or states.ACTIVE)
    agents.note(ctxt, instance, "prep_resize", instance.vm_state, states.RESIZE_PREP, migration.status)
    agents.compute.resize_instance(ctxt, instance.host, instance=instance, image=image, reservations=[],
                                   migration=migration, instance_type=instance_type)


def _claim(tx: Transaction, agents: Agents, ctxt: RequestContext, instance: Instance, flavor: Flavor,
           filter_properties: dict[str, Any], node: str) -> Migration:
    host = ctxt.addressed_host or ""
    mine = {"task_state": (states.RESIZE_PREP,), "task_request_id": (ctxt.request_id,)}
    instances.update(tx, instance.uuid, mine, task_state=states.RESIZE_PREP)
    migration = migrations.create(tx, Migration(
        uuid="", instance_uuid=instance.uuid, status=states.PRE_MIGRATING, source_compute=instance.host,
        source_node=instance.node, dest_compute=host, dest_node=node, dest_host=agents.conf.my_ip,
        migration_type="migration" if flavor.id == instance.instance_type_id else "resize",
        old_instance_type_id=instance.instance_type_id, new_instance_type_id=flavor.id, request_id=ctxt.request_id,
        user_id=ctxt.user_id, project_id=ctxt.project_id))
    if not instance.host:
        raise exceptions.MigrationError(reason="Instance has no source host")
    if instance.host == host and not agents.conf.allow_resize_to_same_host:
        raise exceptions.UnableToMigrateToSelf(instance_id=instance.uuid, host=host)
    tracker.claim(tx, host, node, instance.uuid, flavor, filter_properties, migration.id)
    instances.stash_new_flavor(tx, instance.uuid, flavor, instance.vm_state or states.ACTIVE)
    # The conductor's hop ends well with the arrival of its message, even if the conductor has died meanwhile.
    actions.finish_event(tx, ctxt.request_id, instance.uuid, actions.COLD_MIGRATE)
    actions.start_event(tx, ctxt.request_id, instance.uuid, "compute_prep_resize", host, done=True)
    return migration


def _reschedule(agents: Agents, ctxt: RequestContext, instance: Instance, flavor: Flavor,
                filter_properties: dict[str, Any], host_list: list[dict[str, Any]] | None, error: Exception) -> None:
    """The claim failed and left nothing behind: let the conductor try another host, or give the server back as it
    was where no other may be tried (spec 6.4, 12.1 #3, #4)."""
    LOG.warning("prep_resize of %s on %s failed: %s", instance.uuid, ctxt.addressed_host, error)
    may_retry = bool(filter_properties.get("retry"))

    def note(tx: Transaction) -> None:
        # Noted in any case that something was done: recovery gives back what nobody has worked on.
        instances.update(tx, instance.uuid, {
            "task_state": (states.RESIZE_PREP,), "task_request_id": (ctxt.request_id,)},
            task_state=states.RESIZE_PREP if may_retry else None)
        hosts.touch(tx, ctxt.addressed_host or "")
        if not may_retry:
            quotas.rollback(tx, instance.uuid)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, actions.COLD_MIGRATE)
        actions.start_event(tx, ctxt.request_id, instance.uuid, "compute_prep_resize", ctxt.addressed_host)
        actions.record_failure(tx, ctxt, instance.uuid, "compute_prep_resize", error, final=not may_retry)

    try:
        agents.db.write(note)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "prep_resize", reason)
    agents.note(ctxt, instance, "prep_resize failed", instance.vm_state, states.RESIZE_PREP if may_retry else None)
    if may_retry:
        tracker.note_retry(filter_properties, error)
        agents.conductor.migrate_server(
            ctxt, instance=instance, scheduler_hint={"filter_properties": filter_properties}, live=False,
            rebuild=False, flavor=msgspec.to_builtins(flavor), block_migration=None, disk_over_commit=None,
            reservations=[], host_list=host_list)


def resize_instance(agents: Agents, ctxt: RequestContext, instance: Instance, image: dict[str, Any],
                    migration: Migration, instance_type: dict[str, Any]) -> None:
    """On the source: power off, move the disks, hand over (spec 8.3)."""
    host = ctxt.addressed_host or ""
    event = "compute_resize_instance"

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.RESIZE_PREP,), "host": (host,)},
                         task_state=states.RESIZE_MIGRATING)
        migrations.advance(tx, migration.id, (states.PRE_MIGRATING,), states.MIG_MIGRATING)
        actions.start_event(tx, ctxt.request_id, instance.uuid, event, host)

    def hand_over(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.RESIZE_MIGRATING,), "host": (host,)},
                         task_state=states.RESIZE_MIGRATED, host=migration.dest_compute, node=migration.dest_node,
                         progress=0)
        migrations.advance(tx, migration.id, (states.MIG_MIGRATING,), states.POST_MIGRATING)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, event)

    def move() -> str:
        flavor = msgspec.convert(instance_type, Flavor, strict=False)
        disk_info = agents.driver.migrate_disk_and_power_off(host, instance.uuid, migration.dest_compute or "", flavor)
        agents.db.write(hand_over)
        agents.note(ctxt, instance, "disks moved", instance.vm_state, states.RESIZE_MIGRATED, states.POST_MIGRATING)
        return disk_info

    try:
        agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "resize_instance", reason)
    agents.note(ctxt, instance, "powering off and moving", instance.vm_state, states.RESIZE_MIGRATING,
                states.MIG_MIGRATING)
    disk_info = _guard(agents, ctxt, instance, migration, event, move)
    if disk_info is not None:
        # Outside of the guard: the server is the destination's now. A message that cannot be sent is sent again by
        # the conductor's recovery.
        agents.compute.finish_resize(ctxt, migration.dest_compute, disk_info=disk_info, image=image,
                                     instance=instance, reservations=[], migration=migration)


def finish_resize(agents: Agents, ctxt: RequestContext, disk_info: str, instance: Instance,
                  migration: Migration) -> None:
    """On the destination: the server takes its new size and is there (spec 8.4)."""
    host = ctxt.addressed_host or ""
    event = "compute_finish_resize"

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.RESIZE_MIGRATED,), "host": (host,)},
                         task_state=states.RESIZE_FINISH, **instances.flavor_columns(instance.flavor(NEW)))
        migrations.advance(tx, migration.id, (states.POST_MIGRATING,), states.POST_MIGRATING, (None,), step=FINISHING)
        instances.promote_new_flavor(tx, instance.uuid)
        actions.start_event(tx, ctxt.request_id, instance.uuid, event, host)

    try:
        if OLD_VM_STATE not in instance.system_metadata:
            # Agents of the past release send the server as it was before the move.
            instance = agents.db.read(instances.get, instance.uuid)
        agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "finish_resize", reason)
    agents.note(ctxt, instance, "starting on destination", instance.vm_state, states.RESIZE_FINISH,
                states.POST_MIGRATING)
    complete_resize(agents, ctxt, disk_info, instance, migration)


def complete_resize(agents: Agents, ctxt: RequestContext, disk_info: str, instance: Instance,
                    migration: Migration) -> None:
    """The part of finish_resize that may take long, and that recovery runs again.

    :param instance: with system_metadata loaded, before or after the flavors changed places
    """
    host = ctxt.addressed_host or ""
    event = "compute_finish_resize"
    power_on = instance.old_vm_state != states.STOPPED
    old, new = instance.flavor(OLD if OLD + "id" in instance.system_metadata else CURRENT), instance.flavor(NEW)

    def rest(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.RESIZE_FINISH,), "host": (host,)},
                         vm_state=states.RESIZED, task_state=None, launched_at=tx.now, progress=100,
                         power_state=states.RUNNING if power_on else states.SHUTDOWN)
        migrations.advance(tx, migration.id, (states.POST_MIGRATING,), states.FINISHED, step=None)
        if quota.upsize_deltas(old, new):
            endings.settle_quota(tx, instance, quota.held(old), new, old)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, event)

    def finish() -> None:
        agents.driver.finish_migration(host, instance.uuid, disk_info, new, power_on)
        agents.db.write(rest)
        agents.note(ctxt, instance, "waiting for confirm or revert", states.RESIZED, None, states.FINISHED)

    _guard(agents, ctxt, instance, migration, event, finish)


def confirm_resize(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration,
                   steps: tuple[str | None, ...] = (None,)) -> None:
    """On the source: remove what was kept for a revert (spec 8.5).

    :param steps: which steps to begin from; recovery also takes over one that was begun
    """
    host = ctxt.addressed_host or ""
    event = "compute_confirm_resize"

    def begin(tx: Transaction) -> None:
        migrations.advance(tx, migration.id, (states.CONFIRMING,), states.CONFIRMING, steps, step=ON_SOURCE)
        actions.start_event(tx, ctxt.request_id, instance.uuid, event, host, again=ON_SOURCE in steps)

    def settle(tx: Transaction) -> tuple[str, str | None]:
        ended = endings.confirm(tx, instance, migration)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, event)
        return ended

    def confirm() -> None:
        agents.driver.confirm_migration(host, instance.uuid)
        vm_state, task_state = agents.db.write(settle)
        agents.note(ctxt, instance, "confirmed", vm_state, task_state, states.CONFIRMED)
        if task_state == states.SOFT_DELETING:
            deferred_delete.go_on(agents, instance)

    try:
        agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "confirm_resize", reason)
    _guard(agents, ctxt, instance, migration, event, confirm)


def revert_resize(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration,
                  steps: tuple[str | None, ...] = (None,)) -> None:
    """On the destination: remove the guest, ask the source to take the server back (spec 8.6).

    :param steps: which steps to begin from; recovery also takes over one that was begun
    """
    host = ctxt.addressed_host or ""
    event = "compute_revert_resize"

    def begin(tx: Transaction) -> None:
        migrations.advance(tx, migration.id, (states.REVERTING,), states.REVERTING, steps, step=ON_DEST)
        actions.start_event(tx, ctxt.request_id, instance.uuid, event, host, again=ON_DEST in steps)

    def hand_over(tx: Transaction) -> None:
        migrations.advance(tx, migration.id, (states.REVERTING,), states.REVERTING, (ON_DEST,), step=DEST_DONE)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, event)

    def remove() -> bool:
        agents.driver.destroy(host, instance.uuid, keep_backup=True)
        agents.db.write(hand_over)
        agents.note(ctxt, instance, "destination removed", states.RESIZED, states.RESIZE_REVERTING, states.REVERTING)
        return True

    try:
        agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "revert_resize", reason)
    if not _guard(agents, ctxt, instance, migration, event, remove):
        agents.db.insist(migrations.let_go, migration.id)
    # In any case: where the move was ended meanwhile, the source may be the one that has to put the guest back.
    agents.compute.finish_revert_resize(ctxt, migration.source_compute, instance=instance, reservations=[],
                                        migration=migration)


def give_up(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
    """On the destination: end a revert whose move was ended while this host removed the guest, and died of it."""
    host = ctxt.addressed_host or ""
    if not lifecycle.belongs_here(agents, host, instance.uuid, migration.id):
        agents.driver.destroy(host, instance.uuid, keep_backup=True)
    agents.db.write(migrations.let_go, migration.id)
    agents.compute.finish_revert_resize(ctxt, migration.source_compute, instance=instance, reservations=[],
                                        migration=migration)


def finish_revert_resize(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration,
                         steps: tuple[str | None, ...] = (DEST_DONE,)) -> None:
    """On the source: the server is again what and where it was (spec 8.6).

    Host, flavor, state, migration.status and claim change in one transaction, so that the room on the source is
    never unprotected (spec 12.2 #38).

    :param steps: which steps to begin from; recovery also takes over one that was begun
    """
    host = ctxt.addressed_host or ""
    event = "compute_finish_revert_resize"

    def begin(tx: Transaction) -> Instance:
        migrations.advance(tx, migration.id, (states.REVERTING,), states.REVERTING, steps, step=ON_SOURCE)
        actions.start_event(tx, ctxt.request_id, instance.uuid, event, host, again=ON_SOURCE in steps)
        return instances.get(tx, instance.uuid, with_metadata=False)

    try:
        moved = agents.db.write(begin)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "finish_revert_resize", reason)
        return put_back(agents, ctxt, instance)
    stopped = moved.old_vm_state == states.STOPPED
    vm_state = states.STOPPED if stopped else states.ACTIVE

    def settle(tx: Transaction) -> None:
        instances.update(
            tx, instance.uuid, {"vm_state": (states.RESIZED,), "task_state": (states.RESIZE_REVERTING,)},
            host=migration.source_compute, node=migration.source_node, vm_state=vm_state, task_state=None,
            launched_at=tx.now, power_state=states.SHUTDOWN if stopped else states.RUNNING,
            **instances.flavor_columns(moved.flavor(OLD)))
        current = migrations.get(tx, migration.id)
        migrations.advance(tx, migration.id, (states.REVERTING,), states.REVERTED, (ON_SOURCE,), step=None)
        instances.restore_old_flavor(tx, instance.uuid)
        claims.drop_move(tx, instance.uuid, migration.id)
        endings.settle_quota(tx, moved, endings.counted(moved, current), moved.flavor(OLD))
        actions.finish_event(tx, ctxt.request_id, instance.uuid, event)

    def take_back() -> None:
        agents.driver.finish_revert_migration(host, instance.uuid, not stopped)
        agents.db.write(settle)
        agents.note(ctxt, instance, "reverted", vm_state, None, states.REVERTED)

    _guard(agents, ctxt, instance, migration, event, take_back)


def _guard(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration, event: str,
           work: Callable[[], T]) -> T | None:
    """Run the long part of a hop; whatever goes wrong in it ends in one place.

    :returns: what the work returns; None when it came to nothing
    """
    try:
        return work()
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, event, reason)
        if event == "compute_resize_instance":
            put_back(agents, ctxt, instance)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
    except Exception as error:
        LOG.exception("%s of %s on %s failed (%s)", event, instance.uuid, ctxt.addressed_host, ctxt.request_id)
        undo(agents, ctxt, instance, migration, event, error)
    return None


def undo(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration, event: str,
         error: Exception) -> None:
    """End a move whose hop failed. The guest comes first: a server that is at rest may be worked on at once."""
    if event == "compute_resize_instance":
        put_back(agents, ctxt, instance)
    try:
        vm_state = agents.db.insist(break_off, ctxt, instance, migration, event, error)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, event, reason)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
        return
    agents.note(ctxt, instance, f"{event} failed", vm_state, None, states.MIG_ERROR)
    if event == "compute_finish_revert_resize":
        # The server is this host's again, and its guest only a copy: one more try, so that a reboot can revive it.
        put_back(agents, ctxt, instance)


def put_back(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """Let the guest be one again, as it was, if its server is still here: not handed over, not gone."""
    try:
        now = agents.db.insist(instances.get, instance.uuid, None, False, False, False)
        host = ctxt.addressed_host or ""
        if now.host != host or agents.driver.power_state(host, now.uuid) != states.NOSTATE:
            return
        stopped = states.STOPPED in (now.vm_state, instance.vm_state) or now.power_state == states.SHUTDOWN
        agents.driver.finish_revert_migration(host, instance.uuid, not stopped)
        agents.note(ctxt, instance, "guest put back", now.vm_state, now.task_state)
    except exceptions.InstanceNotFound:
        return
    except exceptions.HypervisorError as error:
        LOG.error("Guest %s could not be put back on %s: %s", instance.uuid, ctxt.addressed_host, error.text)


def break_off(tx: Transaction, ctxt: RequestContext, instance: Instance, migration: Migration, event: str,
              error: Exception) -> str:
    """A hop failed: the server rests where it is, in ERROR, or as it was when nothing had been touched (spec 2.7,
    12.2 #35-#37). What it holds of claims and quota becomes what it is.

    :returns: its vm_state
    :raises UnexpectedTaskStateError: when the server has another task meanwhile: a delete, or what followed a reset
    :raises MigrationStatusConflict: when the move had ended meanwhile
    """
    instances.update(tx, instance.uuid, {"task_state": _TASKS[event]})
    now = instances.get(tx, instance.uuid, with_metadata=False)
    current = migrations.get(tx, migration.id)
    if current.status not in states.IN_PROGRESS:
        raise exceptions.MigrationStatusConflict(migration_id=current.id, actual=current.status, expected="moving")
    untouched = isinstance(error, exceptions.InstanceFaultRollback | NotImplementedError)
    vm_state = now.vm_state if untouched and now.vm_state != states.RESIZED else states.ERROR
    endings.abandon(tx, now, current, vm_state, endings.is_at_source(current))
    actions.record_failure(tx, ctxt, now.uuid, event, error)
    return vm_state or states.ERROR
