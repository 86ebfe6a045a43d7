"""Takes up operations that wait for a message which was lost, or for a conductor that died (spec 12.1 #13, 12.2 #19,
#29). Messages are acknowledged before they run, so what is not in the database's state is gone.

Every hop begins with a compare-and-swap, so sending its message once more does no harm to one that is only slow.
What an agent has begun is left to it: it takes its own work up when it starts (compute/recovery.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import msgspec

from novasim import context, exceptions, states
from novasim.conductor import build, resize
from novasim.conductor.orchestrator import Orchestrator, image_from_system_metadata
from novasim.context import RequestContext
from novasim.db import actions, instance_pages, instances, migrations, quotas
from novasim.objects import NEW, Instance, Migration

LOG = logging.getLogger(__name__)
T = TypeVar("T", Instance, Migration)


def recover(orchestrator: Orchestrator) -> int:
    """One look at everything that has not moved for recovery_after seconds; returns how much was taken up."""
    options = orchestrator.conf.conductor
    before = orchestrator.clock.now() - timedelta(seconds=options.recovery_after)
    taken = 0
    for task_state, give_up in ((states.RESIZE_PREP, _restore_move), (states.SCHEDULING, _fail_build),
                                *((task_state, _ask_again) for task_state in _TASKS)):
        for instance in orchestrator.db.read(instance_pages.stuck, task_state, before, options.recovery_batch):
            taken += _safely(give_up, orchestrator, instance)
    for move in orchestrator.db.read(migrations.stale, _MESSAGES, before, options.recovery_batch):
        taken += _safely(_send_again, orchestrator, move)
    return taken


def _safely(take_up: Callable[[Orchestrator, T], bool], orchestrator: Orchestrator, lost: T) -> bool:
    """One that cannot be taken up must not keep the others waiting."""
    try:
        return take_up(orchestrator, lost)
    except Exception:
        LOG.exception("Could not take up %s", lost.uuid)
        return False


def expire_reservations(orchestrator: Orchestrator) -> None:
    """Roll back reservations that nobody settled (spec 11.1)."""
    for uuid in orchestrator.db.read(quotas.expired, orchestrator.clock.now()):
        LOG.warning("A quota reservation of %s had expired", uuid)
        orchestrator.db.write(quotas.rollback, uuid)


def _lost(instance: Instance) -> exceptions.NovasimException:
    return exceptions.MigrationError(reason=f"the operation on {instance.uuid} was lost on its way")


def _restore_move(orchestrator: Orchestrator, instance: Instance) -> bool:
    """In resize_prep without a move: no host ever got the message."""
    LOG.warning("Resize of %s was lost before it reached a host; giving it back", instance.uuid)
    resize.restore(orchestrator, context.admin_context(instance.task_request_id), instance, _lost(instance))
    return True


def _fail_build(orchestrator: Orchestrator, instance: Instance) -> bool:
    LOG.warning("Build of %s was lost before it reached a host", instance.uuid)
    build.fail(orchestrator, context.admin_context(instance.task_request_id), instance, _lost(instance))
    return True


def _resize_instance(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration) -> None:
    orchestrator.compute.resize_instance(
        ctxt, move.source_compute, instance=instance, image=image_from_system_metadata(instance), reservations=[],
        migration=move, instance_type=msgspec.to_builtins(instance.flavor(NEW)))


def _finish_resize(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration) -> None:
    orchestrator.compute.finish_resize(
        ctxt, move.dest_compute, disk_info="", image=image_from_system_metadata(instance), instance=instance,
        reservations=[], migration=move)


def _confirm(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration) -> None:
    orchestrator.compute.confirm_resize(ctxt, move.source_compute, instance=instance, reservations=[], migration=move)


def _revert(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration) -> None:
    orchestrator.compute.revert_resize(ctxt, move.dest_compute, instance=instance, migration=move, reservations=[])


def _finish_revert(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration) -> None:
    orchestrator.compute.finish_revert_resize(ctxt, move.source_compute, instance=instance, reservations=[],
                                              migration=move)


_Send = Callable[[Orchestrator, RequestContext, Instance, Migration], None]
# (status, step) of a move that waits for a message -> (how to send it again, under which action's request id)
_MESSAGES: dict[tuple[str, str | None], tuple[_Send, tuple[str, ...]]] = {
    (states.PRE_MIGRATING, None): (_resize_instance, ("resize", "migrate")),
    (states.POST_MIGRATING, None): (_finish_resize, ("resize", "migrate")),
    (states.CONFIRMING, None): (_confirm, ("confirmResize",)),
    (states.REVERTING, None): (_revert, ("revertResize",)),
    (states.REVERTING, "dest-done"): (_finish_revert, ("revertResize",)),
}


def _start(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance) -> None:
    orchestrator.compute.start_instance(ctxt, instance.host, instance=instance)


def _stop(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance) -> None:
    orchestrator.compute.stop_instance(ctxt, instance.host, instance=instance)


def _reboot(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance) -> None:
    kind = "HARD" if instance.task_state == states.REBOOTING_HARD else "SOFT"
    orchestrator.compute.reboot_instance(ctxt, instance.host, instance=instance, block_device_info=None,
                                         reboot_type=kind)


def _terminate(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance) -> None:
    orchestrator.compute.terminate_instance(ctxt, instance.host, instance=instance, bdms=[], reservations=[])


# task_state of a server that waits for its host -> how to ask the host again; the work itself may be done twice.
_TASKS: dict[str, Callable[[Orchestrator, RequestContext, Instance], None]] = {
    states.POWERING_ON: _start, states.POWERING_OFF: _stop, states.REBOOTING: _reboot, states.REBOOTING_HARD: _reboot,
    states.DELETING: _terminate}


def _ask_again(orchestrator: Orchestrator, instance: Instance) -> bool:
    try:
        # Touches the row, so that the next look comes to it after those that wait longer.
        orchestrator.db.write(instances.update, instance.uuid, {"task_state": (instance.task_state,)})
    except (exceptions.InstanceNotFound, exceptions.UnexpectedTaskStateError):
        return False
    if instance.host is None:
        return False
    LOG.warning("%s has been %s since %s; asking %s again", instance.uuid, instance.task_state, instance.updated_at,
                instance.host)
    _TASKS[instance.task_state or ""](orchestrator, context.admin_context(instance.task_request_id), instance)
    return True


def _send_again(orchestrator: Orchestrator, move: Migration) -> bool:
    send, names = _MESSAGES[move.status, move.step]
    try:
        # Touches the row: the next look comes to this move after those that wait longer, and not before the message
        # had its time.
        orchestrator.db.write(migrations.advance, move.id, (move.status,), move.status, (move.step,))
        instance = orchestrator.db.read(instances.get, move.instance_uuid)
    except (exceptions.InstanceNotFound, exceptions.MigrationStatusConflict):
        return False
    request = orchestrator.db.read(actions.newest_request, instance.uuid, names)
    LOG.warning("Move %s of %s has waited in %s since %s; sending its message again", move.uuid, instance.uuid,
                move.status, move.updated_at)
    send(orchestrator, context.admin_context(request), instance, move)
    return True
