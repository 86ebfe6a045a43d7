"""An evacuation as the conductor sees it: a rebuild on another host, since the server's own is dead. Disks are not
shared, so the guest begins anew from its image (spec 2.3, 8.12).
"""

from __future__ import annotations

import logging
from typing import Any

from novasim import exceptions, states
from novasim.conductor import destination
from novasim.conductor.destination import OVERTAKEN
from novasim.conductor.orchestrator import Orchestrator
from novasim.context import RequestContext
from novasim.db import actions, instances, migrations
from novasim.db.engine import Transaction
from novasim.objects import ComputeNode, Instance, Migration

LOG = logging.getLogger(__name__)


def _check(_orchestrator: Orchestrator, instance: Instance, dest: ComputeNode) -> None:
    if dest.host == instance.host:
        raise exceptions.UnableToMigrateToSelf(instance_id=instance.uuid, host=dest.host)


KIND = destination.Kind(states.REBUILDING, "rebuild_server", states.PRE_MIGRATING, "rebuild_instance", _check)


def evacuate(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, host: str | None,
             request_spec: dict[str, Any]) -> None:
    """Find a host for a server whose own is dead, and have it rebuilt there.

    :param host: where to, without asking the scheduler
    :param request_spec: its ``requested_destination`` is for the scheduler
    """
    move = orchestrator.db.read(migrations.in_progress, instance.uuid)
    if move is None or (move.migration_type, move.status, move.step) != (states.EVACUATION, states.ACCEPTED, None):
        LOG.info("Evacuation of %s (%s) left alone: it is %s", instance.uuid, ctxt.request_id, move and move.status)
        return
    wanted = request_spec.get("requested_destination")
    mine = {"task_state": (states.REBUILDING,), "task_request_id": (ctxt.request_id,)}

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine)
        migrations.advance(tx, move.id, (states.ACCEPTED,), states.ACCEPTED, (None,))
        actions.start_event(tx, ctxt.request_id, instance.uuid, KIND.event)

    hint = {"host": host, "filter_properties": {"requested_destination": wanted} if wanted else {}}
    try:
        orchestrator.db.write(begin)
        moved = destination.claim(orchestrator, ctxt, instance, move, KIND, hint)
    except OVERTAKEN as reason:
        LOG.info("Evacuation of %s (%s) was overtaken: %s", instance.uuid, ctxt.request_id, reason)
        return
    except Exception as error:
        destination.restore(orchestrator, ctxt, instance, KIND, error)
        return
    destination.hand_over(orchestrator, ctxt, instance, moved, KIND, send)


def send(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration) -> None:
    """Tell the destination."""
    orchestrator.compute.rebuild_instance(
        ctxt, move.dest_compute, instance=instance, orig_image_ref=instance.image_ref, image_ref=instance.image_ref,
        injected_files=[], new_pass=None, orig_sys_metadata={}, bdms=[], recreate=True, migration=move,
        scheduled_node=move.dest_node)
