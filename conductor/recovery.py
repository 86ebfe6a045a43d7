"""Takes up operations that wait for a message which was lost, or for a conductor that died (spec 12.1 #13, 12.2 #19,
#29). Messages are acknowledged before they run, so what is not in the database's state is gone.

Every hop begins with a compare-and-swap, so sending its message once more does no harm to one that is only slow.
What an agent has begun is left to it: it takes its own work up when it starts (compute/recovery.py). What waits for
one that does not come back is ended by dead_hosts.py.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from novasim import context, exceptions, states
from novasim.conductor import build, dead_hosts, destination, evacuate, live_migrate, rebuild, resize, shelve
from novasim.conductor.orchestrator import Orchestrator, image_from_system_metadata
from novasim.context import RequestContext
from novasim.db import actions, endings, instance_pages, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import NEW, Instance, Migration

LOG = logging.getLogger(__name__)


def recover(orchestrator: Orchestrator) -> int:
    """One look at everything that has not moved for recovery_after seconds; returns how much was taken up."""
    options = orchestrator.conf.conductor
    before = orchestrator.clock.now() - timedelta(seconds=options.recovery_after)
    taken = sum(_safely(uuid, end) for uuid, end in dead_hosts.stranded(orchestrator, tuple(_TASKS)))
    for task_state, give_up in ((states.RESIZE_PREP, _restore_move), (states.SCHEDULING, _fail_build),
                                (states.MIGRATING, _restore_live),
                                *((task_state, _ask_again) for task_state in _TASKS)):
        for instance in orchestrator.db.read(instance_pages.stuck, task_state, before, options.recovery_batch):
            taken += _safely(instance.uuid, functools.partial(give_up, orchestrator, instance))
    for move in orchestrator.db.read(migrations.stale, _MESSAGES, before, options.recovery_batch):
        taken += _safely(move.instance_uuid, functools.partial(_send_again, orchestrator, move))
    return taken


def _safely(instance_uuid: str, take_up: Callable[[], bool]) -> bool:
    """One that cannot be taken up must not keep the others waiting."""
    try:
        return take_up()
    except Exception:
        LOG.exception("Could not take up %s", instance_uuid)
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


def _give_back(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration) -> None:
    """The conductor that looked for a destination is gone, and no host was told."""
    kind = live_migrate.KIND if move.migration_type == states.LIVE_MIGRATION else evacuate.KIND
    destination.restore(orchestrator, ctxt, instance, kind, _lost(instance))


def _restore_live(orchestrator: Orchestrator, instance: Instance) -> bool:
    """In migrating without a move: no conductor ever got the message."""
    ctxt = context.admin_context(instance.task_request_id)
    destination.restore(orchestrator, ctxt, instance, live_migrate.KIND, _lost(instance))
    return True


def _to(end: str, method: str) -> _Send:
    """Send a message that carries the server and its move to one end of it."""
    return lambda orchestrator, ctxt, instance, move: getattr(orchestrator.compute, method)(
        ctxt, getattr(move, end), instance=instance, migration=move)


_LIVE = ("live-migration",)
_MESSAGES |= {
    (states.ACCEPTED, None): (_give_back, (*_LIVE, "evacuate")),
    (states.ACCEPTED, states.CLAIMED): (live_migrate.send, _LIVE),
    # It waits for its turn; that one more is free may have been lost with the source's process.
    (states.QUEUED, None): (live_migrate.send, _LIVE),
    (states.PREPARING, None): (_to("dest_compute", "pre_live_migration"), _LIVE),
    (states.PREPARING, states.DEST_DONE): (_to("source_compute", "do_live_migration"), _LIVE),
    (states.POST_MIGRATING, states.SOURCE_DONE): (_to("dest_compute", "post_live_migration_at_destination"), _LIVE),
    (states.PRE_MIGRATING, states.CLAIMED): (evacuate.send, ("evacuate",)),
}


_Ask = Callable[[Orchestrator, RequestContext, Instance], None]


def _plainly(method: str, **arguments: Any) -> _Ask:
    """Ask with the server and with what was not lost with the message."""
    return lambda orchestrator, ctxt, instance: getattr(orchestrator.compute, method)(
        ctxt, instance.host, instance=instance, **arguments)


def _reboot(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance) -> None:
    kind = "HARD" if instance.task_state == states.REBOOTING_HARD else "SOFT"
    orchestrator.compute.reboot_instance(ctxt, instance.host, instance=instance, block_device_info=None,
                                         reboot_type=kind)


def _forget_password(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance) -> None:
    """The password was in the message only: the user must set it again."""
    def give_up(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.UPDATING_PASSWORD,)}, task_state=None)
        actions.start_event(tx, ctxt.request_id, instance.uuid, "compute_set_admin_password", instance.host)
        actions.record_failure(tx, ctxt, instance.uuid, "compute_set_admin_password", _lost(instance))

    orchestrator.db.write(give_up)
    orchestrator.note(ctxt, instance, "compute_set_admin_password failed", instance.vm_state, None)


def _rebuild(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance) -> None:
    # An evacuation waits in the same task, and its host is the one that is gone.
    if orchestrator.db.read(actions.newest_request, instance.uuid, ("rebuild",)) == instance.task_request_id:
        rebuild.send(orchestrator, ctxt, instance)


def _no_image(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance) -> None:
    """Nobody began with the image; the request that wanted it has failed."""
    try:
        orchestrator.db.write(endings.abandon_image, ctxt, instance, (instance.task_state or "",),
                              "compute_snapshot_instance", _lost(instance))
    except (exceptions.InstanceNotFound, exceptions.UnexpectedTaskStateError):
        return
    orchestrator.note(ctxt, instance, "image given up", instance.vm_state, None)


# task_state of a server that waits for its host -> how to ask the host again; the work itself may be done twice.
_TASKS: dict[str, _Ask] = {
    states.POWERING_ON: _plainly("start_instance"), states.POWERING_OFF: _plainly("stop_instance"),
    states.REBOOTING: _reboot, states.REBOOTING_HARD: _reboot,
    states.PAUSING: _plainly("pause_instance"), states.UNPAUSING: _plainly("unpause_instance"),
    states.SUSPENDING: _plainly("suspend_instance"), states.RESUMING: _plainly("resume_instance"),
    states.RESCUING: _plainly("rescue_instance", rescue_password=None, rescue_image_ref=None),
    states.UNRESCUING: _plainly("unrescue_instance"), states.UPDATING_PASSWORD: _forget_password,
    states.REBUILDING: _rebuild,
    states.IMAGE_SNAPSHOT_PENDING: _no_image, states.IMAGE_BACKUP: _no_image,
    states.SHELVING: _plainly("shelve_instance", image_id=None),
    states.SHELVING_OFFLOADING: _plainly("shelve_offload_instance"),
    states.UNSHELVING: shelve.send,
    states.SOFT_DELETING: _plainly("soft_delete_instance", reservations=[]),
    states.RESTORING: _plainly("restore_instance"),
    states.DELETING: _plainly("terminate_instance", bdms=[], reservations=[])}


def _ask_again(orchestrator: Orchestrator, instance: Instance) -> bool:
    try:
        # Touches the row, so that the next look comes to it after those that wait longer.
        orchestrator.db.write(instances.update, instance.uuid, {"task_state": (instance.task_state,)})
    except (exceptions.InstanceNotFound, exceptions.UnexpectedTaskStateError):
        return False
    if instance.host is None:
        # Of what is done to servers without a host, only this waits for a conductor.
        if instance.task_state == states.UNSHELVING:
            shelve.restore(orchestrator, context.admin_context(instance.task_request_id), instance, _lost(instance))
            return True
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
