"""What changes a guest's power, from start to rescue: take the state by compare-and-swap, note the action, tell the
server's host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from novasim import exceptions, states
from novasim.api import guards, images, passwords
from novasim.api.wsgi import Request
from novasim.db import actions, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance


class Verb(NamedTuple):
    """What one of them is called: in states.ACTIONS, on the bus, and to users and in the record of actions."""
    rule: str
    method: str
    action: str = ""

    @property
    def name(self) -> str:
        return self.action or self.rule


START = Verb("os-start", "start_instance", "start")
STOP = Verb("os-stop", "stop_instance", "stop")
SOFT = Verb("reboot_soft", "reboot_instance", "reboot")
HARD = Verb("reboot_hard", "reboot_instance", "reboot")
PAUSE = Verb("pause", "pause_instance")
UNPAUSE = Verb("unpause", "unpause_instance")
SUSPEND = Verb("suspend", "suspend_instance")
RESUME = Verb("resume", "resume_instance")
RESCUE = Verb("rescue", "rescue_instance")
UNRESCUE = Verb("unrescue", "unrescue_instance")
CHANGE_PASSWORD = Verb("changePassword", "set_admin_password")
RESTORE = Verb("restore", "restore_instance")


def change(request: Request, instance: Instance, verb: Verb, also: Callable[[Transaction, Instance], Any] | None = None,
           **arguments: Any) -> None:
    """Begin a change of power.

    :param also: what else belongs to the beginning, in its transaction
    :param arguments: what the message carries beside the server
    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    """
    api, context = request.api, request.context
    check(request, instance, verb)
    task = states.ACTIONS[verb.rule].sets

    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, guards.expected(verb.rule, request.actions), task_state=task,
                         task_request_id=context.request_id)
        now = guards.reread(tx, instance)
        if also is not None:
            also(tx, now)
        actions.start(tx, context, instance.uuid, verb.name)
        return now

    with guards.lost_races(api, instance, verb.name):
        now = api.db.write(begin)
    request.note(f"{verb.name} accepted", now)
    guards.send(getattr(api.compute, verb.method), context, now.host, undo=guards.undo_task(request, now, task),
                instance=now, **arguments)


def check(request: Request, instance: Instance, verb: Verb) -> None:
    """Lock, state and host.

    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    """
    guards.check(request, instance, verb.rule, verb.name)
    if instance.host is None:
        raise exceptions.InstanceNotReady(instance_id=instance.uuid)


def reboot(request: Request, instance: Instance, kind: str) -> None:
    """Begin a reboot.

    :param kind: SOFT or HARD
    """
    change(request, instance, SOFT if kind == "SOFT" else HARD, block_device_info=None, reboot_type=kind)


def rescue(request: Request, instance: Instance, password: str | None, image_ref: str | None) -> str:
    """Begin to start a server from a rescue image.

    :param password: of the rescue system's administrator; one is made up without it
    :param image_ref: the image; the server's own without it
    :returns: the password
    :raises UnsupportedRescueImage, ImageNotActive: 400
    """
    check(request, instance, RESCUE)
    if image_ref is not None:
        try:
            images.usable(request, image_ref)
        except exceptions.ImageNotFound as error:
            raise exceptions.UnsupportedRescueImage(image=image_ref) from error
    secret = password or passwords.generate()
    change(request, instance, RESCUE, rescue_password=secret, rescue_image_ref=image_ref)
    return secret
