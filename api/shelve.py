"""Shelving, offloading and unshelving: take the state, note the action, tell the server's host or the conductor."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from novasim import exceptions, states
from novasim.api import availability_zones, guards, snapshot
from novasim.api.wsgi import Request
from novasim.db import actions, aggregates, hosts, images, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance


def shelve(request: Request, instance: Instance) -> None:
    """Begin to put a server aside: an image is made of it, called like it with ``-shelved``.

    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    """
    image_id = str(uuid.uuid4())

    def image(tx: Transaction) -> None:
        # Its owner's, whoever shelves it: without the image the server is gone.
        snapshot.create(tx, image_id, instance, f"{(instance.display_name or '')[:247]}-shelved",
                        {"image_type": images.SNAPSHOT}, instance.project_id, instance.user_id)

    now = _begin(request, instance, "shelve", image)
    guards.send(request.api.compute.shelve_instance, request.context, now.host,
                undo=snapshot.undo(request, now, states.SHELVING), instance=now, image_id=image_id)


def shelve_offload(request: Request, instance: Instance) -> None:
    """Begin to take a shelved server off its host.

    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    """
    now = _begin(request, instance, "shelveOffload", progress=0)
    guards.send(request.api.compute.shelve_offload_instance, request.context, now.host,
                undo=guards.undo_task(request, now, states.SHELVING_OFFLOADING), instance=now)


def unshelve(request: Request, instance: Instance, where: Mapping[str, Any]) -> None:
    """Begin to bring a shelved server back.

    :param where: ``availability_zone`` to pin it to (None: to none any more), ``host`` to put it on
    :raises InstanceIsLocked, InstanceInvalidState, UnshelveInstanceInvalidState, UnshelveHostNotInAZ: 409
    :raises AvailabilityZoneUnknown, ComputeHostUnknown: 400
    """
    guards.check(request, instance, "unshelve")
    zone = _zone(request, instance, where)
    destination = {"requested_destination": {"host": where["host"]}} if where.get("host") else {}
    now = _begin(request, instance, "unshelve", availability_zone=zone)
    guards.send(request.api.conductor.unshelve_instance, request.context,
                undo=guards.undo_task(request, now, states.UNSHELVING), instance=now, request_spec=destination)


def _zone(request: Request, instance: Instance, where: Mapping[str, Any]) -> str | None:
    """The zone that the server is pinned to from now on; where it is to go is checked."""
    if where and instance.vm_state != states.SHELVED_OFFLOADED:
        raise exceptions.UnshelveInstanceInvalidState(
            instance_uuid=instance.uuid, state=states.status_of(instance.vm_state, instance.task_state))
    zone: str | None = where.get("availability_zone", instance.availability_zone)
    host = where.get("host")
    if where.get("availability_zone") and not availability_zones.exists(request.api, zone or ""):
        raise exceptions.AvailabilityZoneUnknown()
    if host is not None:
        if not request.api.db.read(hosts.nodes, host):
            raise exceptions.ComputeHostUnknown(host=host)
        default = request.api.conf.default_availability_zone
        if zone and request.api.db.read(aggregates.zones, {host}).get(host, default) != zone:
            raise exceptions.UnshelveHostNotInAZ(host=host, availability_zone=zone)
    return zone


def _begin(request: Request, instance: Instance, action: str, also: Callable[[Transaction], None] | None = None,
           **values: Any) -> Instance:
    """Take the state of an action, in one transaction with what else belongs to it.

    :param values: further columns of the server
    """
    guards.check(request, instance, action)
    if instance.host is None and instance.vm_state != states.SHELVED_OFFLOADED:
        raise exceptions.InstanceNotReady(instance_id=instance.uuid)

    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, guards.expected(action, request.actions),
                         task_state=states.ACTIONS[action].sets, task_request_id=request.context.request_id, **values)
        if also is not None:
            also(tx)
        actions.start(tx, request.context, instance.uuid, action)
        return guards.reread(tx, instance)

    with guards.lost_races(request.api, instance, action):
        now = request.api.db.write(begin)
    request.note(f"{action} accepted", now)
    return now
