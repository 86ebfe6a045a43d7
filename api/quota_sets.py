"""Quotas of projects: what they may use at most, and the resources that exist in each version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from novasim import exceptions, quota
from novasim.api import auth, microversion, query, schemas
from novasim.api.answers import answers, until
from novasim.api.query import Parameter
from novasim.api.schemas import Versions
from novasim.api.schemas import quota_sets as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import groups, quotas

if TYPE_CHECKING:
    from novasim.api.app import Api

_ALWAYS = ("instances", "cores", "ram", "key_pairs", "metadata_items", "server_groups", "server_group_members")
# Resource -> the last version that has it. Those of networks are not counted here: unlimited.
_GONE = {"injected_files": 56, "injected_file_content_bytes": 56, "injected_file_path_bytes": 56, "fixed_ips": 35,
         "floating_ips": 35, "security_groups": 35, "security_group_rules": 35}
_PARAMETERS = {"user_id": Parameter()}
LONGEST_NAME = 255


def names(version: int) -> tuple[str, ...]:
    """The resources of a version."""
    return (*_ALWAYS, *(name for name, last in _GONE.items() if version <= last))


_BODY = Versions(*((version, bodies.update(names(version))) for version in (1, 36, 57)))
_LIMITS = {name: until(_GONE.get(name, microversion.MAX), int) for name in names(microversion.MIN)}
_USE = {"limit": int, "in_use": int, "reserved": int}


def _limits(request: Request, project_id: str, user_id: str | None) -> dict[str, int]:
    return request.api.db.read(quotas.limits, project_id, request.api.quota_defaults, user_id)


def _shown(request: Request, values: Mapping[str, Any], empty: Any = quota.UNLIMITED) -> dict[str, Any]:
    return {name: values.get(name, empty) for name in names(request.version)}


def _authorize(request: Request, rule: str, project_id: str) -> None:
    request.api.policy.authorize(request.context, rule, {"project_id": project_id})


def _user(request: Request) -> str | None:
    user: str | None = query.read(request, _PARAMETERS, strict_since=75).get("user_id")
    return user


@answers({"quota_set": {"id": str} | _LIMITS}, query=_PARAMETERS, strict=75)
def show(api: Api, request: Request, project_id: str) -> Any:
    _authorize(request, "os-quota-sets:show", project_id)
    auth.check_project(api, project_id)
    return {"quota_set": {"id": project_id} | _shown(request, _limits(request, project_id, _user(request)))}


@answers({"quota_set": {"id": str} | _LIMITS})
def defaults(api: Api, request: Request, project_id: str) -> Any:
    request.authorize("os-quota-sets:defaults")
    limits = api.db.read(quotas.default_limits, api.quota_defaults)
    return {"quota_set": {"id": project_id} | _shown(request, limits)}


@answers({"quota_set": {"id": str} | {name: replace(part, shape=_USE) for name, part in _LIMITS.items()}},
         query=_PARAMETERS, strict=75)
def detail(api: Api, request: Request, project_id: str) -> Any:
    _authorize(request, "os-quota-sets:show", project_id)
    auth.check_project(api, project_id)
    user_id = _user(request)
    used = api.db.read(groups.usage, project_id, user_id)
    limits = _shown(request, _limits(request, project_id, user_id))
    return {"quota_set": {"id": project_id} | {name: {
        "limit": limit, "in_use": used.get(name, (0, 0))[0], "reserved": used.get(name, (0, 0))[1]}
        for name, limit in limits.items()}}


def check_owner(name: str) -> None:
    """See that limits can be kept for a project or class.

    :raises Invalid: when its name is longer than a column
    """
    if len(name) > LONGEST_NAME:
        raise exceptions.Invalid(f"The id of a project or quota class has at most {LONGEST_NAME} characters")


@answers({"quota_set": _LIMITS}, takes=_BODY, query=_PARAMETERS, strict=75)
def update(api: Api, request: Request, project_id: str) -> Any:
    body = request.json()
    check_owner(project_id)
    _BODY.check(body, request.version)
    request.authorize("os-quota-sets:update")
    auth.check_project(api, project_id)
    user_id = _user(request)
    check_owner(user_id or "")
    values = {name: int(value) for name, value in body["quota_set"].items() if name != "force"}
    if not schemas.true(body["quota_set"].get("force", False)):
        _check(request, project_id, user_id, values)
    api.db.write(quotas.set_limits, project_id, values, user_id)
    return {"quota_set": _shown(request, _limits(request, project_id, user_id))}


def _check(request: Request, project_id: str, user_id: str | None, values: Mapping[str, int]) -> None:
    """See that no limit is below what is used, and no user's above the project's."""
    used = request.api.db.read(groups.usage, project_id, user_id)
    project = _limits(request, project_id, None)
    for name, limit in values.items():
        minimum = sum(used.get(name, (0, 0)))
        if limit != quota.UNLIMITED and limit < minimum:
            raise exceptions.Invalid(f"Quota limit {limit} for {name} must be greater than or equal to already used "
                                     f"and reserved {minimum}.")
        most = project.get(name, quota.UNLIMITED)
        if user_id is not None and most != quota.UNLIMITED and (limit == quota.UNLIMITED or limit > most):
            raise exceptions.Invalid(f"Quota limit {limit} for {name} must be less than or equal to {most}.")


@answers(None, 202, query=_PARAMETERS, strict=75)
def delete(api: Api, request: Request, project_id: str) -> Response:
    request.authorize("os-quota-sets:delete")
    api.db.write(quotas.delete_limits, project_id, _user(request))
    return Response(202)
