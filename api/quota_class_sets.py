"""Limits of classes of projects. That of ``default`` holds for every project without limits of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import quota
from novasim.api import microversion, quota_sets
from novasim.api.answers import answers, between
from novasim.api.schemas import Versions
from novasim.api.schemas import quota_sets as bodies
from novasim.api.wsgi import Request
from novasim.db import quotas

if TYPE_CHECKING:
    from novasim.api.app import Api

# These two came to the classes later than to the projects' own sets.
_SINCE = {"server_groups": 50, "server_group_members": 50}


def _names(version: int) -> tuple[str, ...]:
    # From 2.50 on a class has no limits of networks, which projects lost with 2.36.
    return tuple(name for name in quota_sets.names(max(version, 50) if version >= 50 else min(version, 35))
                 if version >= _SINCE.get(name, 1))


_BODY = Versions(*((version, bodies.update(_names(version), "quota_class_set")) for version in (1, 50, 57)))
_LIMITS = {name: tuple(between(first, last, int) for first, last in ((1, 49), (50, 56), (57, microversion.MAX))
                       if name in _names(first)) for name in {*_names(1), *_names(50)}}


def _limits(request: Request, class_name: str) -> dict[str, int]:
    limits = request.api.db.read(quotas.default_limits, request.api.quota_defaults, class_name)
    return {name: limits.get(name, quota.UNLIMITED) for name in _names(request.version)}


@answers({"quota_class_set": {"id": str} | _LIMITS})
def show(api: Api, request: Request, class_name: str) -> Any:
    request.authorize("os-quota-class-sets:show")
    return {"quota_class_set": {"id": class_name} | _limits(request, class_name)}


@answers({"quota_class_set": _LIMITS}, takes=_BODY)
def update(api: Api, request: Request, class_name: str) -> Any:
    body = request.json()
    quota_sets.check_owner(class_name)
    _BODY.check(body, request.version)
    request.authorize("os-quota-class-sets:update")
    api.db.write(quotas.set_class_limits, class_name,
                 {name: int(value) for name, value in body["quota_class_set"].items()})
    return {"quota_class_set": _limits(request, class_name)}
