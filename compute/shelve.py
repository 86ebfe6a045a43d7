"""Shelving: a server is put aside, as an image and off the hosts, and brought back, here or elsewhere (spec 2.3).

    shelve          powered off, an image of it, SHELVED: guest and claim stay on the host
    shelve offload  guest and claim go, SHELVED_OFFLOADED: on no host; its quota stays
    unshelve        SHELVED is powered on where it is; SHELVED_OFFLOADED is claimed and made where the scheduler chose
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from novasim import context, exceptions, states
from novasim.compute import lifecycle, snapshot, tracker
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.context import RequestContext
from novasim.db import actions, claims, endings, hosts, images, instances
from novasim.db.engine import Transaction
from novasim.objects import SHELVED, SHELVED_AT, SHELVED_HOST, SHELVED_IMAGE_ID, Instance

LOG = logging.getLogger(__name__)
SHELVE = snapshot.Operation("compute_shelve_instance", states.SHELVE_TASKS)
OFFLOAD_EVENT, UNSHELVE_EVENT = "compute_shelve_offload_instance", "compute_unshelve_instance"
# While it is offloaded, a server's progress says whether its host has begun: what was asked for twice is not to
# destroy a guest that came back in between.
WAITING, BEGUN = 0, 1


def shelve_instance(agents: Agents, ctxt: RequestContext, instance: Instance, image_id: str | None,
                    tasks: tuple[str, ...] = (states.SHELVING,)) -> None:
    """Power a server off and make an image of it; with ``shelved_offload_time`` 0, offload it too.

    :param image_id: of the image to make; without one, the one that is queued for this server
    :param tasks: from which task to begin; recovery also takes over one that was begun
    """
    host = ctxt.addressed_host or ""
    at_once = agents.conf.shelved_offload_time == 0

    def finish(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, vm_state=states.SHELVED, power_state=states.SHUTDOWN, progress=WAITING,
                         task_state=states.SHELVING_OFFLOADING if at_once else None)
        instances.replace_system_metadata(tx, instance.uuid, SHELVED, {
            SHELVED_AT: tx.now.isoformat(), SHELVED_IMAGE_ID: made, SHELVED_HOST: host})

    try:
        if not snapshot.begin(agents, ctxt, instance, SHELVE, tasks):
            return
        made = image_id or agents.db.read(images.unfinished, instance.uuid) or ""
        agents.driver.power_off(host, instance.uuid)
        snapshot.write_image(agents, ctxt, instance, made, SHELVE, finish)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, SHELVE.event, reason)
    except Exception as error:
        # A guest that was powered off stays so, and its server is honest about it.
        power_state = agents.driver.power_state(host, instance.uuid)
        vm_state = states.STOPPED if power_state == states.SHUTDOWN else instance.vm_state
        return snapshot.give_up(agents, ctxt, instance, SHELVE, error, vm_state=vm_state, power_state=power_state)
    agents.note(ctxt, instance, "shelved", states.SHELVED, states.SHELVING_OFFLOADING if at_once else None)
    if at_once:
        shelve_offload_instance(agents, ctxt, instance)


def shelve_offload_instance(agents: Agents, ctxt: RequestContext, instance: Instance,
                            marks: tuple[int, ...] = (WAITING,)) -> None:
    """Take a shelved server off this host: its guest and its claim go.

    :param marks: WAITING; recovery also takes over what was BEGUN
    """
    host = ctxt.addressed_host or ""
    mine = {"vm_state": (states.SHELVED,), "task_state": (states.SHELVING_OFFLOADING,), "host": (host,),
            "task_request_id": (instance.task_request_id,)}

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {**mine, "progress": marks}, progress=BEGUN)
        actions.start_event(tx, ctxt.request_id, instance.uuid, OFFLOAD_EVENT, host, again=BEGUN in marks)

    def settle(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine, vm_state=states.SHELVED_OFFLOADED, task_state=None, host=None,
                         node=None, power_state=states.NOSTATE, progress=WAITING)
        claims.drop_all(tx, instance.uuid)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, OFFLOAD_EVENT)

    def fail(tx: Transaction, error: Exception) -> None:
        instances.update(tx, instance.uuid, mine, task_state=None, progress=WAITING)
        actions.record_failure(tx, ctxt, instance.uuid, OFFLOAD_EVENT, error)

    try:
        agents.db.write(begin)
        agents.driver.destroy(host, instance.uuid)
        agents.db.write(settle)
        agents.note(ctxt, instance, "offloaded", states.SHELVED_OFFLOADED, None)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, OFFLOAD_EVENT, reason)
    except Exception as error:
        LOG.warning("Offloading %s from %s failed: %s", instance.uuid, host, error)
        with contextlib.suppress(*OVERTAKEN):
            agents.db.insist(fail, error)
            agents.note(ctxt, instance, f"{OFFLOAD_EVENT} failed", states.SHELVED, None)


def offload_by_itself(agents: Agents, instance: Instance) -> None:
    """Begin to offload a server that has been shelved for long enough, and tell its host."""
    ctxt = context.admin_context()

    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, {"vm_state": (states.SHELVED,), "task_state": (None,),
                                             "host": (instance.host,)},
                         task_state=states.SHELVING_OFFLOADING, task_request_id=ctxt.request_id, progress=WAITING)
        actions.start(tx, ctxt, instance.uuid, "shelveOffload")
        return instances.get(tx, instance.uuid)

    try:
        now = agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "shelve_offload_instance", reason)
    agents.compute.shelve_offload_instance(ctxt, now.host, instance=now)


def unshelve_instance(agents: Agents, ctxt: RequestContext, instance: Instance, filter_properties: dict[str, Any],
                      node: str | None, host_list: list[dict[str, Any]] | None = None) -> None:
    """Bring a shelved server back: claim room for it where it was offloaded, and start it.

    :param filter_properties: ``limits`` are the ceilings of the claim; with ``retry`` the conductor tries another host
        when it fails
    :param host_list: the hosts to be tried next
    """
    host = ctxt.addressed_host or ""
    offloaded = instance.vm_state == states.SHELVED_OFFLOADED

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(instance, None if offloaded else host), host=host,
                         **({"node": node or host} if offloaded else {}))
        if offloaded:
            tracker.claim(tx, host, node or host, instance.uuid, instance.flavor(), filter_properties)
        actions.start_event(tx, ctxt.request_id, instance.uuid, UNSHELVE_EVENT, host)

    try:
        agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "unshelve_instance", reason)
    except Exception as error:
        if offloaded and filter_properties.get("retry"):
            return _try_elsewhere(agents, ctxt, instance, filter_properties, host_list, error)
        return _unshelve_failed(agents, ctxt, instance, error, begun=False)
    agents.note(ctxt, instance, "unshelving", instance.vm_state, states.UNSHELVING)
    bring_up(agents, ctxt, instance)


def _try_elsewhere(agents: Agents, ctxt: RequestContext, instance: Instance, filter_properties: dict[str, Any],
                   host_list: list[dict[str, Any]] | None, error: Exception) -> None:
    """The claim failed and left nothing behind: back to the conductor."""
    host = ctxt.addressed_host or ""
    LOG.warning("Unshelving %s on %s failed: %s", instance.uuid, host, error)

    def note(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(instance, None))
        hosts.touch(tx, host)
        actions.start_event(tx, ctxt.request_id, instance.uuid, UNSHELVE_EVENT, host)
        actions.record_failure(tx, ctxt, instance.uuid, UNSHELVE_EVENT, error, final=False)

    try:
        agents.db.write(note)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "unshelve_instance", reason)
    agents.note(ctxt, instance, f"{UNSHELVE_EVENT} failed", instance.vm_state, states.UNSHELVING)
    tracker.note_retry(filter_properties, error)
    agents.conductor.unshelve_instance(ctxt, instance=instance, request_spec=filter_properties, host_list=host_list)


def _mine(instance: Instance, *hosts: str | None) -> instances.Expected:
    return {"vm_state": (instance.vm_state,), "task_state": (states.UNSHELVING,), "host": hosts,
            "task_request_id": (instance.task_request_id,)}


def bring_up(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """The part of an unshelve that may take long, and that recovery runs again.

    :param instance: with system_metadata
    """
    host = ctxt.addressed_host or ""
    offloaded = instance.vm_state == states.SHELVED_OFFLOADED

    def settle(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(instance, host), vm_state=states.ACTIVE, task_state=None,
                         power_state=states.RUNNING, progress=100, **({"launched_at": tx.now} if offloaded else {}))
        endings.forget_shelving(tx, instances.get(tx, instance.uuid, with_metadata=False))
        actions.finish_event(tx, ctxt.request_id, instance.uuid, UNSHELVE_EVENT)

    try:
        if offloaded:
            agents.driver.spawn(host, instance.uuid, instance.flavor())
        else:
            agents.driver.power_on(host, instance.uuid)
        agents.db.write(settle)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "unshelve_instance", reason)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
    except Exception as error:
        _unshelve_failed(agents, ctxt, instance, error, begun=True)
    else:
        agents.note(ctxt, instance, "unshelved", states.ACTIVE, None)


def _unshelve_failed(agents: Agents, ctxt: RequestContext, instance: Instance, error: Exception,
                     begun: bool) -> None:
    """The server stays as it was shelved; one that was offloaded leaves nothing here."""
    host = ctxt.addressed_host or ""
    LOG.warning("Unshelving %s on %s failed: %s", instance.uuid, host, error)
    offloaded = instance.vm_state == states.SHELVED_OFFLOADED
    if offloaded and begun:
        with contextlib.suppress(exceptions.HypervisorError):
            agents.driver.destroy(host, instance.uuid)

    def record(tx: Transaction) -> None:
        where: dict[str, Any] = {"host": None, "node": None} if offloaded else {}
        instances.update(tx, instance.uuid, _mine(instance, host if begun else instance.host), task_state=None, **where)
        if offloaded:
            claims.drop_all(tx, instance.uuid)
        if not begun:
            actions.start_event(tx, ctxt.request_id, instance.uuid, UNSHELVE_EVENT, host)
        actions.record_failure(tx, ctxt, instance.uuid, UNSHELVE_EVENT, error)

    try:
        agents.db.insist(record)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "unshelve_instance", reason)
    agents.note(ctxt, instance, f"{UNSHELVE_EVENT} failed", instance.vm_state, None)
