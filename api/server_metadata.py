"""The user's own notes on a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions, quota
from novasim.api import guards
from novasim.api.answers import MAP, answers
from novasim.api.schemas import servers as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import instances, quotas
from novasim.db.engine import Transaction
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api


def _find(request: Request, server_id: str) -> Instance:
    instance = guards.find(request, server_id)
    request.authorize("server-metadata:index", instance)
    return instance


def _changeable(request: Request, server_id: str, name: str = "update metadata") -> Instance:
    instance = guards.find(request, server_id)
    request.authorize("server-metadata:update", instance)
    guards.check(request, instance, "update_metadata", name)
    return instance


def _change(request: Request, instance: Instance, metadata: dict[str, str], replace: bool) -> dict[str, str]:
    def transaction(tx: Transaction) -> dict[str, str]:
        most = quotas.limits(tx, instance.project_id, request.api.quota_defaults, instance.user_id)["metadata_items"]
        # Locks the server, so that two changes cannot mix.
        instances.update(tx, instance.uuid)
        instances.set_metadata(tx, instance.uuid, metadata, replace)
        instances.load_metadata(tx, [instance])
        if most != quota.UNLIMITED and len(instance.metadata) > most:
            raise exceptions.OverQuota(f"Quota exceeded, too many metadata_items: at most {most} are allowed")
        return instance.metadata

    changed = request.api.db.write(transaction)
    request.note("metadata changed", instance)
    return changed


@answers({"metadata": MAP})
def index(api: Api, request: Request, server_id: str) -> Any:
    return {"metadata": _find(request, server_id).metadata}


@answers({"meta": MAP})
def show(api: Api, request: Request, server_id: str, key: str) -> Any:
    metadata = _find(request, server_id).metadata
    if key not in metadata:
        raise exceptions.NotFound("Metadata item was not found")
    return {"meta": {key: metadata[key]}}


@answers({"metadata": MAP}, errors=(409,), takes=bodies.METADATA_ALL)
def merge(api: Api, request: Request, server_id: str) -> Any:
    return {"metadata": _set_all(request, server_id, replace=False)}


@answers({"metadata": MAP}, errors=(409,), takes=bodies.METADATA_ALL)
def replace(api: Api, request: Request, server_id: str) -> Any:
    return {"metadata": _set_all(request, server_id, replace=True)}


def _set_all(request: Request, server_id: str, replace: bool) -> dict[str, str]:
    body = request.json()
    bodies.METADATA_ALL.check(body)
    return _change(request, _changeable(request, server_id), body["metadata"], replace)


@answers({"meta": MAP}, errors=(409,), takes=bodies.METADATA_ONE)
def put(api: Api, request: Request, server_id: str, key: str) -> Any:
    body = request.json()
    bodies.METADATA_ONE.check(body)
    if key not in body["meta"]:
        raise exceptions.Invalid("Request body and URI mismatch")
    _change(request, _changeable(request, server_id), body["meta"], False)
    return body


@answers(None, 204, errors=(409,))
def delete(api: Api, request: Request, server_id: str, key: str) -> Response:
    instance = _changeable(request, server_id, "delete metadata")

    def transaction(tx: Transaction) -> None:
        instances.update(tx, instance.uuid)
        if not instances.delete_metadata(tx, instance.uuid, key):
            raise exceptions.NotFound("Metadata item was not found")

    api.db.write(transaction)
    request.note("metadata changed", instance)
    return Response(204)
