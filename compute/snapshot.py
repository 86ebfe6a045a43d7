"""Making images of servers: createImage, createBackup, and the first half of shelving (spec 2.3, 3.5).

One shape for all: the task goes through its states one by one, each by compare-and-swap, so that a delete or a reset
in the middle ends the work; the image is ``active`` only in the transaction that gives the server back. An image that
broke off is no use to anybody: a failure, a restart or a lost message ends the task and drops it.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from novasim import exceptions, states
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.context import RequestContext
from novasim.db import actions, endings, images, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance

LOG = logging.getLogger(__name__)


class Operation(NamedTuple):
    """What makes an image: the name of its event, and its tasks from asked for to sent away."""
    event: str
    tasks: tuple[str, ...]


SNAPSHOT = Operation("compute_snapshot_instance", states.SNAPSHOT_TASKS)
BACKUP = Operation("compute_backup_instance", states.BACKUP_TASKS)


def snapshot_instance(agents: Agents, ctxt: RequestContext, instance: Instance, image_id: str) -> None:
    """Make an image of a server, which goes on as it is."""
    def finish(tx: Transaction) -> None:
        release(tx, instance, SNAPSHOT)

    _take(agents, ctxt, instance, image_id, SNAPSHOT, finish)


def backup_instance(agents: Agents, ctxt: RequestContext, instance: Instance, image_id: str, backup_type: str,
                    rotation: int) -> None:
    """Make an image of a server, and drop the oldest of its type.

    :param rotation: how many of the type are kept, this one too
    """
    def finish(tx: Transaction) -> None:
        release(tx, instance, BACKUP)
        images.rotate(tx, instance.uuid, backup_type, rotation)

    _take(agents, ctxt, instance, image_id, BACKUP, finish)


def _take(agents: Agents, ctxt: RequestContext, instance: Instance, image_id: str, operation: Operation,
          finish: Callable[[Transaction], None]) -> None:
    try:
        if begin(agents, ctxt, instance, operation):
            write_image(agents, ctxt, instance, image_id, operation, finish)
            agents.note(ctxt, instance, "image made", instance.vm_state, None)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, operation.event, reason)
    except Exception as error:
        give_up(agents, ctxt, instance, operation, error)


def _mine(instance: Instance, *tasks: str) -> instances.Expected:
    return {"task_state": tasks, "host": (instance.host,), "task_request_id": (instance.task_request_id,)}


def begin(agents: Agents, ctxt: RequestContext, instance: Instance, operation: Operation,
          tasks: tuple[str, ...] = ()) -> bool:
    """Take up what the API has asked for; False when somebody else has.

    :param tasks: from which tasks, where it is not only the first
    """
    def transaction(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(instance, *(tasks or operation.tasks[:1])),
                         task_state=operation.tasks[1])
        actions.start_event(tx, ctxt.request_id, instance.uuid, operation.event, ctxt.addressed_host,
                            again=len(tasks) > 1)

    try:
        agents.db.write(transaction)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, operation.event, reason)
        return False
    agents.note(ctxt, instance, "making an image", instance.vm_state, operation.tasks[1])
    return True


def write_image(agents: Agents, ctxt: RequestContext, instance: Instance, image_id: str, operation: Operation,
                finish: Callable[[Transaction], None]) -> None:
    """The long part: the guest's disk becomes the image.

    :param finish: what the server is afterwards; the image becomes active in the same transaction before it
    """
    host = ctxt.addressed_host or ""
    for before, after in itertools.pairwise(operation.tasks[1:-1]):
        agents.db.write(instances.update, instance.uuid, _mine(instance, before), task_state=after)

    def sending(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, _mine(instance, operation.tasks[-2]), task_state=operation.tasks[-1])
        images.update(tx, image_id, status=images.SAVING)

    def done(tx: Transaction) -> None:
        # Locks the server first.
        instances.update(tx, instance.uuid, _mine(instance, operation.tasks[-1]))
        if not images.update(tx, image_id, status=images.ACTIVE, size=size):
            raise exceptions.ImageNotFound(image_id=image_id)
        finish(tx)
        actions.finish_event(tx, ctxt.request_id, instance.uuid, operation.event)

    size = agents.driver.snapshot(host, instance.uuid, lambda: agents.db.write(sending))
    agents.db.write(done)


def release(tx: Transaction, instance: Instance, operation: Operation) -> None:
    """The server is what it was, without a task."""
    instances.update(tx, instance.uuid, _mine(instance, operation.tasks[-1]), task_state=None)


def give_up(agents: Agents, ctxt: RequestContext, instance: Instance, operation: Operation, error: Exception,
            **values: Any) -> None:
    """End an image that cannot be made: no task, no image, a fault and a failed action.

    :param values: further columns of the server
    """
    LOG.warning("%s of %s on %s failed: %s", operation.event, instance.uuid, ctxt.addressed_host, error)
    try:
        agents.db.insist(endings.abandon_image, ctxt, instance, operation.tasks, operation.event, error, **values)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, operation.event, reason)
    agents.note(ctxt, instance, f"{operation.event} failed", values.get("vm_state", instance.vm_state), None)


def break_off(agents: Agents, ctxt: RequestContext, instance: Instance) -> None:
    """The process ended while it made an image (spec 8.12)."""
    action = agents.db.read(actions.get, instance.uuid, ctxt.request_id)["action"]
    error = exceptions.HypervisorError("The compute service was restarted while it made the image")
    give_up(agents, ctxt, instance, BACKUP if action == "createBackup" else SNAPSHOT, error)
