"""Every hop of a live migration that an agent plays, in the order in which they happen.

A host works on max_concurrent_live_migrations of its servers at a time; the others wait as ``queued`` in the database.
The guest runs on the source all along. With one transaction the source hands the server over (host, ``post-migrating``)
and only then removes its guest, after that the destination lets the waiting copy go on: so it never runs twice. Until
that transaction anybody may end the migration by another one (an abort, a failure, a delete); whoever comes second
finds the state moved on, and the guest on the source was not touched.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from novasim import context, exceptions, states
from novasim.compute import lifecycle
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.compute.virt.driver import Patience, Transferred
from novasim.context import RequestContext
from novasim.db import actions, claims, endings, instances, migrations
from novasim.db.engine import Transaction
from novasim.objects import Instance, Migration

LOG = logging.getLogger(__name__)
EVENT, PRE_EVENT = "compute_live_migration", "compute_pre_live_migration"
POST_EVENT = "compute_post_live_migration_at_destination"
GIB = 1024 ** 3
# Like the original: a small guest is given the time of one of 2 GiB.
_LEAST_GIB = 2


def live_migration(agents: Agents, ctxt: RequestContext, instance: Instance, block_migration: bool,
                   migration: Migration) -> None:
    """On the source: queue the server, and begin with whoever is next.

    :param block_migration: copy the disks, too
    """
    host = ctxt.addressed_host or ""

    def queue(tx: Transaction, total: Transferred) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.MIGRATING,), "host": (host,)})
        migrations.advance(tx, migration.id, (states.ACCEPTED,), states.QUEUED, (states.CLAIMED,), step=None,
                           **total._asdict())
        actions.start_event(tx, ctxt.request_id, instance.uuid, EVENT, host)

    try:
        agents.db.write(queue, agents.driver.check_can_live_migrate_source(host, instance.uuid, block_migration))
        agents.note(ctxt, instance, "live migration queued", instance.vm_state, states.MIGRATING, states.QUEUED)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "live_migration", reason)
    except Exception as error:
        _roll_back(agents, ctxt, instance, migration, (states.ACCEPTED,), states.MIG_ERROR, error)
    begin_next(agents, host)


def begin_next(agents: Agents, host: str) -> None:
    """Ask the destinations of those that have waited longest to prepare, as many as may be under way."""
    at_most = agents.conf.max_concurrent_live_migrations or sys.maxsize
    while (move := agents.db.write(migrations.take_queued, host, at_most)) is not None:
        ctxt = context.admin_context(move.request_id)
        ctxt.addressed_host = host
        try:
            instance = agents.db.read(instances.get, move.instance_uuid)
        except exceptions.InstanceNotFound:
            continue
        agents.note(ctxt, instance, "live migration begins", instance.vm_state, states.MIGRATING, states.PREPARING)
        agents.compute.pre_live_migration(ctxt, move.dest_compute, instance=instance, migration=move)


def pre_live_migration(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration,
                       steps: tuple[str | None, ...] = (None,)) -> None:
    """On the destination: make what the guest will be copied into.

    :param steps: which steps to begin from; recovery also takes over one that was begun
    """
    host = ctxt.addressed_host or ""

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.MIGRATING,)})
        migrations.advance(tx, migration.id, (states.PREPARING,), states.PREPARING, steps, step=states.ON_DEST)
        actions.start_event(tx, ctxt.request_id, instance.uuid, PRE_EVENT, host, again=states.ON_DEST in steps)

    def ready(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.MIGRATING,)})
        migrations.advance(tx, migration.id, (states.PREPARING,), states.PREPARING, (states.ON_DEST,),
                           step=states.DEST_DONE)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, PRE_EVENT)

    try:
        agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "pre_live_migration", reason)
    try:
        agents.driver.pre_live_migration(host, instance.uuid, instance.flavor())
        agents.db.write(ready)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "pre_live_migration", reason)
        return rollback_live_migration_at_destination(agents, ctxt, instance)
    except Exception as error:
        _roll_back(agents, ctxt, instance, migration, (states.PREPARING,), states.MIG_ERROR, error)
        # Nothing is left to be done for this one, but the source has room for the next.
        agents.compute.live_migration(ctxt, migration.source_compute, instance=instance, dest=host,
                                      block_migration=True, migration=migration)
        return None
    agents.note(ctxt, instance, "prepared for the guest", instance.vm_state, states.MIGRATING, states.PREPARING)
    agents.compute.do_live_migration(ctxt, migration.source_compute, instance=instance, migration=migration)


def do_live_migration(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
    """On the source: copy the guest while it runs, and hand the server over."""
    host = ctxt.addressed_host or ""
    mine = {"task_state": (states.MIGRATING,), "host": (host,)}

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine)
        migrations.advance(tx, migration.id, (states.PREPARING,), states.MIG_RUNNING, (states.DEST_DONE,), step=None)

    try:
        agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "do_live_migration", reason)
    agents.note(ctxt, instance, "copying the guest", instance.vm_state, states.MIGRATING, states.MIG_RUNNING)
    try:
        total = Transferred(migration.memory_total or 0, 0, 0, migration.disk_total or 0, 0, 0)
        agents.driver.live_migration(host, instance.uuid, migration.dest_compute or "", total, _patience(agents, total),
                                     _reporter(agents, instance, migration, mine))
        agents.db.write(_hand_over, ctxt, instance, migration)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "do_live_migration", reason)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
        _clean_destination(agents, ctxt, instance, migration)
    except Exception as error:
        cancelled = isinstance(error, exceptions.LiveMigrationAborted)
        _roll_back(agents, ctxt, instance, migration, (states.MIG_RUNNING,),
                   states.CANCELLED if cancelled else states.FAILED, error)
    else:
        agents.note(ctxt, instance, "guest copied", instance.vm_state, states.MIGRATING, states.POST_MIGRATING)
        post_live_migration(agents, ctxt, instance, migration)
    begin_next(agents, host)


def _patience(agents: Agents, total: Transferred) -> Patience:
    conf = agents.conf
    size = max(_LEAST_GIB, (total.memory_total + total.disk_total) / GIB)
    return Patience(conf.live_migration_downtime / 1000, conf.live_migration_completion_timeout * size,
                    conf.live_migration_timeout_action == "force_complete")


def _reporter(agents: Agents, instance: Instance, migration: Migration,
              mine: instances.Expected) -> Callable[[Transferred], None]:
    def write(tx: Transaction, progress: Transferred) -> bool:
        total = progress.memory_total + progress.disk_total
        left = progress.memory_remaining + progress.disk_remaining
        instances.update(tx, instance.uuid, mine, progress=100 - 100 * left // total if total else 100)
        migrations.advance(tx, migration.id, (states.MIG_RUNNING,), states.MIG_RUNNING, **progress._asdict())
        return migrations.get(tx, migration.id).step == states.FORCED

    def report(progress: Transferred) -> None:
        if agents.db.write(write, progress):
            # It may have been asked for before the hypervisor had begun.
            agents.driver.live_migration_force_complete(migration.source_compute or "", instance.uuid)
    return report


def _hand_over(tx: Transaction, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
    instances.update(tx, instance.uuid, {"task_state": (states.MIGRATING,), "host": (migration.source_compute,)},
                     host=migration.dest_compute, node=migration.dest_node)
    migrations.advance(tx, migration.id, (states.MIG_RUNNING,), states.POST_MIGRATING, step=states.ON_SOURCE)
    actions.finish_event(tx, ctxt.request_id, instance.uuid, EVENT)


def post_live_migration(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
    """On the source: remove the guest, which is the destination's; recovery runs this again."""
    host = ctxt.addressed_host or ""

    def hand_over(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.MIGRATING,)})
        migrations.advance(tx, migration.id, (states.POST_MIGRATING,), states.POST_MIGRATING, (states.ON_SOURCE,),
                           step=states.SOURCE_DONE)

    try:
        agents.driver.post_live_migration(host, instance.uuid)
        agents.db.write(hand_over)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "post_live_migration", reason)
    except Exception as error:
        # A guest that could not be removed runs: the server is not to be started elsewhere.
        at_source = agents.driver.power_state(host, instance.uuid) != states.NOSTATE
        _break_off(agents, ctxt, instance, migration, EVENT, error, at_source)
        return _clean_destination(agents, ctxt, instance, migration) if at_source else None
    # In any case: where the migration was ended meanwhile, the copy is the only guest that there is.
    agents.compute.post_live_migration_at_destination(ctxt, migration.dest_compute, instance=instance,
                                                      migration=migration)


