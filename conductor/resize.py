"""A resize or cold migration as the conductor sees it: find a host, ask it to prepare; the same again when an agent
reports that its claim failed (spec 6.2, 6.4)."""

from __future__ import annotations

import copy
import logging
from typing import Any

import msgspec

from novasim import states
from novasim.conductor.orchestrator import (
    Orchestrator,
    build_request_spec,
    image_of,
    note_selection,
    populate_retry,
    try_elsewhere,
)
from novasim.context import RequestContext
from novasim.db import actions, instances, migrations, placements, quotas
from novasim.db.engine import Transaction
from novasim.db.placements import Look
from novasim.exceptions import (
    ComputeServiceUnavailable,
    InstanceNotFound,
    MigrationStatusConflict,
    UnexpectedTaskStateError,
)
from novasim.objects import Flavor, Instance

LOG = logging.getLogger(__name__)
# Ended here only when it fails; else by the destination, in the transaction that begins its work.
EVENTS = actions.COLD_MIGRATE
OVERTAKEN = (UnexpectedTaskStateError, MigrationStatusConflict, InstanceNotFound)


def cold_migrate(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, flavor: Flavor,
                 filter_properties: dict[str, Any], host_list: list[dict[str, Any]] | None = None) -> None:
    """Choose a destination and hand over to it; every failure ends in :func:`restore`.

    :param host_list: where an agent could not take it, the hosts to be tried next
    """
    filter_properties = copy.deepcopy(filter_properties)

    def begin(tx: Transaction) -> Look:
        look = placements.look(tx, flavor.id, instance.image_ref, [instance.uuid], ctxt.request_id)
        if not look.waits:
            # Says what it is instead.
            instances.update(tx, instance.uuid, _mine(ctxt))
        if look.moving:
            # The message came twice or late, or was sent before something else failed.
            raise MigrationStatusConflict(migration_id=None, actual="in progress", expected="none")
        actions.start_event(tx, ctxt.request_id, instance.uuid, EVENTS, orchestrator.conf.host)
        return look

    try:
        look = orchestrator.db.write(begin)
        left = host_list
        while (left := _hand_over(orchestrator, ctxt, instance, flavor, filter_properties, left, look)) is not None:
            pass
    except OVERTAKEN as reason:
        LOG.info("Move of %s (%s) left alone: %s", instance.uuid, ctxt.request_id, reason)
    except Exception as error:
        LOG.warning("Move of %s (%s) came to nothing: %s", instance.uuid, ctxt.request_id,
                    actions.full_text_of(error))
        restore(orchestrator, ctxt, instance, error, flavor)


def _mine(ctxt: RequestContext) -> instances.Expected:
    """What a server is as long as the request is the conductor's to work on, and no host's."""
    return {"task_state": (states.RESIZE_PREP,), "task_request_id": (ctxt.request_id,)}


def _hand_over(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, flavor: Flavor,
               filter_properties: dict[str, Any], host_list: list[dict[str, Any]] | None, look: Look,
               ) -> list[dict[str, Any]] | None:
    """One attempt. Returns None when it is made; else the hosts to be tried next."""
    populate_retry(filter_properties, orchestrator.conf.scheduler.max_attempts, instance.uuid)
    image = image_of(instance, look.image)
    request_spec = build_request_spec([instance], image, flavor)
    selection = orchestrator.next_destination(ctxt, request_spec, filter_properties, host_list, look)
    note_selection(filter_properties, selection)
    orchestrator.note(ctxt, instance, f"chose {selection['host']}", instance.vm_state, states.RESIZE_PREP)
    # extra_specs were for the scheduler only (spec 6.2 step 7).
    request_spec["instance_type"].pop("extra_specs", None)
    try:
        orchestrator.compute.prep_resize(
            ctxt, selection["host"], image=image, instance=instance, instance_type=msgspec.to_builtins(flavor),
            reservations=[], request_spec=request_spec, filter_properties=filter_properties,
            node=selection["nodename"], host_list=selection.get("alternates"))
    except ComputeServiceUnavailable as error:
        try_elsewhere(filter_properties, error)
        return selection.get("alternates") or []
    return None


def restore(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, error: Exception,
            flavor: Flavor | None = None) -> None:
    """Give the server back as it was: state, quota, and a record of why (spec 6.5).

    :param flavor: what it was to become, where that is known
    """
    def undo(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(ctxt), task_state=None)
        move = migrations.in_progress(tx, instance.uuid)
        if move is not None:
            raise MigrationStatusConflict(migration_id=move.id, actual=move.status, expected="none")
        instances.drop_stash(tx, instance.uuid)
        quotas.rollback(tx, instance.uuid)
        actions.record_failure(tx, ctxt, instance.uuid, EVENTS, error)

    try:
        orchestrator.db.write(undo)
    except OVERTAKEN as reason:
        LOG.info("Nothing to restore for %s: %s", instance.uuid, reason)
        return
    orchestrator.note(ctxt, instance, "restored", instance.vm_state, None, instance_type_id=flavor and flavor.id)
