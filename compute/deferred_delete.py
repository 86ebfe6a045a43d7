"""Soft delete: a deleted server is kept, powered off and outside of its project's quota, until it is restored or
reclaimed (spec 3.5, 8.11, 11.4)."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from novasim import context, exceptions, quota, states
from novasim.compute import lifecycle, power
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.context import RequestContext
from novasim.db import actions, endings, hosts, images, instance_pages, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance

LOG = logging.getLogger(__name__)


def soft_delete_instance(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """Power the guest off; what the server counted for is free again. It is not shelved any more, if it was. One that
    has no guest cannot be kept, and is deleted for good."""
    host = ctxt.addressed_host or ""
    if agents.driver.power_state(host, instance.uuid) == states.NOSTATE:
        mine = {"task_state": (states.SOFT_DELETING,), "host": (host,), "task_request_id": (instance.task_request_id,)}
        try:
            agents.db.write(instances.update, instance.uuid, mine, task_state=states.DELETING)
        except OVERTAKEN as reason:
            return overtaken(ctxt, instance, "soft_delete_instance", reason)
        return lifecycle.terminate_instance(agents, ctxt, instance)

    def also(tx: Transaction) -> dict[str, Any]:
        now = instances.get(tx, instance.uuid, with_metadata=False)
        # One whose restore was cut short had not begun to count again.
        before = {} if instance.vm_state == states.SOFT_DELETED else quota.boot_deltas(now.flavor())
        images.drop_unfinished(tx, now.uuid)
        endings.forget_shelving(tx, now)
        endings.settle_quota(tx, now, before, None)
        return {"deleted_at": tx.now}

    return power.run(agents, ctxt, instance, "soft_delete_instance", also)


def go_on(agents: Agents, instance: Instance) -> None:
    """A move of the server has been confirmed, and a soft delete has waited for that."""
    try:
        now = agents.db.read(instances.get, instance.uuid)
    except exceptions.InstanceNotFound:
        return
    if now.task_state == states.SOFT_DELETING:
        agents.compute.soft_delete_instance(context.admin_context(now.task_request_id), now.host, instance=now,
                                            reservations=[])


def restore_instance(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """Power the guest on; what the API has reserved is used from now on."""
    def also(tx: Transaction) -> dict[str, Any]:
        now = instances.get(tx, instance.uuid, with_metadata=False)
        endings.settle_quota(tx, now, {}, now.flavor())
        return {"deleted_at": None}

    power.run(agents, ctxt, instance, "restore_instance", also)


def reclaim_queued_deletes(agents: Agents) -> None:
    """Delete for good what was soft-deleted longer than reclaim_instance_interval ago."""
    before = agents.clock.now() - timedelta(seconds=agents.conf.reclaim_instance_interval)
    for part in hosts.chunks(agents.hosts):
        agents.each(_reclaim, agents.db.read(instance_pages.reclaimable, part, before))


def _reclaim(agents: Agents, instance: Instance) -> None:
    ctxt = context.admin_context()

    def begin(tx: Transaction) -> Instance:
        # Not one that was restored, and soft-deleted once more, since it was listed.
        instances.update(tx, instance.uuid, {
            "vm_state": (states.SOFT_DELETED,), "task_state": (None,), "deleted_at": (instance.deleted_at,)},
            task_state=states.DELETING, task_request_id=ctxt.request_id)
        actions.start(tx, ctxt, instance.uuid, "delete")
        return instances.get(tx, instance.uuid, with_metadata=False)

    try:
        now = agents.db.write(begin)
    except OVERTAKEN as reason:
        LOG.info("%s is not reclaimed now: %s", instance.uuid, reason)
        return
    LOG.info("Reclaiming %s, which was soft-deleted at %s", instance.uuid, instance.deleted_at)
    agents.compute.terminate_instance(ctxt, now.host, instance=now, bdms=[], reservations=[])
