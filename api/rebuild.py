"""Rebuild: a server is made anew from an image, with what the request says it is to be from now on (spec 2.3).

What changes in the row changes with the task, in one transaction, and is shown in the answer; if nobody can be told,
it is put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from novasim import exceptions, states
from novasim.api import build, guards, images, passwords, schemas, server_addresses, servers
from novasim.api.answers import since
from novasim.api.views import servers as views
from novasim.api.wsgi import Request, Response
from novasim.db import actions, instance_extra, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance

ACTION, CERTIFICATES = "rebuild", "trusted_image_certificates"
# Field of the request -> column; None empties those that may be empty.
_COLUMNS = {"name": "display_name", "description": "display_description", "key_name": "key_name",
            "user_data": "user_data", "hostname": "hostname"}
_LATER = "OS-EXT-SRV-ATTR:user_data"
SHAPE = {key: shape for key, shape in views.shape(views.UPDATE).items() if key != _LATER} | {
    "adminPass": str, "key_name": since(54, str | None), "user_data": since(57, str | None)}


def rebuild(request: Request, instance: Instance, body: Mapping[str, Any]) -> Response:
    """Begin to rebuild a server.

    :returns: the server as it is from now on, with its administrator's password
    :raises InstanceIsLocked, InstanceInvalidState, InstanceNotReady: 409
    :raises Invalid: 400, for an image that it cannot be made from, or what the cluster cannot give
    """
    api, context = request.api, request.context
    guards.check(request, instance, ACTION)
    if instance.host is None:
        raise exceptions.InstanceNotReady(instance_id=instance.uuid)
    build.check_limits(request, body)
    build.check_key(request, body)
    image = _image(request, instance, body)
    instance = guards.find(request, instance.uuid)
    password = body.get("adminPass") or passwords.generate()
    remembered = images.remembered(image)
    columns = {column: body[field] for field, column in _COLUMNS.items() if field in body}
    columns |= server_addresses.access(body) | {"image_ref": image["id"], "progress": 0}
    if "OS-DCF:diskConfig" in body:
        columns["auto_disk_config"] = body["OS-DCF:diskConfig"] == "AUTO"

    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, guards.expected(ACTION, request.actions),
                         task_state=states.REBUILDING, task_request_id=context.request_id, **columns)
        _write(tx, instance.uuid, remembered, body)
        actions.start(tx, context, instance.uuid, ACTION)
        return instances.get(tx, instance.uuid)

    before = {column: getattr(instance, column) for column in columns}
    beside_before = {name: value for name, value in (
        ("metadata", instance.metadata), (CERTIFICATES, _certificates(request, instance))) if name in body}
    image_before = {key: value for key, value in instance.system_metadata.items() if key.startswith(images.REMEMBERED)}

    def put_back(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, **before)
        _write(tx, instance.uuid, image_before, beside_before)

    with guards.lost_races(api, instance, ACTION):
        now = api.db.write(begin)
    request.note("rebuild accepted", now)
    guards.send(api.conductor.rebuild_instance, context, undo=guards.undo_task(
        request, now, states.REBUILDING, put_back), instance=now, orig_image_ref=instance.image_ref,
        image_ref=now.image_ref, injected_files=[[item["path"], item["contents"]]
                                                 for item in body.get("personality", [])], new_pass=password,
        orig_sys_metadata=image_before, bdms=[],
        preserve_ephemeral=schemas.true(body.get("preserve_ephemeral", False)))
    location = f"{request.prefix}/servers/{instance.uuid}"
    return Response(202, {"server": _shown(request, now, password)}, {"Location": location})


def _image(request: Request, instance: Instance, body: Mapping[str, Any]) -> dict[str, Any]:
    """The image of the request, if the server can be made from it."""
    try:
        image = images.usable(request, body["imageRef"])
    except exceptions.ImageNotFound as error:
        raise exceptions.Invalid(error.text) from error
    build.check_fit(instance.flavor(), image)
    if body.get("OS-DCF:diskConfig") == "AUTO":
        build.check_auto_disk_config(image)
    return image


def _certificates(request: Request, instance: Instance) -> list[str] | None:
    found = request.api.db.read(instance_extra.of_servers, [instance.uuid])
    return found[instance.uuid].trusted_certs if found else None


def _write(tx: Transaction, uuid: str, remembered: Mapping[str, str], beside: Mapping[str, Any]) -> None:
    """What is kept of the image, and what else of the request is in no column of the server."""
    instances.replace_system_metadata(tx, uuid, images.REMEMBERED, remembered)
    if "metadata" in beside:
        instances.set_metadata(tx, uuid, beside["metadata"], replace=True)
    if CERTIFICATES in beside:
        instance_extra.set_trusted_certs(tx, uuid, beside[CERTIFICATES])


def _shown(request: Request, instance: Instance, password: str) -> dict[str, Any]:
    """As after an update, with what only a rebuild tells."""
    shown = servers.shown(request, [instance], views.UPDATE)[0] | {"adminPass": password}
    if request.version >= 54:
        shown["key_name"] = instance.key_name
    if request.version >= 57:
        shown.pop(_LATER, None)
        shown["user_data"] = instance.user_data
    return shown
