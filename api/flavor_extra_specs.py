"""Extra specs of a flavor: free keys that filters of the scheduler look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import flavors as flavor_api
from novasim.api.answers import MAP, answers
from novasim.api.schemas import extra_specs
from novasim.api.schemas import flavors as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import flavors

if TYPE_CHECKING:
    from novasim.api.app import Api


@answers({"extra_specs": MAP})
def index(api: Api, request: Request, flavor_id: str) -> Any:
    request.authorize("os-flavor-extra-specs:index")
    return {"extra_specs": flavor_api.find(request, flavor_id).extra_specs}


@answers(MAP)
def show(api: Api, request: Request, flavor_id: str, key: str) -> Any:
    request.authorize("os-flavor-extra-specs:index")
    return {key: _value(request, flavor_id, key)}


def _value(request: Request, flavor_id: str, key: str) -> str:
    specs = flavor_api.find(request, flavor_id).extra_specs
    if key not in specs:
        raise exceptions.FlavorExtraSpecsNotFound(flavor_id=flavor_id, key=key)
    return specs[key]


def _checked(request: Request, body: dict[str, Any]) -> dict[str, str]:
    """Extra specs as they are kept: as text."""
    specs = {key: str(value) for key, value in body.items()}
    if request.version >= 86:
        extra_specs.check(specs)
    return specs


@answers({"extra_specs": MAP}, takes=bodies.EXTRA_SPECS, errors=(409,))
def create(api: Api, request: Request, flavor_id: str) -> Any:
    body = request.json()
    bodies.EXTRA_SPECS.check(body)
    request.authorize("os-flavor-extra-specs:update")
    specs = _checked(request, body["extra_specs"])
    flavor = flavor_api.find(request, flavor_id)
    if specs:
        api.db.write(flavors.set_extra_specs, flavor.id, specs)
    return {"extra_specs": specs}


@answers(MAP, takes=bodies.EXTRA_SPEC, errors=(409,))
def update(api: Api, request: Request, flavor_id: str, key: str) -> Any:
    body = request.json()
    if len(body) > 1:
        raise exceptions.Invalid("Request body contains too many items")
    bodies.EXTRA_SPEC.check(body)
    if key not in body:
        raise exceptions.Invalid("Request body and URI mismatch")
    request.authorize("os-flavor-extra-specs:update")
    specs = _checked(request, body)
    api.db.write(flavors.set_extra_specs, flavor_api.find(request, flavor_id).id, specs)
    return specs


@answers(None)
def delete(api: Api, request: Request, flavor_id: str, key: str) -> Response:
    request.authorize("os-flavor-extra-specs:update")
    _value(request, flavor_id, key)
    api.db.write(flavors.delete_extra_specs, flavor_api.find(request, flavor_id).id, [key])
    return Response(200)
