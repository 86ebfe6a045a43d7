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
    image_from_system_metadata,
    note_selection,
    populate_retry,
)
from novasim.context import RequestContext
from novasim.db import actions, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.exceptions import InstanceNotFound, MigrationStatusConflict, UnexpectedTaskStateError
from novasim.objects import Flavor, Instance

LOG = logging.getLogger(__name__)
EVENT = "cold_migrate"


def cold_migrate(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, flavor: Flavor,
                 filter_properties: dict[str, Any]) -> None:
    """Choose a destination and hand over to it; every failure ends in :func:`restore`."""
    filter_properties = copy.deepcopy(filter_properties)
    try:
        orchestrator.db.write(actions.start_event, ctxt.request_id, instance.uuid, EVENT)
        _hand_over(orchestrator, ctxt, instance, flavor, filter_properties)
        orchestrator.db.write(actions.finish_event, ctxt.request_id, instance.uuid, EVENT)
    except Exception as error:
        LOG.warning("Move of %s (%s) came to nothing: %s", instance.uuid, ctxt.request_id,
                    getattr(error, "text", error))
        restore(orchestrator, ctxt, instance, error)


def _hand_over(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, flavor: Flavor,
               filter_properties: dict[str, Any]) -> None:
    populate_retry(filter_properties, orchestrator.conf.scheduler.max_attempts, instance.uuid)
    image = image_from_system_metadata(instance)
    request_spec = build_request_spec([instance], image, flavor)
    selection = orchestrator.scheduler.select_destinations(
        ctxt, request_spec=request_spec, filter_properties=filter_properties)[0]
    note_selection(filter_properties, selection)
    orchestrator.note(ctxt, instance, f"chose {selection['host']}", instance.vm_state, states.RESIZE_PREP)
    # extra_specs were for the scheduler only (spec 6.2 step 7).
    request_spec["instance_type"].pop("extra_specs", None)
    orchestrator.compute.prep_resize(
        ctxt, selection["host"], image=image, instance=instance, instance_type=msgspec.to_builtins(flavor),
        reservations=[], request_spec=request_spec, filter_properties=filter_properties,
        node=selection["nodename"])


def restore(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, error: Exception) -> None:
    """Give the server back as it was: state, quota, and a record of why (spec 6.5)."""
    def undo(tx: Transaction) -> None:
        mine = {"task_state": (states.RESIZE_PREP,), "task_request_id": (ctxt.request_id,)}
        instances.update(tx, instance.uuid, mine, task_state=None)
        move = migrations.in_progress(tx, instance.uuid)
        if move is not None:
            # A host has it after all: the message was sent before something else failed, or came late.
            raise MigrationStatusConflict(migration_id=move.id, actual=move.status, expected="none")
        instances.drop_stash(tx, instance.uuid)
        quotas.rollback(tx, instance.uuid)
        actions.record_failure(tx, ctxt, instance.uuid, EVENT, error)

    try:
        orchestrator.db.write(undo)
    except (UnexpectedTaskStateError, MigrationStatusConflict, InstanceNotFound) as reason:
        LOG.info("Nothing to restore for %s: %s", instance.uuid, reason)
        return
    orchestrator.note(ctxt, instance, "restored", instance.vm_state, None)
