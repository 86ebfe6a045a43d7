"""Start, stop and reboot: take the state by compare-and-swap, note the action, tell the server's host."""

from __future__ import annotations

from typing import Any, NamedTuple

from novasim import exceptions, states
from novasim.api import guards
from novasim.api.wsgi import Request
from novasim.db import actions, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance


class Verb(NamedTuple):
    """What one of them is called: in states.ACTIONS, to users, in the record of actions, on the bus."""
    rule: str
    name: str
    action: str
    method: str


START = Verb("os-start", "start", "start", "start_instance")
STOP = Verb("os-stop", "stop", "stop", "stop_instance")
SOFT = Verb("reboot_soft", "reboot", "reboot", "reboot_instance")
HARD = Verb("reboot_hard", "reboot", "reboot", "reboot_instance")


def change(request: Request, instance: Instance, verb: Verb, **arguments: Any) -> None:
    """Begin a change of power.

    :param arguments: what the message carries beside the server
    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    """
    api, context = request.api, request.context
    guards.check(request, instance, verb.rule, verb.name)
    if instance.host is None:
        raise exceptions.InstanceNotReady(instance_id=instance.uuid)
    task = states.ACTIONS[verb.rule].sets

    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, guards.expected(verb.rule), task_state=task,
                         task_request_id=context.request_id)
        actions.start(tx, context, instance.uuid, verb.action)
        return guards.reread(tx, instance)

    with guards.lost_races(api, instance, verb.name):
        now = api.db.write(begin)
    request.note(f"{verb.action} accepted", now)
    guards.send(getattr(api.compute, verb.method), context, now.host, undo=guards.undo_task(request, now, task),
                instance=now, **arguments)


def reboot(request: Request, instance: Instance, kind: str) -> None:
    """Begin a reboot.

    :param kind: SOFT or HARD
    """
    change(request, instance, SOFT if kind == "SOFT" else HARD, block_device_info=None, reboot_type=kind)
