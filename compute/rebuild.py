"""Making a server anew from an image: same id, same name, same place in its project, an empty disk (spec 2.3).

A rebuild stays on its host, with its claim. :func:`respawn` is the long part, for whoever has taken the server for it.
"""

from __future__ import annotations

import logging

from novasim import states
from novasim.compute import lifecycle
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.context import RequestContext
from novasim.db import actions, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance

LOG = logging.getLogger(__name__)
EVENT = "compute_rebuild_instance"


def rebuild_instance(agents: Agents, ctxt: RequestContext, instance: Instance,
                     tasks: tuple[str, ...] = (states.REBUILDING,)) -> None:
    """Rebuild a server where it is. What it is to become stands in its row already.

    :param tasks: from which task to begin; recovery also takes over one that was begun
    """
    host = ctxt.addressed_host or ""

    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, {"task_state": tasks, "host": (host,),
                                             "task_request_id": (instance.task_request_id,)},
                         task_state=states.REBUILD_BLOCK_DEVICE_MAPPING)
        actions.start_event(tx, ctxt.request_id, instance.uuid, EVENT, host, again=len(tasks) > 1)
        return instances.get(tx, instance.uuid, with_metadata=False)

    try:
        now = agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "rebuild_instance", reason)
    agents.note(ctxt, instance, "rebuilding", now.vm_state, now.task_state)
    respawn(agents, ctxt, now)


def respawn(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """Put a new guest in the place of the old one, if there is one; a stopped server stays stopped, any other is
    active. The server is this host's, in ``rebuild_block_device_mapping``, with a claim.

    :param instance: with system_metadata
    """
    host = ctxt.addressed_host or ""
    stopped = instance.vm_state == states.STOPPED
    vm_state, power_state = (states.STOPPED, states.SHUTDOWN) if stopped else (states.ACTIVE, states.RUNNING)

    def mine(task_state: str) -> instances.Expected:
        return {"task_state": (task_state,), "host": (host,), "task_request_id": (instance.task_request_id,)}

    def settle(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine(states.REBUILD_SPAWNING), vm_state=vm_state, task_state=None,
                         power_state=power_state, launched_at=tx.now, progress=100)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, EVENT)

    try:
        agents.driver.destroy(host, instance.uuid)
        agents.db.write(instances.update, instance.uuid, mine(states.REBUILD_BLOCK_DEVICE_MAPPING),
                        task_state=states.REBUILD_SPAWNING)
        agents.driver.spawn(host, instance.uuid, instance.flavor())
        if stopped:
            agents.driver.power_off(host, instance.uuid)
        agents.db.write(settle)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "rebuild_instance", reason)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
    except Exception as error:
        _fail(agents, ctxt, instance, error)
    else:
        agents.note(ctxt, instance, "rebuilt", vm_state, None)


def _fail(agents: Agents, ctxt: RequestContext, instance: Instance, error: Exception) -> None:
    """The old guest may be gone and the new one is not there: ERROR, from which it can be rebuilt again."""
    host = ctxt.addressed_host or ""
    LOG.warning("Rebuilding %s on %s failed: %s", instance.uuid, host, error)
    power_state = agents.driver.power_state(host, instance.uuid)

    def record(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": states.REBUILD_TASKS, "host": (host,),
                                             "task_request_id": (instance.task_request_id,)},
                         vm_state=states.ERROR, task_state=None, power_state=power_state)
        actions.record_failure(tx, ctxt, instance.uuid, EVENT, error)

    try:
        agents.db.insist(record)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "rebuild_instance", reason)
    agents.note(ctxt, instance, "rebuild failed", states.ERROR, None)
