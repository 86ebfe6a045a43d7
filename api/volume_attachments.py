"""The volumes of a server. There is no block storage: no server has any, and no volume can be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions, states
from novasim.api import guards, query
from novasim.api.answers import answers
from novasim.api.query import Parameter
from novasim.api.schemas import volume_attachments as bodies
from novasim.api.wsgi import Request
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api

_PARAMETERS = {"limit": Parameter(query.whole), "offset": Parameter(query.whole)}
_ATTACHMENT = {...: Any}
_SHELVED = (states.SHELVED, states.SHELVED_OFFLOADED)


def _find(request: Request, server_id: str, rule: str) -> Instance:
    instance = guards.find(request, server_id, complete=False)
    request.authorize(f"os-volumes-attachments:{rule}", instance)
    return instance


def _check(request: Request, instance: Instance, action: str) -> None:
    """Lock and state; of a shelved server the volumes can be changed since 2.20.

    :raises InstanceIsLocked, InstanceInvalidState: 409
    """
    if action != "swap_volume" and request.version < 20 and instance.vm_state in _SHELVED:
        raise exceptions.InstanceInvalidState(action=action, instance_uuid=instance.uuid, attr="vm_state",
                                              state=instance.vm_state)
    guards.check(request, instance, action)


@answers({"volumeAttachments": [_ATTACHMENT]}, query=_PARAMETERS, strict=75)
def index(api: Api, request: Request, server_id: str) -> Any:
    _find(request, server_id, "index")
    query.read(request, _PARAMETERS, strict_since=75)
    return {"volumeAttachments": []}


@answers({"volumeAttachment": _ATTACHMENT})
def show(api: Api, request: Request, server_id: str, volume_id: str) -> Any:
    _find(request, server_id, "show")
    raise exceptions.VolumeNotFound(volume_id=volume_id)


@answers({"volumeAttachment": _ATTACHMENT}, errors=(409,), takes=bodies.CREATE)
def create(api: Api, request: Request, server_id: str) -> Any:
    body = request.json()
    bodies.CREATE.check(body, request.version)
    _check(request, _find(request, server_id, "create"), "attach_volume")
    raise exceptions.VolumeNotFound(volume_id=body["volumeAttachment"]["volumeId"])


@answers(None, 202, errors=(409,), takes=bodies.UPDATE, about="Put another volume in the place of one")
def update(api: Api, request: Request, server_id: str, volume_id: str) -> Any:
    """Put another volume in the place of one; since 2.85 also change how one is attached, whatever the state."""
    body = request.json()
    bodies.UPDATE.check(body, request.version)
    if request.version >= 85 and body["volumeAttachment"]["volumeId"] == volume_id:
        guards.check_lock(request, _find(request, server_id, "update"))
    else:
        _check(request, _find(request, server_id, "swap"), "swap_volume")
    raise exceptions.VolumeNotFound(volume_id=volume_id)


@answers(None, 202, errors=(409,))
def delete(api: Api, request: Request, server_id: str, volume_id: str) -> Any:
    _check(request, _find(request, server_id, "delete"), "detach_volume")
    raise exceptions.VolumeNotFound(volume_id=volume_id)
