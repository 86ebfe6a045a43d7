"""The beginning and the end of a server on a host (spec appendix A, 5.9)."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from novasim import exceptions, states
from novasim.compute import tracker
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.context import RequestContext
from novasim.db import actions, claims, endings, hosts, instances, migrations
from novasim.db.engine import Transaction
from novasim.objects import Instance

LOG = logging.getLogger(__name__)
BUILD_EVENT, DELETE_EVENT = "compute_run_instance", "compute_terminate_instance"


def run_instance(agents: Agents, ctxt: RequestContext, instance: Instance, image: dict[str, Any],
                 filter_properties: dict[str, Any], node: str | None,
                 host_list: list[dict[str, Any]] | None = None) -> None:
    """Build a new server here: claim, spawn, active; on a failure the conductor tries another host.

    :param host_list: the hosts to be tried next
    """
    host = ctxt.addressed_host or ""
    flavor = instance.flavor()

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"vm_state": (states.BUILDING,), "task_state": (states.SCHEDULING,),
                                             "task_request_id": (ctxt.request_id,)},
                         host=host, node=node or host, launched_on=host, task_state=states.SPAWNING)
        tracker.claim(tx, host, node or host, instance.uuid, flavor, filter_properties)
        actions.start_event(tx, ctxt.request_id, instance.uuid, BUILD_EVENT, host)

    try:
        agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "run_instance", reason)
    except Exception as error:
        unbegun = {"task_state": (states.SCHEDULING,), "task_request_id": (ctxt.request_id,)}
        return _build_failed(agents, ctxt, instance, image, filter_properties, host_list, error, unbegun)
    agents.note(ctxt, instance, "building", states.BUILDING, states.SPAWNING)
    build(agents, ctxt, instance, image, filter_properties, host_list)


def build(agents: Agents, ctxt: RequestContext, instance: Instance, image: dict[str, Any],
          filter_properties: dict[str, Any], host_list: list[dict[str, Any]] | None = None) -> None:
    """The part of a build that may take long, and that recovery runs again; there, no other host is tried."""
    host = ctxt.addressed_host or ""
    try:
        _spawn(agents, ctxt, instance)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "run_instance", reason)
        clean_if_gone(agents, ctxt, instance.uuid)
        _after_reset(agents, ctxt, instance)
    except Exception as error:
        begun = {"task_state": (states.SPAWNING,), "host": (host,)}
        _build_failed(agents, ctxt, instance, image, filter_properties, host_list, error, begun)


def _spawn(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    host = ctxt.addressed_host or ""
    agents.driver.spawn(host, instance.uuid, instance.flavor())

    def active(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.SPAWNING,), "host": (host,)},
                         vm_state=states.ACTIVE, task_state=None, power_state=states.RUNNING, launched_at=tx.now,
                         progress=100)
        hosts.forget_failed_builds(tx, host)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, BUILD_EVENT)

    agents.db.write(active)
    agents.note(ctxt, instance, "built", states.ACTIVE, None)


def _build_failed(agents: Agents, ctxt: RequestContext, instance: Instance, image: dict[str, Any],
                  filter_properties: dict[str, Any], host_list: list[dict[str, Any]] | None, error: Exception,
                  mine: instances.Expected) -> None:
    """Leave nothing here, then hand over to the conductor, or end in ERROR where no other host may be tried.

    :param mine: the states in which the build is still this host's to fail
    """
    host = ctxt.addressed_host or ""
    LOG.warning("Building %s on %s failed: %s", instance.uuid, host, error)
    with contextlib.suppress(exceptions.HypervisorError):
        agents.driver.destroy(host, instance.uuid)
    retry = bool(filter_properties.get("retry")) and not isinstance(error, exceptions.BuildAbortException)

    def give_up(tx: Transaction) -> None:
        state = ({"task_state": states.SCHEDULING} if retry else {"vm_state": states.ERROR, "task_state": None})
        instances.update(tx, instance.uuid, {"vm_state": (states.BUILDING,), **mine}, host=None, node=None, **state)
        claims.drop_all(tx, instance.uuid)
        # A host that had no room has not failed; the room that a scheduler gave away there was not taken.
        (hosts.count_failed_build if "host" in mine else hosts.touch)(tx, host)
        actions.start_event(tx, ctxt.request_id, instance.uuid, BUILD_EVENT, host)
        actions.record_failure(tx, ctxt, instance.uuid, BUILD_EVENT, error, final=not retry)

    try:
        agents.db.insist(give_up)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "run_instance", reason)
        return _after_reset(agents, ctxt, instance, error)
    agents.note(ctxt, instance, "build failed", states.BUILDING if retry else states.ERROR,
                states.SCHEDULING if retry else None)
    if retry:
        tracker.note_retry(filter_properties, error)
        agents.conductor.build_instances(
            ctxt, instances=[instance], image=image, filter_properties=filter_properties, admin_password=None,
            injected_files=[], requested_networks=None, security_groups=["default"], block_device_mapping=[],
            legacy_bdm=False, host_lists=[host_list] if host_list else None)


def _after_reset(agents: Agents, ctxt: RequestContext, instance: Instance, error: Exception | None = None) -> None:
    """An admin reset the server while it was built here: what became of the build is noted all the same, so that the
    server can be used, or does not look as if it had a guest.

    :param error: why there is none
    """
    mine = {"task_state": (None,), "host": (ctxt.addressed_host,), "launched_at": (None,)}

    def note(tx: Transaction) -> None:
        if error is None:
            instances.update(tx, instance.uuid, mine, launched_at=tx.now, power_state=states.RUNNING)
            return
        instances.update(tx, instance.uuid, mine, vm_state=states.ERROR)
        actions.add_fault(tx, instance.uuid, error, ctxt.addressed_host)

    with contextlib.suppress(*OVERTAKEN):
        agents.db.write(note)
        agents.note(ctxt, instance, "built after a reset" if error is None else "build failed after a reset")


def terminate_instance(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """Delete a server here: guest and copies, records, and what a move left on other hosts."""
    host = ctxt.addressed_host or ""
    try:
        task_state = agents.db.read(instances.get, instance.uuid, None, False, False, False).task_state
    except exceptions.InstanceNotFound:
        # Its records are gone; what lies here is left over.
        task_state = states.DELETING
    if task_state != states.DELETING:
        return LOG.info("%s is not being deleted any more (%s)", instance.uuid, ctxt.request_id)
    try:
        agents.driver.destroy(host, instance.uuid)
    except exceptions.HypervisorError as error:
        return _deletion_failed(agents, ctxt, instance, error)

    def erase(tx: Transaction) -> list[str]:
        left = endings.erase(tx, instance.uuid)
        actions.start_event(tx, ctxt.request_id, instance.uuid, DELETE_EVENT, host, done=True)
        return left

    try:
        left_on = agents.db.write(erase)
    except exceptions.InstanceNotFound:
        return
    for other in left_on:
        if other != host:
            agents.compute.terminate_instance(ctxt, other, instance=instance, bdms=[], reservations=[])
    agents.note(ctxt, instance, "deleted", states.DELETED, None)


def _deletion_failed(agents: Agents, ctxt: RequestContext, instance: Instance, error: Exception) -> None:
    LOG.error("Deleting %s on %s failed: %s", instance.uuid, ctxt.addressed_host, error)

    # One that was soft-deleted stays so: the next reclaim tries again.
    vm_state = states.SOFT_DELETED if instance.vm_state == states.SOFT_DELETED else states.ERROR

    def note(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.DELETING,)}, vm_state=vm_state, task_state=None)
        actions.start_event(tx, ctxt.request_id, instance.uuid, DELETE_EVENT, ctxt.addressed_host)
        actions.record_failure(tx, ctxt, instance.uuid, DELETE_EVENT, error)

    try:
        agents.db.write(note)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "terminate_instance", reason)
    agents.note(ctxt, instance, "deletion failed", vm_state, None)


def belongs_here(agents: Agents, host: str, instance_uuid: str, without: int | None = None) -> bool:
    """Whether a server lives on a host, or is in a move from or to it: what lies there is not left over then.

    :param without: id of a move that does not count
    """
    # In this order: a move that ends between the two has put the server where it now is.
    move = agents.db.read(migrations.in_progress, instance_uuid)
    try:
        now = agents.db.read(instances.get, instance_uuid, None, False, False, False)
    except exceptions.InstanceNotFound:
        return False
    moving = move is not None and move.id != without and host in (move.source_compute, move.dest_compute)
    return now.host == host or moving


def clean_if_gone(agents: Agents, ctxt: RequestContext, instance_uuid: str) -> None:
    """A delete overtook us: what we made meanwhile must go too; what we started, off after a soft delete. One that is
    still under way may have passed here before we made it."""
    host = ctxt.addressed_host or ""
    gone = kept = False
    try:
        now = agents.db.read(instances.get, instance_uuid, None, False, False, False)
        gone = now.task_state == states.DELETING
        kept = now.host == host and (now.task_state == states.SOFT_DELETING or
                                     (now.vm_state, now.task_state) == (states.SOFT_DELETED, None))
    except exceptions.InstanceNotFound:
        gone = True
    with contextlib.suppress(exceptions.HypervisorError):
        if gone:
            agents.driver.destroy(host, instance_uuid)
        elif kept:
            agents.driver.power_off(host, instance_uuid)