def post_live_migration_at_destination(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration,
                                       steps: tuple[str | None, ...] = (states.SOURCE_DONE,)) -> None:
    """On the destination: the guest goes on here, and the move is over.

    :param steps: which steps to begin from; recovery also takes over one that was begun
    """
    host = ctxt.addressed_host or ""
    mine = {"task_state": (states.MIGRATING,), "host": (host,)}
    power_state = states.POWER_PAUSED if instance.vm_state == states.PAUSED else states.RUNNING

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine)
        migrations.advance(tx, migration.id, (states.POST_MIGRATING,), states.POST_MIGRATING, steps,
                           step=states.ON_DEST)
        actions.start_event(tx, ctxt.request_id, instance.uuid, POST_EVENT, host, again=states.ON_DEST in steps)

    def settle(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine, task_state=None, power_state=power_state, progress=100)
        migrations.advance(tx, migration.id, (states.POST_MIGRATING,), states.COMPLETED, (states.ON_DEST,), step=None)
        claims.settle_on_destination(tx, instance.uuid, migration.id)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, POST_EVENT)

    try:
        agents.db.write(begin)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "post_live_migration_at_destination", reason)
        return _let_run(agents, ctxt, instance)
    try:
        agents.driver.post_live_migration_at_destination(host, instance.uuid, power_state)
        agents.db.write(settle)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "post_live_migration_at_destination", reason)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
    except Exception as error:
        _break_off(agents, ctxt, instance, migration, POST_EVENT, error)
    else:
        agents.note(ctxt, instance, "live-migrated", instance.vm_state, None, states.COMPLETED)


