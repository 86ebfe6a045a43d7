"""createImage and createBackup: the image's row and the server's task appear together, the host does the work."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from novasim import exceptions, states
from novasim.api import guards, image_metadata
from novasim.api.images import REMEMBERED
from novasim.api.wsgi import Request, Response
from novasim.db import actions, images, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance


class Snapshot(NamedTuple):
    """What is wanted: the action that asks for it, the image's name, and properties beside those of the server."""
    action: str
    name: str
    properties: dict[str, str]


def create_image(request: Request, instance: Instance, body: Mapping[str, Any]) -> Response:
    """Begin to make an image of a server.

    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    :raises Forbidden: for too many items of metadata
    """
    wanted = Snapshot("createImage", body["name"], {"image_type": images.SNAPSHOT} | body.get("metadata", {}))
    image_id = _begin(request, instance, wanted, request.api.compute.snapshot_instance)
    return _answer(request, image_id, True)


def create_backup(request: Request, instance: Instance, body: Mapping[str, Any]) -> Response:
    """Begin to make an image of a server and drop the oldest ones of its type.

    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    :raises Forbidden: for too many items of metadata
    """
    kind, rotation = body["backup_type"], int(body["rotation"])
    properties = {"image_type": images.BACKUP, "backup_type": kind} | body.get("metadata", {})
    wanted = Snapshot("createBackup", body["name"], properties)
    image_id = _begin(request, instance, wanted, request.api.compute.backup_instance, backup_type=kind,
                      rotation=rotation)
    return _answer(request, image_id, rotation > 0)


def _answer(request: Request, image_id: str, lasting: bool) -> Response:
    """From 2.45 the id in a body, before that a link: to an image that is there when the work is done."""
    if request.version >= 45:
        return Response(202, {"image_id": image_id})
    return Response(202, None, {"Location": f"{request.prefix}/images/{image_id}"} if lasting else {})


def _begin(request: Request, instance: Instance, wanted: Snapshot, cast: Callable[..., Any], **arguments: Any) -> str:
    """:returns: the image's id"""
    guards.check(request, instance, wanted.action)
    if instance.host is None:
        raise exceptions.InstanceNotReady(instance_id=instance.uuid)
    task = states.ACTIONS[wanted.action].sets
    image_id = str(uuid.uuid4())

    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, guards.expected(wanted.action, request.actions), task_state=task,
                         task_request_id=request.context.request_id)
        image_metadata.check_limit(tx, request, wanted.properties)
        # Whose it is: who asked for it, as for any image.
        create(tx, image_id, instance, wanted.name, wanted.properties, request.context.project_id,
               request.context.user_id)
        actions.start(tx, request.context, instance.uuid, wanted.action)
        return guards.reread(tx, instance)

    with guards.lost_races(request.api, instance, wanted.action):
        now = request.api.db.write(begin)
    request.note(f"{wanted.action} accepted", now, image_id=image_id)
    guards.send(cast, request.context, now.host, undo=undo(request, now, task), instance=now, image_id=image_id,
                **arguments)
    return image_id


def create(tx: Transaction, image_id: str, instance: Instance, name: str, properties: Mapping[str, str],
           project_id: str | None, user_id: str | None) -> None:
    """The row of an image that is going to be made of a server: with the properties of the server's own image, large
    enough for its disk.

    :param instance: with system_metadata
    """
    own = {key.removeprefix(REMEMBERED): value for key, value in instance.system_metadata.items()
           if key.startswith(REMEMBERED)}
    min_ram, min_disk = int(own.pop("min_ram", 0)), int(own.pop("min_disk", 0))
    own = {key: value for key, value in own.items() if key not in ("image_type", "backup_type")}
    about = {"instance_uuid": instance.uuid, "user_id": instance.user_id or "",
             "base_image_ref": own.get("base_image_ref", instance.image_ref or "")}
    images.create(tx, image_id, name, 0, min_ram, max(min_disk, instance.root_gb), {**own, **about, **properties},
                  images.QUEUED, project_id, user_id, instance.uuid)


def undo(request: Request, instance: Instance, task: str | None) -> Callable[[Exception], None]:
    """What takes the beginning back when the host cannot be told: the task, and the image."""
    return guards.undo_task(request, instance, task, lambda tx: images.drop_unfinished(tx, instance.uuid))
