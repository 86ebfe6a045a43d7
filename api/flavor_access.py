"""Which projects may use a private flavor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import auth
from novasim.api import flavors as flavor_api
from novasim.api.answers import answers
from novasim.api.schemas import flavors as bodies
from novasim.api.wsgi import Request
from novasim.db import flavors
from novasim.objects import Flavor

if TYPE_CHECKING:
    from novasim.api.app import Api

_ACTIONS = {"addTenantAccess": ("os-flavor-access:add_tenant_access", flavors.grant),
            "removeTenantAccess": ("os-flavor-access:remove_tenant_access", flavors.revoke)}
ACCESS = {"flavor_access": [{"flavor_id": str, "tenant_id": str}]}


def _list(request: Request, flavor: Flavor) -> dict[str, Any]:
    return {"flavor_access": [{"flavor_id": flavor.flavorid, "tenant_id": project}
                              for project in request.api.db.read(flavors.projects, flavor.id)]}


@answers(ACCESS)
def index(api: Api, request: Request, flavor_id: str) -> Any:
    request.authorize("os-flavor-access")
    flavor = flavor_api.find(request, flavor_id)
    if flavor.is_public:
        raise exceptions.NotFound("Access list not available for public flavors.")
    return _list(request, flavor)


@answers(ACCESS, errors=(409,), takes=bodies.ACCESS.values(), about="Let a project use a private flavor, or no more")
def dispatch(api: Api, request: Request, flavor_id: str) -> Any:
    body = request.json()
    if len(body) != 1:
        raise exceptions.MalformedRequestBody()
    name = next(iter(body))
    if name not in _ACTIONS:
        raise exceptions.Invalid(f"There is no such action: {name}")
    bodies.ACCESS[name].check(body)
    rule, change = _ACTIONS[name]
    request.authorize(rule)
    flavor = flavor_api.find(request, flavor_id)
    if flavor.is_public and name == "addTenantAccess" and request.version >= 7:
        raise exceptions.Conflict("Can not add access to a public flavor.")
    if name == "addTenantAccess":
        auth.check_project(api, body[name]["tenant"])
    api.db.write(change, flavor, body[name]["tenant"])
    return _list(request, flavor)
