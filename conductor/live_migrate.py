"""A live migration as the conductor sees it: check both hosts, hold room on one, tell the other (spec 6.1)."""

from __future__ import annotations

import logging
from typing import Any

from novasim import exceptions, states
from novasim.conductor import destination
from novasim.conductor.destination import OVERTAKEN
from novasim.conductor.orchestrator import Orchestrator
from novasim.context import RequestContext
from novasim.db import actions, hosts, instances, migrations
from novasim.db.engine import Transaction
from novasim.objects import ComputeNode, Instance, Migration

LOG = logging.getLogger(__name__)


def _check(orchestrator: Orchestrator, instance: Instance, dest: ComputeNode) -> None:
    """A running guest can only be taken over by a hypervisor of its own kind that is not older."""
    if dest.host == instance.host:
        raise exceptions.UnableToMigrateToSelf(instance_id=instance.uuid, host=dest.host)
    for source in orchestrator.db.read(hosts.nodes, instance.host):
        if source.hypervisor_type != dest.hypervisor_type:
            raise exceptions.InvalidHypervisorType()
        if source.hypervisor_version > dest.hypervisor_version:
            raise exceptions.DestinationHypervisorTooOld()


KIND = destination.Kind(states.MIGRATING, "conductor_live_migrate_instance", states.ACCEPTED, "live_migration", _check)


def live_migrate(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, scheduler_hint: dict[str, Any],
                 block_migration: bool | None, disk_over_commit: bool | None) -> None:
    """Begin to move a server while it runs.

    :param scheduler_hint: as for :func:`destination.claim`
    :param block_migration: False: the disks need no copying, they are on storage that the hosts share
    :param disk_over_commit: False: the disk of a host that is named must have room for them
    :raises NovasimException: what stood against it, for who waits (PRE_CHECK_FAILED of rpc/conductor.py); the server
        is as it was then
    """
    try:
        move = orchestrator.db.write(_begin, ctxt, instance, block_migration is not False)
    except OVERTAKEN as reason:
        LOG.info("Live migration of %s (%s) left alone: %s", instance.uuid, ctxt.request_id, reason)
        return
    try:
        if not destination.is_up(orchestrator, instance.host):
            raise exceptions.ComputeServiceUnavailable(host=instance.host)
        if block_migration and disk_over_commit is False and scheduler_hint.get("host"):
            _check_disk(orchestrator, instance, scheduler_hint["host"])
        moved = destination.claim(orchestrator, ctxt, instance, move, KIND, scheduler_hint)
    except OVERTAKEN as reason:
        LOG.info("Live migration of %s (%s) was overtaken: %s", instance.uuid, ctxt.request_id, reason)
        return
    except Exception as error:
        destination.restore(orchestrator, ctxt, instance, KIND, error)
        raise
    destination.hand_over(orchestrator, ctxt, instance, moved, KIND, send)


def _begin(tx: Transaction, ctxt: RequestContext, instance: Instance, with_disks: bool) -> Migration:
    mine = {"task_state": (states.MIGRATING,), "task_request_id": (ctxt.request_id,)}
    instances.update(tx, instance.uuid, mine)
    actions.start_event(tx, ctxt.request_id, instance.uuid, KIND.event)
    return migrations.create(tx, Migration(
        uuid="", instance_uuid=instance.uuid, status=states.ACCEPTED, migration_type=states.LIVE_MIGRATION,
        source_compute=instance.host, source_node=instance.node, old_instance_type_id=instance.instance_type_id,
        new_instance_type_id=instance.instance_type_id, request_id=ctxt.request_id, user_id=ctxt.user_id,
        project_id=ctxt.project_id, disk_total=None if with_disks else 0))


def _check_disk(orchestrator: Orchestrator, instance: Instance, host: str) -> None:
    """On a host that the scheduler does not judge."""
    needed = instance.flavor().disk_gb
    for node in orchestrator.db.read(hosts.nodes, host):
        if node.local_gb - node.local_gb_used < needed:
            raise exceptions.MigrationPreCheckError(
                reason=f"Unable to migrate {instance.uuid}: Disk of instance is too large(available on destination "
                       f"host:{node.local_gb - node.local_gb_used} < need:{needed})")


def send(orchestrator: Orchestrator, ctxt: RequestContext, instance: Instance, move: Migration) -> None:
    """Tell the source, which takes what it has been told already for a reminder to look after those that wait."""
    orchestrator.compute.live_migration(ctxt, move.source_compute, instance=instance, dest=move.dest_compute,
                                        block_migration=move.disk_total != 0, migration=move)
