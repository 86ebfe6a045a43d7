"""Host aggregates: which hosts belong together, and what holds for them (spec 3.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import answers
from novasim.api.schemas import aggregates as bodies
from novasim.api.views import aggregates as views
from novasim.api.wsgi import Request, Response
from novasim.db import aggregates
from novasim.db.engine import Transaction
from novasim.objects import Aggregate

if TYPE_CHECKING:
    from novasim.api.app import Api


def _number(aggregate_id: str) -> int:
    """
    :raises Invalid: for what is no number
    :raises AggregateNotFound: for a number that no aggregate has
    """
    if query.is_whole(aggregate_id):
        return int(aggregate_id)
    if aggregate_id.removeprefix("-").isdigit():
        raise exceptions.AggregateNotFound(aggregate_id=aggregate_id)
    raise exceptions.Invalid("id must be an integer")


@answers(views.AGGREGATES)
def index(api: Api, request: Request) -> Any:
    request.authorize("os-aggregates:index")
    return {"aggregates": [views.aggregate(request, row)["aggregate"] for row in api.db.read(aggregates.list_all)]}


@answers(views.CREATED, errors=(409,), takes=bodies.CREATE)
def create(api: Api, request: Request) -> Any:
    body = request.json()
    bodies.CREATE.check(body)
    request.authorize("os-aggregates:create")
    fields = body["aggregate"]
    return views.created(request, api.db.write(aggregates.create, fields["name"], fields.get("availability_zone")))


@answers(views.AGGREGATE)
def show(api: Api, request: Request, aggregate_id: str) -> Any:
    request.authorize("os-aggregates:show")
    return views.aggregate(request, api.db.read(aggregates.get, _number(aggregate_id)))


@answers(views.AGGREGATE, errors=(409,), takes=bodies.UPDATE)
def update(api: Api, request: Request, aggregate_id: str) -> Any:
    body = request.json()
    bodies.UPDATE.check(body)
    request.authorize("os-aggregates:update")
    number, fields = _number(aggregate_id), body["aggregate"]

    def transaction(tx: Transaction) -> Aggregate:
        if "name" in fields:
            aggregates.rename(tx, number, fields["name"])
        zone = {key: value for key, value in fields.items() if key == aggregates.ZONE_KEY}
        return aggregates.set_metadata(tx, number, zone, "update aggregate")

    return views.aggregate(request, api.db.write(transaction))


@answers(None)
def delete(api: Api, request: Request, aggregate_id: str) -> Response:
    request.authorize("os-aggregates:delete")
    api.db.write(aggregates.delete, _number(aggregate_id))
    return Response(200)


def _add_host(tx: Transaction, number: int, content: dict[str, Any]) -> Aggregate:
    return aggregates.add_host(tx, number, content["host"])


def _remove_host(tx: Transaction, number: int, content: dict[str, Any]) -> Aggregate:
    return aggregates.remove_host(tx, number, content["host"])


def _set_metadata(tx: Transaction, number: int, content: dict[str, Any]) -> Aggregate:
    return aggregates.set_metadata(tx, number, content["metadata"], "update aggregate metadata")


_ACTIONS: dict[str, Callable[[Transaction, int, dict[str, Any]], Aggregate]] = {
    "add_host": _add_host, "remove_host": _remove_host, "set_metadata": _set_metadata}


@answers(views.AGGREGATE, errors=(409,), takes=bodies.ACTIONS.values(), about="Add or remove a host, set metadata")
def dispatch(api: Api, request: Request, aggregate_id: str) -> Any:
    """Find the action that the body's one key names, and perform it."""
    body = request.json()
    if len(body) != 1:
        raise exceptions.MalformedRequestBody()
    name, content = next(iter(body.items()))
    if name not in _ACTIONS:
        raise exceptions.Invalid(f"There is no such action: {name}")
    bodies.ACTIONS[name].check(body)
    request.authorize(f"os-aggregates:{name}")
    return views.aggregate(request, api.db.write(_ACTIONS[name], _number(aggregate_id), content))


@answers(None, 202, takes=bodies.IMAGES)
def images(api: Api, request: Request, aggregate_id: str) -> Response:
    """Have images at hand on all hosts of an aggregate. A simulated hypervisor has every image at hand, so that what
    was asked for is done when it is accepted."""
    bodies.IMAGES.check(request.json())
    request.authorize("compute:aggregates:images")
    api.db.read(aggregates.get, _number(aggregate_id))
    return Response(202)
