"""The dump of a guest that hangs: its kernel is told to write one. The server stays what it is, so there is no task."""

from __future__ import annotations

import logging

from novasim.compute.agents import Agents
from novasim.context import RequestContext
from novasim.db import actions
from novasim.objects import Instance

LOG = logging.getLogger(__name__)
EVENT = "compute_trigger_crash_dump"


def trigger_crash_dump(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """Play it on the addressed host; a failure stands in the record of actions and changes nothing else."""
    host = ctxt.addressed_host or ""
    agents.db.write(actions.start_event, ctxt.request_id, instance.uuid, EVENT, host)
    try:
        agents.driver.inject_nmi(host, instance.uuid)
    except Exception as error:
        LOG.warning("%s of %s on %s failed: %s", EVENT, instance.uuid, host, error)
        agents.db.insist(actions.record_failure, ctxt, instance.uuid, EVENT, error)
        agents.note(ctxt, instance, f"{EVENT} failed", instance.vm_state)
        return
    agents.db.insist(actions.finish_event, ctxt.request_id, instance.uuid, EVENT)
    agents.note(ctxt, instance, EVENT, instance.vm_state)
