"""What changes a guest's power and leaves its server where it is, from start to rescue: one shape for all of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from novasim import exceptions, states
from novasim.compute import lifecycle
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.context import RequestContext
from novasim.db import actions, instances, quotas
from novasim.db.engine import Transaction
from novasim.objects import Instance

LOG = logging.getLogger(__name__)


class Operation(NamedTuple):
    """One of them: the tasks in which it is asked for, the driver's verb, and what the server is afterwards.

    ``vm_state`` and ``power_state`` None: as before. ``broken``: the server is in ERROR when the hypervisor failed
    half-way; without it, it is what it was.
    """
    during: tuple[str, ...]
    verb: str
    vm_state: str | None = None
    power_state: int | None = None
    broken: bool = False


# By the method of rpc/compute.py that asks for it; its event is called compute_<method>.
OPERATIONS = {
    "start_instance": Operation((states.POWERING_ON,), "power_on", states.ACTIVE, states.RUNNING),
    "stop_instance": Operation((states.POWERING_OFF,), "power_off", states.STOPPED, states.SHUTDOWN),
    # SOFT and HARD: the simulated guest knows no difference.
    "reboot_instance": Operation(states.REBOOT_TASKS, "reboot", states.ACTIVE, states.RUNNING),
    "pause_instance": Operation((states.PAUSING,), "pause", states.PAUSED, states.POWER_PAUSED),
    "unpause_instance": Operation((states.UNPAUSING,), "unpause", states.ACTIVE, states.RUNNING),
    "suspend_instance": Operation((states.SUSPENDING,), "suspend", states.SUSPENDED, states.POWER_SUSPENDED, True),
    "resume_instance": Operation((states.RESUMING,), "resume", states.ACTIVE, states.RUNNING, True),
    "rescue_instance": Operation((states.RESCUING,), "rescue", states.RESCUED, states.RUNNING, True),
    "unrescue_instance": Operation((states.UNRESCUING,), "unrescue", states.ACTIVE, states.RUNNING, True),
    "set_admin_password": Operation((states.UPDATING_PASSWORD,), "set_admin_password", broken=True),
    "soft_delete_instance": Operation((states.SOFT_DELETING,), "power_off", states.SOFT_DELETED, states.SHUTDOWN),
    "restore_instance": Operation((states.RESTORING,), "power_on", states.ACTIVE, states.RUNNING),
}


def run(agents: Agents, ctxt: RequestContext, instance: Instance, method: str,
        also: Callable[[Transaction], dict[str, Any]] | None = None) -> None:
    """Play one of them on the addressed host (spec 2.3).

    :param method: key of OPERATIONS
    :param also: what else belongs to its end, in the same transaction; returns further columns of the server
    """
    operation, event, host = OPERATIONS[method], f"compute_{method}", ctxt.addressed_host or ""
    # A message of an earlier request finds another request's id. One that comes twice does the same twice: no harm.
    mine = {"task_state": operation.during, "host": (host,), "task_request_id": (instance.task_request_id,)}
    after = {name: value for name, value in (("vm_state", operation.vm_state), ("power_state", operation.power_state))
             if value is not None}

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine)
        actions.start_event(tx, ctxt.request_id, instance.uuid, event, host)

    def finish(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine, task_state=None, **after)
        if also is not None and (columns := also(tx)):
            instances.update(tx, instance.uuid, **columns)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, event)

    try:
        agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, event, reason)
    try:
        getattr(agents.driver, operation.verb)(host, instance.uuid)
        agents.db.write(finish)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, event, reason)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
    except Exception as error:
        fail(agents, ctxt, instance, method, error)
    else:
        agents.note(ctxt, instance, event, operation.vm_state or instance.vm_state, None)


def fail(agents: Agents, ctxt: RequestContext, instance: Instance, method: str, error: Exception) -> None:
    """End one of them badly: no task, a fault, a failed action, and the power that the guest really has."""
    operation, event, host = OPERATIONS[method], f"compute_{method}", ctxt.addressed_host or ""
    LOG.warning("%s of %s on %s failed: %s", event, instance.uuid, host, error)
    broken = operation.broken and not isinstance(error, exceptions.InstanceFaultRollback)
    power_state = agents.driver.power_state(host, instance.uuid)

    def record(tx: Transaction) -> None:
        mine = {"task_state": operation.during, "host": (host,), "task_request_id": (instance.task_request_id,)}
        instances.update(tx, instance.uuid, mine, task_state=None, power_state=power_state,
                         **({"vm_state": states.ERROR} if broken else {}))
        # What a restore had reserved.
        quotas.rollback(tx, instance.uuid)
        actions.record_failure(tx, ctxt, instance.uuid, event, error)

    try:
        agents.db.insist(record)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, event, reason)
    agents.note(ctxt, instance, f"{event} failed", states.ERROR if broken else instance.vm_state, None)


def forget_password(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """The process ended while it set a password, or the message was lost; the password is written nowhere, so it
    cannot be set now."""
    fail(agents, ctxt, instance, "set_admin_password",
         exceptions.InstanceFaultRollback("The password was lost on its way. Set it again"))
