"""Building servers as the conductor sees it: find hosts, ask them to build; the same again for one whose build failed
(spec appendix A)."""

from __future__ import annotations

import copy
import logging
from typing import Any

from novasim import states
from novasim.conductor.orchestrator import (
    Orchestrator,
    build_request_spec,
    note_selection,
    populate_retry,
    try_elsewhere,
)
from novasim.context import RequestContext
from novasim.db import actions, instances
from novasim.db.engine import Transaction
from novasim.exceptions import ComputeServiceUnavailable, InstanceNotFound, UnexpectedTaskStateError
from novasim.objects import Instance

LOG = logging.getLogger(__name__)
EVENT = "conductor_build_instances"


def build_instances(orchestrator: Orchestrator, ctxt: RequestContext, servers: list[Instance],
                    image: dict[str, Any], filter_properties: dict[str, Any],
                    host_lists: list[list[dict[str, Any]]] | None = None) -> None:
    """Choose a host for each of the servers and hand over; a server that gets none ends in ERROR with the reason.

    :param host_lists: where an agent could not build the one server, the hosts to be tried next
    """
    filter_properties = copy.deepcopy(filter_properties)
    try:
        populate_retry(filter_properties, orchestrator.conf.scheduler.max_attempts, servers[0].uuid)
        request_spec = build_request_spec(servers, image, servers[0].flavor())
        selections = (
            orchestrator.select_destinations(ctxt, request_spec, filter_properties) if len(servers) > 1
            else [orchestrator.next_destination(ctxt, request_spec, filter_properties,
                                                host_lists[0] if host_lists else None)])
    except Exception as error:
        LOG.warning("No hosts for %s: %s", [server.uuid for server in servers], actions.full_text_of(error))
        for server in servers:
            fail(orchestrator, ctxt, server, error)
        return
    for server, selection in zip(servers, selections, strict=True):
        _hand_over(orchestrator, ctxt, server, image, selection, request_spec, copy.deepcopy(filter_properties))


def _hand_over(orchestrator: Orchestrator, ctxt: RequestContext, server: Instance, image: dict[str, Any],
               selection: dict[str, Any], request_spec: dict[str, Any], filter_properties: dict[str, Any]) -> None:
    note_selection(filter_properties, selection)
    orchestrator.note(ctxt, server, f"chose {selection['host']}", states.BUILDING, states.SCHEDULING)
    request_spec = request_spec | {"num_instances": 1, "instance_uuids": [server.uuid]}
    try:
        try:
            orchestrator.compute.run_instance(
                ctxt, selection["host"], instance=server, request_spec=request_spec,
                filter_properties=filter_properties, requested_networks=None, injected_files=[], admin_password=None,
                is_first_time=True, node=selection["nodename"], legacy_bdm_in_spec=False,
                host_list=selection.get("alternates"))
        except ComputeServiceUnavailable as error:
            try_elsewhere(filter_properties, error)
            build_instances(orchestrator, ctxt, [server], image, filter_properties, [selection.get("alternates") or []])
    except Exception as error:
        LOG.exception("Could not ask %s to build %s", selection["host"], server.uuid)
        fail(orchestrator, ctxt, server, error)


def fail(orchestrator: Orchestrator, ctxt: RequestContext, server: Instance, error: Exception) -> None:
    """The server cannot be built: ERROR, with the reason where the user looks for it."""
    def note(tx: Transaction) -> None:
        instances.update(tx, server.uuid, {"vm_state": (states.BUILDING,), "task_state": (states.SCHEDULING,)},
                         vm_state=states.ERROR, task_state=None)
        actions.start_event(tx, ctxt.request_id, server.uuid, EVENT)
        actions.record_failure(tx, ctxt, server.uuid, EVENT, error)

    try:
        orchestrator.db.write(note)
    except (UnexpectedTaskStateError, InstanceNotFound) as reason:
        LOG.info("Nothing to fail for %s: %s", server.uuid, reason)
        return
    orchestrator.note(ctxt, server, "build failed", states.ERROR, None)
