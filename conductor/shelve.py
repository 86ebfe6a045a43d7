"""Unshelving as the conductor sees it: a server that is still on its host is started there, one that was offloaded
where the scheduler finds room."""

from __future__ import annotations

import copy
import logging
from typing import Any

from novasim import exceptions, states
from novasim.conductor.orchestrator import (
    Orchestrator,
    build_request_spec,
    image_from_system_metadata,
    note_selection,
    populate_retry,
)
from novasim.context import RequestContext
from novasim.db import actions, images, instances
from novasim.db.engine import Transaction
from novasim.objects import SHELVED_IMAGE_ID, Instance

LOG = logging.getLogger(__name__)
EVENT = "schedule_instances"
OVERTAKEN = (exceptions.UnexpectedTaskStateError, exceptions.InstanceNotFound)


def unshelve_instance(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance,
                      request_spec: dict[str, Any], host_list: list[dict[str, Any]] | None = None) -> None:
    """Find a host where one is needed, and hand over; every failure ends in :func:`restore`.

    :param request_spec: ``requested_destination`` names the one host to be taken; ``retry`` the hosts tried so far
    :param host_list: where an agent could not take it, the hosts to be tried next
    """
    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(instance))
        actions.start_event(tx, ctxt.request_id, instance.uuid, EVENT)

    try:
        orchestrator.db.write(begin)
    except OVERTAKEN as reason:
        LOG.info("Unshelving of %s (%s) left alone: %s", instance.uuid, ctxt.request_id, reason)
        return
    try:
        _hand_over(orchestrator, ctxt, instance, request_spec, host_list)
        orchestrator.db.write(actions.finish_event, ctxt.request_id, instance.uuid, EVENT)
    except Exception as error:
        LOG.warning("Unshelving of %s (%s) came to nothing: %s", instance.uuid, ctxt.request_id,
                    getattr(error, "text", error))
        restore(orchestrator, ctxt, instance, error)


def _mine(instance: Instance) -> instances.Expected:
    """Not one that a host has taken meanwhile, where it was on none."""
    return {"task_state": (states.UNSHELVING,), "task_request_id": (instance.task_request_id,),
            "host": (instance.host,)}


def _hand_over(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance,
               request_spec: dict[str, Any], host_list: list[dict[str, Any]] | None) -> None:
    if instance.host is not None:
        return send(orchestrator, ctxt, instance)
    image_id = instance.system_metadata.get(SHELVED_IMAGE_ID, "")
    try:
        orchestrator.db.read(images.get, image_id)
    except exceptions.ImageNotFound as error:
        reason = f"Unshelve attempted but the image {image_id} cannot be found."
        raise exceptions.UnshelveException(instance_id=instance.uuid, reason=reason) from error
    filter_properties = copy.deepcopy(request_spec)
    populate_retry(filter_properties, orchestrator.conf.scheduler.max_attempts, instance.uuid)
    spec = build_request_spec([instance], image_from_system_metadata(instance), instance.flavor())
    selection = orchestrator.next_destination(ctxt, spec, filter_properties, host_list)
    note_selection(filter_properties, selection)
    orchestrator.note(ctxt, instance, f"chose {selection['host']}", instance.vm_state, states.UNSHELVING)
    orchestrator.compute.unshelve_instance(
        ctxt, selection["host"], instance=instance, image={"id": image_id}, filter_properties=filter_properties,
        node=selection["nodename"], host_list=selection.get("alternates"))


def send(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance) -> None:
    """Ask the host of a server that was not offloaded; doing it twice does no harm."""
    orchestrator.compute.unshelve_instance(ctxt, instance.host, instance=instance, image=None, filter_properties={},
                                           node=instance.node)


def restore(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, error: Exception) -> None:
    """The server stays as it was shelved, unless a host has it by now."""
    def undo(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(instance), task_state=None)
        actions.record_failure(tx, ctxt, instance.uuid, EVENT, error)

    try:
        orchestrator.db.write(undo)
    except OVERTAKEN as reason:
        LOG.info("Nothing to restore for %s: %s", instance.uuid, reason)
        return
    orchestrator.note(ctxt, instance, "unshelve restored", instance.vm_state, None)