def _let_run(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """A server that was reset while it was handed over is at rest here, and its guest still stands still."""
    host = ctxt.addressed_host or ""
    try:
        now = agents.db.read(instances.get, instance.uuid, None, False, False, False)
        if ((now.host, now.vm_state, now.task_state) == (host, states.ACTIVE, None)
                and agents.driver.power_state(host, now.uuid) == states.POWER_PAUSED):
            agents.driver.unpause(host, now.uuid)
    except exceptions.InstanceNotFound:
        return
    except exceptions.HypervisorError as error:
        LOG.error("Guest %s on %s does not go on: %s", instance.uuid, host, error.text)


def live_migration_force_complete(agents: Agents, ctxt: RequestContext, instance: Instance,
                                  migration: Migration) -> None:
    """On the source: bring a copy that is under way to its end; without one, nothing."""
    host = ctxt.addressed_host or ""

    def note(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.MIGRATING,), "host": (host,)})
        migrations.advance(tx, migration.id, (states.MIG_RUNNING,), states.MIG_RUNNING, step=states.FORCED)
        actions.start_event(tx, ctxt.request_id, instance.uuid, "compute_live_migration_force_complete", host,
                            done=True)

    try:
        agents.db.write(note)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "live_migration_force_complete", reason)
    agents.driver.live_migration_force_complete(host, instance.uuid)
    agents.note(ctxt, instance, "forced to complete", instance.vm_state, states.MIGRATING, states.MIG_RUNNING)


