"""Quotas of the network service: there are none, only what is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api.answers import answers
from novasim.api.wsgi import Request
from novasim.db import networks
from novasim.quota import UNLIMITED

if TYPE_CHECKING:
    from novasim.api.app import Api

_KINDS = {"network": networks.NETWORKS, "subnet": networks.SUBNETS, "port": networks.PORTS,
          "floatingip": networks.FLOATING_IPS, "security_group": networks.SECURITY_GROUPS,
          "security_group_rule": networks.SECURITY_GROUP_RULES}
# What clients look for although there is none of it.
_OTHERS = ("router", "subnetpool", "rbac_policy")
_ALL = (*_KINDS, *_OTHERS)


def _check(request: Request, project_id: str) -> None:
    if not request.context.is_admin and project_id != request.context.project_id:
        raise exceptions.Forbidden("You may see the quota of your own project only.")


@answers({"quotas": [{...: Any}]})
def index(api: Api, request: Request) -> Any:
    """Projects that have quotas of their own: none has."""
    return {"quotas": []}


@answers({"quota": dict.fromkeys(_ALL, int)}, about="Show a project's quota")
def show(api: Api, request: Request, project_id: str) -> Any:
    _check(request, project_id)
    return {"quota": dict.fromkeys(_ALL, UNLIMITED)}


@answers({"quota": dict.fromkeys(_ALL, {"limit": int, "used": int, "reserved": int})},
         about="Show a project's quota and what it uses")
def details(api: Api, request: Request, project_id: str) -> Any:
    _check(request, project_id)
    used = {name: api.db.read(networks.count, kind, project_id) for name, kind in _KINDS.items()}
    return {"quota": {name: {"limit": UNLIMITED, "used": used.get(name, 0), "reserved": 0}
                      for name in _ALL}}
