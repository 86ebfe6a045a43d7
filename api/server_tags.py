"""Tags of servers (2.26): words to find them by, listed, put, added and taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import guards
from novasim.api.answers import answers
from novasim.api.schemas import server_tags as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import instances, tags
from novasim.db.engine import Transaction
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api


def _find(request: Request, server_id: str, rule: str) -> Instance:
    instance = guards.find(request, server_id, complete=False)
    request.authorize(f"os-server-tags:{rule}", instance)
    return instance


def _changeable(request: Request, server_id: str, rule: str, name: str) -> Instance:
    instance = _find(request, server_id, rule)
    guards.check(request, instance, "update_tags", name)
    return instance


def _of(tx: Transaction, instance: Instance) -> list[str]:
    return tags.of_servers(tx, [instance.uuid]).get(instance.uuid, [])


def _has_not(server_id: str, tag: str) -> exceptions.NotFound:
    return exceptions.NotFound(f"Server {server_id} has no tag '{tag}'")


@answers({"tags": [str]})
def index(api: Api, request: Request, server_id: str) -> Any:
    return {"tags": api.db.read(_of, _find(request, server_id, "index"))}


@answers(None, 204)
def show(api: Api, request: Request, server_id: str, tag: str) -> Response:
    if tag not in api.db.read(_of, _find(request, server_id, "show")):
        raise _has_not(server_id, tag)
    return Response(204)


@answers(None, 201, (409,), also={204: None})
def update(api: Api, request: Request, server_id: str, tag: str) -> Response:
    """Put one more tag on a server: 201, or 204 where it has that already."""
    bodies.check_tag(tag)
    instance = _changeable(request, server_id, "update", "update tag")

    def transaction(tx: Transaction) -> bool:
        # Locks the server, so that two changes cannot mix.
        instances.update(tx, instance.uuid)
        present = _of(tx, instance)
        if tag in present:
            return False
        if len(present) >= bodies.MOST_TAGS:
            raise exceptions.Invalid(f"The number of tags exceeded the per-server limit {bodies.MOST_TAGS}")
        tags.create(tx, [instance.uuid], [tag])
        return True

    if not api.db.write(transaction):
        return Response(204)
    request.note("tags changed", instance)
    return Response(201, None, {"Location": f"{request.prefix}/servers/{server_id}/tags/{tag}"})


@answers({"tags": [str]}, errors=(409,), takes=bodies.UPDATE_ALL)
def update_all(api: Api, request: Request, server_id: str) -> Any:
    body = request.json()
    bodies.UPDATE_ALL.check(body)
    instance = _changeable(request, server_id, "update_all", "update tags")

    def transaction(tx: Transaction) -> list[str]:
        instances.update(tx, instance.uuid)
        tags.destroy_all(tx, instance.uuid)
        tags.create(tx, [instance.uuid], body["tags"])
        return _of(tx, instance)

    now = api.db.write(transaction)
    request.note("tags changed", instance)
    return {"tags": now}


@answers(None, 204, (409,))
def delete(api: Api, request: Request, server_id: str, tag: str) -> Response:
    instance = _changeable(request, server_id, "delete", "delete tag")

    def transaction(tx: Transaction) -> None:
        instances.update(tx, instance.uuid)
        if not tags.destroy(tx, instance.uuid, tag):
            raise _has_not(server_id, tag)

    api.db.write(transaction)
    request.note("tags changed", instance)
    return Response(204)


@answers(None, 204, (409,))
def delete_all(api: Api, request: Request, server_id: str) -> Response:
    instance = _changeable(request, server_id, "delete_all", "delete tags")

    def transaction(tx: Transaction) -> None:
        instances.update(tx, instance.uuid)
        tags.destroy_all(tx, instance.uuid)

    api.db.write(transaction)
    request.note("tags changed", instance)
    return Response(204)
