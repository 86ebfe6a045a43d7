"""Ends what waits for a host that is gone (spec 12.2 #20, #29, #32): a move or a task that only its agent could end.

An agent that comes back in time takes its work up itself (compute/recovery.py). Of one that does not come back within
recovery_after seconds of being down, nobody knows what it still did, so a server stays where its guest may be, and is
in ERROR unless the host surely had not begun. An agent that comes back later finds that its work is not its any more,
and what lies on it is cleared away, or made its server's guest again (compute/periodics.py).
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

from novasim import config, context, exceptions, states
from novasim.conductor.orchestrator import Orchestrator
from novasim.context import RequestContext
from novasim.db import actions, claims, endings, hosts, images, instance_pages, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import Instance, Migration

LOG = logging.getLogger(__name__)
OVERTAKEN = (exceptions.UnexpectedTaskStateError, exceptions.MigrationStatusConflict, exceptions.InstanceNotFound)
SOURCE, DEST = "source_compute", "dest_compute"
_MOVE, _CONFIRM, _REVERT = ("resize", "migrate"), ("confirmResize",), ("revertResize",)
_LIVE = ("live-migration",)
# Tasks that leave nobody knows what of the guest when they break off; after any other it is as it was.
_UNSURE = (states.SPAWNING, states.REBUILDING, states.REBUILD_BLOCK_DEVICE_MAPPING, states.REBUILD_SPAWNING)

# Tasks that a host has begun with.
_BEGUN = (states.SPAWNING, *states.REBUILD_TASKS[1:], *states.SNAPSHOT_TASKS[1:], *states.SHELVE_TASKS[1:])


def _as_it_was(tx: Transaction, instance: Instance, move: Migration) -> bool:
    endings.abandon(tx, instance, move, instance.vm_state)
    return True


def _broken(tx: Transaction, instance: Instance, move: Migration) -> bool:
    endings.abandon(tx, instance, move, states.ERROR)
    return True


def _back_at_source(tx: Transaction, instance: Instance, move: Migration) -> bool:
    endings.abandon(tx, instance, move, states.ERROR, at_source=True)
    return True


def _confirmed(tx: Transaction, instance: Instance, move: Migration) -> bool:
    endings.confirm(tx, instance, move)
    return False


class _Step(NamedTuple):
    """Whose turn it is in a step of a move, how the move ends without it, and the actions that may have asked.

    ``end`` returns whether that is a failure.
    """
    whose: str
    end: Callable[[Transaction, Instance, Migration], bool]
    actions: tuple[str, ...]


_STEPS: dict[tuple[str, str | None], _Step] = {
    (states.PRE_MIGRATING, None): _Step(SOURCE, _as_it_was, _MOVE),
    (states.MIG_MIGRATING, None): _Step(SOURCE, _broken, _MOVE),
    # The destination has not begun, and cannot any more: the disks are still the source's.
    (states.POST_MIGRATING, None): _Step(DEST, _back_at_source, _MOVE),
    (states.POST_MIGRATING, states.FINISHING): _Step(DEST, _broken, _MOVE),
    (states.CONFIRMING, None): _Step(SOURCE, _confirmed, _CONFIRM),
    (states.CONFIRMING, states.ON_SOURCE): _Step(SOURCE, _confirmed, _CONFIRM),
    (states.REVERTING, None): _Step(DEST, _broken, _REVERT),
    (states.REVERTING, states.ON_DEST): _Step(DEST, _broken, _REVERT),
    (states.REVERTING, states.DEST_DONE): _Step(SOURCE, _back_at_source, _REVERT),
    (states.REVERTING, states.ON_SOURCE): _Step(SOURCE, _back_at_source, _REVERT),
    # Until a live migration hands over, the guest is on the source, dead or not, and the destination has a shell.
    (states.ACCEPTED, states.CLAIMED): _Step(SOURCE, _as_it_was, _LIVE),
    (states.QUEUED, None): _Step(SOURCE, _as_it_was, _LIVE),
    (states.PREPARING, None): _Step(DEST, _as_it_was, _LIVE),
    (states.PREPARING, states.ON_DEST): _Step(DEST, _as_it_was, _LIVE),
    (states.PREPARING, states.DEST_DONE): _Step(SOURCE, _as_it_was, _LIVE),
    (states.MIG_RUNNING, None): _Step(SOURCE, _as_it_was, _LIVE),
    (states.MIG_RUNNING, states.FORCED): _Step(SOURCE, _as_it_was, _LIVE),
    (states.POST_MIGRATING, states.ON_SOURCE): _Step(SOURCE, _broken, _LIVE),
    (states.POST_MIGRATING, states.SOURCE_DONE): _Step(DEST, _broken, _LIVE),
    (states.POST_MIGRATING, states.ON_DEST): _Step(DEST, _broken, _LIVE),
    # An evacuation is for another host to be tried.
    (states.PRE_MIGRATING, states.CLAIMED): _Step(DEST, _as_it_was, ("evacuate",)),
    (states.PRE_MIGRATING, states.ON_DEST): _Step(DEST, _broken, ("evacuate",)),
}


def stranded(orchestrator: Orchestrator, tasks: tuple[str, ...]) -> Iterator[tuple[str, Callable[[], bool]]]:
    """What there is to end: each is a server's uuid, and a function that ends it and returns whether it still could.

    :param tasks: task_states in which a server waits for its host
    """
    patience = timedelta(seconds=orchestrator.conf.conductor.recovery_after)
    before = orchestrator.clock.now() - patience
    silent = before - timedelta(seconds=config.down_after(orchestrator.conf))
    limit = orchestrator.conf.conductor.recovery_batch
    gone = functools.partial(hosts.gone, since=silent, forced_since=before)
    for whose in (SOURCE, DEST):
        steps = [step for step, rule in _STEPS.items() if rule.whose == whose]
        for move in orchestrator.db.read(migrations.stranded, steps, whose, before, gone, limit):
            yield move.instance_uuid, functools.partial(_end_move, orchestrator, move)
    for instance in orchestrator.db.read(instance_pages.stranded, (*tasks, *_BEGUN), before, gone, limit):
        yield instance.uuid, functools.partial(_end_task, orchestrator, instance)


def _unavailable(host: str | None) -> exceptions.NovasimException:
    return exceptions.ComputeServiceUnavailable(host=host)


def _end_move(orchestrator: Orchestrator, move: Migration) -> bool:
    rule = _STEPS[move.status, move.step]
    host = getattr(move, rule.whose)
    ctxt = context.admin_context(orchestrator.db.read(actions.newest_request, move.instance_uuid, rule.actions))

    def transaction(tx: Transaction) -> tuple[Instance, bool]:
        instances.update(tx, move.instance_uuid)
        migrations.advance(tx, move.id, (move.status,), move.status, (move.step,))
        instance = instances.get(tx, move.instance_uuid)
        if instance.task_state == states.DELETING:
            raise exceptions.UnexpectedDeletingTaskStateError(instance_uuid=instance.uuid, expected={}, actual={})
        failed = rule.end(tx, instance, migrations.get(tx, move.id))
        _record(tx, ctxt, instance, host, failed)
        return instance, failed

    try:
        was, failed = orchestrator.db.write(transaction)
    except OVERTAKEN as reason:
        LOG.info("Move %s is not ended now: %s", move.uuid, reason)
        return False
    LOG.warning("%s is gone; move %s of %s ended in %s (%s)", host, move.uuid, was.uuid, move.status, move.step)
    orchestrator.note(ctxt, was, "move failed with its host" if failed else "confirmed without its source")
    if failed and rule.end is _back_at_source:
        # Whatever it says of the move, a source that lives makes the kept copy the guest again.
        orchestrator.compute.finish_revert_resize(ctxt, move.source_compute, instance=was, reservations=[],
                                                  migration=move)
    return True


def _end_task(orchestrator: Orchestrator, instance: Instance) -> bool:
    ctxt = context.admin_context(instance.task_request_id)

    def transaction(tx: Transaction) -> list[str]:
        mine = {"task_state": (instance.task_state,), "host": (instance.host,),
                "task_request_id": (instance.task_request_id,)}
        if instance.task_state == states.DELETING:
            instances.update(tx, instance.uuid, mine)
            return endings.erase(tx, instance.uuid)
        error = {"vm_state": states.ERROR} if instance.task_state in _UNSURE else {}
        instances.update(tx, instance.uuid, mine, task_state=None, **error)
        images.drop_unfinished(tx, instance.uuid)
        if instance.vm_state == states.SHELVED_OFFLOADED:
            # It was to be brought back there, and is on no host again.
            instances.update(tx, instance.uuid, host=None, node=None)
            claims.drop_all(tx, instance.uuid)
        # What a restore had reserved.
        quotas.rollback(tx, instance.uuid)
        _record(tx, ctxt, instance, instance.host, True)
        return []

    try:
        left = orchestrator.db.write(transaction)
    except OVERTAKEN as reason:
        LOG.info("The task of %s is not ended now: %s", instance.uuid, reason)
        return False
    LOG.warning("%s is gone; %s of %s ended", instance.host, instance.task_state, instance.uuid)
    orchestrator.note(ctxt, instance, "task ended with its host")
    for host in left:
        orchestrator.compute.terminate_instance(ctxt, host, instance=instance, bdms=[], reservations=[])
    return True


def _record(tx: Transaction, ctxt: RequestContext, instance: Instance, host: str | None, failed: bool) -> None:
    error = _unavailable(host)
    actions.break_off(tx, instance.uuid, error.text)
    if failed:
        actions.fail(tx, ctxt.request_id, instance.uuid)
        actions.add_fault(tx, instance.uuid, error, host)
