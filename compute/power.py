"""Start, stop and reboot: one shape for all of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from novasim import states
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.context import RequestContext
from novasim.db import actions, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance

LOG = logging.getLogger(__name__)


class _Operation(NamedTuple):
    event: str
    during: tuple[str, ...]
    vm_state: str
    power_state: int


_START = _Operation("compute_start_instance", (states.POWERING_ON,), states.ACTIVE, states.RUNNING)
_STOP = _Operation("compute_stop_instance", (states.POWERING_OFF,), states.STOPPED, states.SHUTDOWN)
_REBOOT = _Operation("compute_reboot_instance", states.REBOOT_TASKS, states.ACTIVE, states.RUNNING)


def start_instance(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """Power on (spec 2.3 os-start)."""
    _run(agents, ctxt, instance, _START, agents.driver.power_on)


def stop_instance(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """Power off (spec 2.3 os-stop)."""
    _run(agents, ctxt, instance, _STOP, agents.driver.power_off)


def reboot_instance(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """Reboot, SOFT or HARD: the simulated guest knows no difference."""
    _run(agents, ctxt, instance, _REBOOT, agents.driver.reboot)


def _run(agents: Agents, ctxt: RequestContext, instance: Instance, operation: _Operation,
         work: Callable[[str, str], None]) -> None:
    host = ctxt.addressed_host or ""
    # A message of an earlier request finds another request's id. One that comes twice does the same twice: no harm.
    mine = {"task_state": operation.during, "host": (host,), "task_request_id": (instance.task_request_id,)}

    def begin(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine)
        actions.start_event(tx, ctxt.request_id, instance.uuid, operation.event, host)

    def finish(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, mine, vm_state=operation.vm_state, task_state=None,
                         power_state=operation.power_state)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, operation.event)

    def fail(tx: Transaction, error: Exception, power_state: int) -> None:
        instances.update(tx, instance.uuid, mine, task_state=None, power_state=power_state)
        actions.record_failure(tx, ctxt, instance.uuid, operation.event, error)

    try:
        agents.db.write(begin)
        work(host, instance.uuid)
        agents.db.write(finish)
        agents.note(ctxt, instance, operation.event, operation.vm_state, None)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, operation.event, reason)
    except Exception as error:
        LOG.warning("%s of %s on %s failed: %s", operation.event, instance.uuid, host, error)
        try:
            agents.db.write(fail, error, agents.driver.power_state(host, instance.uuid))
        except OVERTAKEN as reason:
            return overtaken(ctxt, instance, operation.event, reason)
        agents.note(ctxt, instance, f"{operation.event} failed", instance.vm_state, None)
