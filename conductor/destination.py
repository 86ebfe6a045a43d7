"""Where a server goes that moves under a migration of the conductor's own: live, or away from a dead host.

A destination is chosen and its room is held by the conductor, as a row under the migration, before an agent is told:
so a host that is full is noticed here and the next one is tried. A resize or cold migration claims on its destination
instead (spec 6.4).
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from novasim import config, exceptions, states
from novasim.conductor.orchestrator import Orchestrator, build_request_spec, image_from_system_metadata
from novasim.context import RequestContext
from novasim.db import actions, claims, endings, groups, hosts, instances, migrations
from novasim.db.engine import Transaction
from novasim.objects import ComputeNode, Instance, Migration

LOG = logging.getLogger(__name__)
OVERTAKEN = (exceptions.UnexpectedTaskStateError, exceptions.MigrationStatusConflict, exceptions.InstanceNotFound)
# What one host may refuse for and another may not.
_UNFIT = (exceptions.ComputeResourcesUnavailable, exceptions.GroupPolicyViolated, exceptions.InvalidHypervisorType,
          exceptions.DestinationHypervisorTooOld)


class Kind(NamedTuple):
    """What moves differ in: the task of the server, the event of this hop, what the migration is once it has room, the
    message that tells an agent, and what else a destination must be."""
    task_state: str
    event: str
    status: str
    message: str
    check: Callable[[Orchestrator, Instance, ComputeNode], None]


def is_up(orchestrator: Orchestrator, host: str | None) -> bool:
    since = orchestrator.clock.now() - timedelta(seconds=config.down_after(orchestrator.conf))
    return orchestrator.db.read(hosts.is_up, host or "", since)


def claim(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration, kind: Kind,
          scheduler_hint: dict[str, Any]) -> Migration:
    """Find a destination and hold room there.

    :param scheduler_hint: ``host`` to go there without asking the scheduler; ``filter_properties`` for it otherwise
    :returns: the migration, with its destination
    :raises NoValidHost: when no host is left to be tried; MaxRetriesExceeded when no more may be
    :raises ComputeServiceUnavailable, MigrationPreCheckError: when the named host is down or full
    :raises MigrationPreCheckError: when agents are too old to be told: what is claimed then would wait for ever
    :raises InvalidHypervisorType, DestinationHypervisorTooOld: when the named host cannot take the guest
    :raises UnexpectedTaskStateError, MigrationStatusConflict, InstanceNotFound: when somebody else was faster
    """
    if not orchestrator.compute.can_send(kind.message):
        raise exceptions.MigrationPreCheckError(reason=f"the compute services are too old for {kind.message}")
    if scheduler_hint.get("host"):
        return _claim_on(orchestrator, ctxt, instance, move, kind, scheduler_hint["host"])
    properties = copy.deepcopy(scheduler_hint.get("filter_properties") or {})
    properties["ignore_hosts"] = tried = [instance.host or ""]
    alternates: list[dict[str, Any]] = []
    most = orchestrator.conf.conductor.migrate_max_retries
    spec = build_request_spec([instance], image_from_system_metadata(instance), instance.flavor())
    while True:
        if 0 <= most < len(tried) - 1:
            raise exceptions.MaxRetriesExceeded(
                reason=f"Exceeded max scheduling retries {most} for instance {instance.uuid}")
        chosen = orchestrator.next_destination(ctxt, spec, properties, alternates)
        alternates = chosen.get("alternates", [])
        try:
            [node] = [node for node in orchestrator.db.read(hosts.nodes, chosen["host"])
                      if node.hypervisor_hostname == chosen["nodename"]]
            kind.check(orchestrator, instance, node)
            return orchestrator.db.write(_take, ctxt, instance, move, kind, node, chosen["limits"] or {})
        except _UNFIT as error:
            LOG.warning("%s cannot go to %s: %s", instance.uuid, chosen["host"], error.text)
            tried.append(chosen["host"])
            orchestrator.db.write(hosts.touch, chosen["host"])


def _claim_on(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration, kind: Kind,
              host: str) -> Migration:
    """On a host that is not to be judged by the scheduler: it must be alive, and have the memory."""
    if not is_up(orchestrator, host):
        raise exceptions.ComputeServiceUnavailable(host=host)
    nodes = orchestrator.db.read(hosts.nodes, host)
    if not nodes:
        raise exceptions.ComputeHostUnknown(host=host)
    kind.check(orchestrator, instance, nodes[0])
    limits = {"memory_mb": nodes[0].memory_mb * orchestrator.conf.filter_scheduler.ram_allocation_ratio}
    try:
        return orchestrator.db.write(_take, ctxt, instance, move, kind, nodes[0], limits, forced=True)
    except exceptions.ComputeResourcesUnavailable as error:
        free = limits["memory_mb"] - nodes[0].memory_mb_used
        raise exceptions.MigrationPreCheckError(
            reason=f"Unable to migrate {instance.uuid} to {host}: Lack of memory(host:{free:.0f} <= "
                   f"instance:{instance.memory_mb})") from error


def _take(tx: Transaction, ctxt: RequestContext, instance: Instance, move: Migration, kind: Kind, node: ComputeNode,
          limits: dict[str, float], forced: bool = False) -> Migration:
    mine = {"task_state": (kind.task_state,), "task_request_id": (ctxt.request_id,)}
    instances.update(tx, instance.uuid, mine)
    migrations.advance(tx, move.id, (states.ACCEPTED,), kind.status, (None,), step=states.CLAIMED,
                       dest_compute=node.host, dest_node=node.hypervisor_hostname, dest_host=node.host_ip)
    if not forced:
        groups.check_policy(tx, instance.uuid, node.host)
    claims.take(tx, node.host, node.hypervisor_hostname, instance.uuid, instance.flavor(), limits, move.id)
    actions.finish_event(tx, ctxt.request_id, instance.uuid, kind.event)
    return migrations.get(tx, move.id)


def hand_over(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration, kind: Kind,
              send: Callable[[Orchestrator, RequestContext, Instance, Migration], None]) -> None:
    """Tell an agent of what was claimed for it; where that fails, recovery does."""
    orchestrator.note(ctxt, instance, f"chose {move.dest_compute}", instance.vm_state, kind.task_state,
                      migration_status=move.status)
    try:
        send(orchestrator, ctxt, instance, move)
    except Exception:
        LOG.exception("Could not send %s for %s; recovery will", kind.message, instance.uuid)


def restore(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, kind: Kind,
            error: Exception) -> None:
    """Give the server back as it was, as long as no host holds room for it: nothing of it was touched."""
    def undo(tx: Transaction) -> None:
        endings.withdraw(tx, instance.uuid, kind.task_state, ctxt.request_id)
        actions.record_failure(tx, ctxt, instance.uuid, kind.event, error)

    try:
        orchestrator.db.write(undo)
    except OVERTAKEN as reason:
        LOG.info("Nothing to restore for %s: %s", instance.uuid, reason)
        return
    LOG.warning("Move of %s (%s) came to nothing: %s", instance.uuid, ctxt.request_id, actions.full_text_of(error))
    orchestrator.note(ctxt, instance, "restored", instance.vm_state, None)
