"""Evacuation: a server whose host is dead is made anew on another one (spec 2.3).

The migration stands before the conductor is asked, so that the host finds it when it comes back, whatever follows.
"""

from __future__ import annotations

from typing import Any

from novasim import exceptions, states
from novasim.api import guards, liveness, passwords, schemas
from novasim.api.wsgi import Request, Response
from novasim.db import actions, endings, hosts, images, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import TARGET_STATE, Instance, Migration

ACTION = "evacuate"
# From these versions on: no word on shared storage and no password in the answer; a named host is judged by the
# scheduler unless forced; the server is stopped when it arrives.
_WITHOUT_STORAGE, _JUDGED, _STOPPED = 14, 29, 95


def evacuate(request: Request, instance: Instance, body: dict[str, Any]) -> Response:
    """Begin to make a server anew elsewhere.

    :param body: ``host`` where the scheduler is not to choose, ``adminPass``, ``onSharedStorage`` (until 2.13),
        ``force`` past the scheduler (2.29 to 2.67)
    :raises ComputeServiceInUse, Invalid: 400
    :raises NotFound: 404, for a host that is not there
    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    """
    host, forced = body.get("host"), schemas.true(body.get("force", request.version < _JUDGED))
    if "force" in body and forced and host is None:
        raise exceptions.Invalid("Can't force to a non-provided destination")
    shared = schemas.true(body.get("onSharedStorage"))
    if shared and "adminPass" in body:
        raise exceptions.Invalid("admin password can't be changed on existing disk")
    if host is not None and not request.api.db.read(hosts.nodes, host):
        raise exceptions.NotFound(f"Compute host {host} not found.")
    if host is not None and host == instance.host:
        raise exceptions.Invalid("The target host can't be the same one.")
    guards.check(request, instance, ACTION)
    if instance.host is None:
        raise exceptions.InstanceNotReady(instance_id=instance.uuid)
    now = _begin(request, instance, shared)
    judged = {"requested_destination": {"host": host}} if host and not forced else None
    password = body.get("adminPass") or passwords.generate()
    undo = guards.undo(request, now, lambda tx: endings.withdraw(
        tx, now.uuid, states.REBUILDING, request.context.request_id))
    guards.send(request.api.conductor.rebuild_instance, request.context, undo=undo, instance=now,
                orig_image_ref=now.image_ref, image_ref=now.image_ref, injected_files=[], new_pass=password,
                orig_sys_metadata={}, bdms=[], recreate=True, on_shared_storage=shared,
                host=host if forced else None, request_spec=judged)
    if request.version >= _WITHOUT_STORAGE or shared:
        return Response(200)
    return Response(200, {"adminPass": password})


def _begin(request: Request, instance: Instance, shared: bool) -> Instance:
    """
    :raises ComputeServiceInUse: when the host lives
    """
    context, since = request.context, liveness.alive_since(request.api)
    target = {TARGET_STATE: states.STOPPED} if request.version >= _STOPPED else {}

    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, guards.expected(ACTION, request.actions))
        was = instances.get(tx, instance.uuid, with_metadata=False)
        if hosts.is_up(tx, was.host or "", since):
            raise exceptions.ComputeServiceInUse(host=was.host)
        move = migrations.in_progress(tx, was.uuid)
        # What the dead host was to do with it, nobody does any more.
        if move is not None:
            endings.abandon(tx, was, move, was.vm_state)
        quotas.rollback(tx, was.uuid)
        images.drop_unfinished(tx, was.uuid)
        actions.break_off(tx, was.uuid, "The server was evacuated")
        instances.update(tx, was.uuid, task_state=states.REBUILDING, progress=0, task_request_id=context.request_id)
        instances.replace_system_metadata(tx, was.uuid, TARGET_STATE, target)
        migrations.create(tx, Migration(
            uuid="", instance_uuid=was.uuid, status=states.ACCEPTED, migration_type=states.EVACUATION,
            source_compute=was.host, source_node=was.node, old_instance_type_id=was.instance_type_id,
            new_instance_type_id=was.instance_type_id, request_id=context.request_id, user_id=context.user_id,
            project_id=context.project_id))
        actions.start(tx, context, was.uuid, ACTION)
        return instances.get(tx, was.uuid)

    with guards.lost_races(request.api, instance, ACTION):
        now: Instance = request.api.db.write(begin)
    request.note(f"{ACTION} accepted", now)
    return now
