"""Snapshots of volumes that are made with the help of the server they are attached to. There is no block storage: no
volume is attached anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from novasim import exceptions
from novasim.api import query, wsgi
from novasim.api.answers import refused
from novasim.api.query import Parameter
from novasim.api.schemas import Schema, closed
from novasim.api.wsgi import Request

if TYPE_CHECKING:
    from novasim.api.app import Api

_UUID = {"type": "string", "format": "uuid"}
_TEXT = {"type": "string", "maxLength": 255}
CREATE = Schema(closed({"snapshot": closed({
    "volume_id": _UUID, "create_info": closed({"snapshot_id": _UUID, "type": {"enum": ["qcow2"]}, "new_file": _TEXT,
                                               "id": _UUID}, "snapshot_id", "type", "new_file")},
    "volume_id", "create_info")}, "snapshot"))
_DELETE_INFO = Schema({"type": "object", "properties": {"volume_id": _UUID}, "required": ["volume_id"]})


@refused(404, takes=(CREATE,))
def create(api: Api, request: Request) -> NoReturn:
    body = request.json()
    CREATE.check(body)
    request.authorize("os-assisted-volume-snapshots:create")
    raise exceptions.VolumeNotFound(volume_id=body["snapshot"]["volume_id"])


def _delete_info(text: str) -> Any:
    try:
        return wsgi.parse(text.encode())
    except exceptions.MalformedRequestBody as error:
        raise ValueError("it is no JSON") from error


_PARAMETERS = {"delete_info": Parameter(_delete_info)}


@refused(404, query=_PARAMETERS, strict=75)
def delete(api: Api, request: Request, snapshot_id: str) -> NoReturn:
    request.authorize("os-assisted-volume-snapshots:delete")
    info = query.read(request, _PARAMETERS, strict_since=75).get("delete_info")
    if info is None:
        raise exceptions.ValidationError(detail="'delete_info' is a required query parameter")
    _DELETE_INFO.check(info)
    raise exceptions.VolumeNotFound(volume_id=info["volume_id"])
