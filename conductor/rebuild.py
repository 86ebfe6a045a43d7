"""A rebuild as the conductor sees it: the server's own host is asked."""

from __future__ import annotations

import logging

from novasim import states
from novasim.conductor.orchestrator import Orchestrator
from novasim.context import RequestContext
from novasim.db import actions, instances
from novasim.db.engine import Transaction
from novasim.exceptions import InstanceNotFound, UnexpectedTaskStateError
from novasim.objects import Instance

LOG = logging.getLogger(__name__)
EVENT = "rebuild_server"
OVERTAKEN = (UnexpectedTaskStateError, InstanceNotFound)


def rebuild_instance(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, orig_image_ref: str | None,
                     orig_sys_metadata: dict[str, str] | None, preserve_ephemeral: bool) -> None:
    """Hand over to the server's host; a failure gives the server back with the image that it has.

    :param orig_sys_metadata: what it remembered of that image
    """
    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(ctxt))
        actions.start_event(tx, ctxt.request_id, instance.uuid, EVENT)

    try:
        orchestrator.db.write(begin)
    except OVERTAKEN as reason:
        LOG.info("Rebuild of %s (%s) left alone: %s", instance.uuid, ctxt.request_id, reason)
        return
    try:
        send(orchestrator, ctxt, instance, preserve_ephemeral)
        orchestrator.db.write(actions.finish_event, ctxt.request_id, instance.uuid, EVENT)
    except Exception as error:
        LOG.exception("Could not ask %s to rebuild %s", instance.host, instance.uuid)
        _restore(orchestrator, ctxt, instance, orig_image_ref, orig_sys_metadata or {}, error)


def _mine(ctxt: RequestContext) -> instances.Expected:
    return {"task_state": (states.REBUILDING,), "task_request_id": (ctxt.request_id,)}


def send(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance,
         preserve_ephemeral: bool = False) -> None:
    """Ask the server's host to rebuild it; doing it twice does no harm."""
    orchestrator.compute.rebuild_instance(
        ctxt, instance.host, instance=instance, orig_image_ref=None, image_ref=instance.image_ref, injected_files=[],
        new_pass=None, orig_sys_metadata={}, bdms=[], preserve_ephemeral=preserve_ephemeral)


def _restore(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, orig_image_ref: str | None,
             orig_sys_metadata: dict[str, str], error: Exception) -> None:
    def undo(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(ctxt), task_state=None, image_ref=orig_image_ref)
        instances.replace_system_metadata(tx, instance.uuid, "image_", orig_sys_metadata)
        actions.record_failure(tx, ctxt, instance.uuid, EVENT, error)

    try:
        orchestrator.db.write(undo)
    except OVERTAKEN as reason:
        LOG.info("Nothing to restore for %s: %s", instance.uuid, reason)
        return
    orchestrator.note(ctxt, instance, "rebuild restored", instance.vm_state, None)
