"""Quotas of the network service: there are none, only what is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
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


def _check(request: Request, project_id: str) -> None:
    if not request.context.is_admin and project_id != request.context.project_id:
        raise exceptions.Forbidden("You may see the quota of your own project only.")


def index(api: Api, request: Request) -> Any:
    """Projects that have quotas of their own: none has."""
    return {"quotas": []}


def show(api: Api, request: Request, project_id: str) -> Any:
    _check(request, project_id)
    return {"quota": dict.fromkeys((*_KINDS, *_OTHERS), UNLIMITED)}


def details(api: Api, request: Request, project_id: str) -> Any:
    _check(request, project_id)
    used = {name: api.db.read(networks.count, kind, project_id) for name, kind in _KINDS.items()}
    return {"quota": {name: {"limit": UNLIMITED, "used": used.get(name, 0), "reserved": 0}
                      for name in (*_KINDS, *_OTHERS)}}