def live_migration_abort(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
    """On the source: end a live migration that has not handed over yet; the server is as it was."""
    host = ctxt.addressed_host or ""
    error = exceptions.LiveMigrationAborted(instance_uuid=instance.uuid, host=host, reason="it was cancelled")

    def cancel(tx: Transaction) -> None:
        _undo(tx, instance, migration, (states.QUEUED, states.PREPARING, states.MIG_RUNNING), states.CANCELLED)
        actions.start_event(tx, ctxt.request_id, instance.uuid, "compute_live_migration_abort", host, done=True)
        for event in (EVENT, PRE_EVENT):
            actions.finish_event(tx, migration.request_id or "", instance.uuid, event, error.text,
                                 details=error.text)

    try:
        agents.db.write(cancel)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "live_migration_abort", reason)
    agents.driver.live_migration_abort(host, instance.uuid)
    agents.note(ctxt, instance, "live migration cancelled", instance.vm_state, None, states.CANCELLED)
    _clean_destination(agents, ctxt, instance, migration)
    begin_next(agents, host)


def rollback_live_migration_at_destination(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """On the destination: remove what was prepared, unless the server lives here or is on its way here again."""
    host = ctxt.addressed_host or ""
    if lifecycle.belongs_here(agents, host, instance.uuid):
        return
    try:
        agents.driver.rollback_live_migration_at_destination(host, instance.uuid)
        agents.note(ctxt, instance, "destination cleaned", instance.vm_state)
    except exceptions.HypervisorError as error:
        LOG.error("What was prepared for %s stays on %s for now: %s", instance.uuid, host, error.text)


def break_down(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
    """On the source, after a restart: the copy ended with the process, the guest did not."""
    error = exceptions.MigrationError(reason="the compute service was restarted while it copied the guest")
    _roll_back(agents, ctxt, instance, migration, (states.MIG_RUNNING,), states.FAILED, error)
    begin_next(agents, ctxt.addressed_host or "")


def _undo(tx: Transaction, instance: Instance, migration: Migration, expected: tuple[str, ...], status: str) -> None:
    """The server is on its source as it was, and holds room there only."""
    instances.update(tx, instance.uuid, {"task_state": (states.MIGRATING,), "host": (migration.source_compute,)},
                     task_state=None, progress=0)
    migrations.advance(tx, migration.id, expected, status, step=None)
    claims.drop_move(tx, instance.uuid, migration.id)


def _roll_back(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration,
               expected: tuple[str, ...], status: str, error: Exception) -> None:
    """A hop before the handing over failed: the server stays where it is, as it was."""
    LOG.warning("Live migration of %s on %s failed (%s): %s", instance.uuid, ctxt.addressed_host, ctxt.request_id,
                error)

    def undo(tx: Transaction) -> None:
        _undo(tx, instance, migration, expected, status)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, PRE_EVENT, actions.text_of(error))
        if states.ACCEPTED in expected:
            actions.start_event(tx, ctxt.request_id, instance.uuid, EVENT, ctxt.addressed_host)
        actions.record_failure(tx, ctxt, instance.uuid, EVENT, error)

    try:
        agents.db.insist(undo)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "live_migration", reason)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
    else:
        agents.note(ctxt, instance, "live migration failed", instance.vm_state, None, status)
    _clean_destination(agents, ctxt, instance, migration)


def _clean_destination(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
    agents.compute.rollback_live_migration_at_destination(ctxt, migration.dest_compute, instance=instance,
                                                          migration=migration)


def _break_off(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration, event: str,
               error: Exception, at_source: bool = False) -> None:
    """A hop after the handing over failed: the server is in ERROR, and where its guest is: the destination's, or the
    source's again."""
    LOG.exception("%s of %s on %s failed (%s)", event, instance.uuid, ctxt.addressed_host, ctxt.request_id)

    def end(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.MIGRATING,)})
        now = instances.get(tx, instance.uuid, with_metadata=False)
        current = migrations.get(tx, migration.id)
        if current.status != states.POST_MIGRATING:
            raise exceptions.MigrationStatusConflict(migration_id=current.id, actual=current.status, expected="moving")
        endings.abandon(tx, now, current, states.ERROR, at_source)
        actions.record_failure(tx, ctxt, now.uuid, event, error)

    try:
        agents.db.insist(end)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, event, reason)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
        return
    agents.note(ctxt, instance, f"{event} failed", states.ERROR, None, states.MIG_ERROR)
