"""Who asks: one strategy an installation (``[api] auth_strategy``), each a function from a request to its context."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import webob

from novasim import exceptions
from novasim.api import wsgi
from novasim.context import ADMIN_ROLES, MEMBER_ROLES, RequestContext

if TYPE_CHECKING:
    from novasim.api.app import Api

ADMIN = "admin"
LONGEST_NAME = 255
NOAUTH, IDENTITY, KEYSTONE = "noauth2", "identity", "keystone"
# From a request and its id; raises HttpError (401, 403) when nobody knows who asks.
Authenticate = Callable[[webob.Request, str], RequestContext]


def new_request_id() -> str:
    return f"req-{uuid.uuid4()}"


def strategy(api: Api) -> Authenticate:
    """The one that the configuration names."""
    chosen: Authenticate = {NOAUTH: noauth, KEYSTONE: vouched_for}.get(api.conf.api.auth_strategy) or (
        api.identity.authenticate)
    return chosen


def check_project(api: Api, project_id: str) -> None:
    """See that there is such a project, where projects are kept here; elsewhere any name may be one.

    :raises Invalid: when there is none
    """
    if api.identity is not None and not api.identity.has_project(project_id):
        raise exceptions.Invalid(f"Project ID {project_id} is not a valid project.")


def noauth(wire: webob.Request, request_id: str) -> RequestContext:
    """A token simply says ``user:project``. No token, or one without a colon, is the administrator of project
    ``admin``; so is user ``admin`` of any project.

    :raises HttpError: 401 for names that no column can hold
    """
    user, _, project = wire.headers.get("X-Auth-Token", "").partition(":")
    if not user or not project:
        user = project = ADMIN
    if max(len(user), len(project)) > LONGEST_NAME or "\0" in user + project:
        raise wsgi.Unauthorized()
    is_admin = user == ADMIN
    return RequestContext(request_id=request_id, user_id=user, project_id=project, is_admin=is_admin,
                          roles=ADMIN_ROLES if is_admin else MEMBER_ROLES, remote_address=wire.remote_addr)


def vouched_for(wire: webob.Request, request_id: str) -> RequestContext:
    """What keystonemiddleware in front of us (api/pipeline.py) has found out; it takes away such headers of users.

    :raises HttpError: 401 without a token that holds, 403 for one that is for no project
    """
    if wire.headers.get("X-Identity-Status") != "Confirmed":
        raise wsgi.Unauthorized()
    project = wire.headers.get("X-Project-Id")
    if not project:
        raise wsgi.HttpError(403, "The token is for no project. Log in again with one as its scope.")
    roles = tuple(sorted(filter(None, map(str.strip, wire.headers.get("X-Roles", "").split(",")))))
    return RequestContext(request_id=request_id, user_id=wire.headers["X-User-Id"], project_id=project,
                          is_admin=ADMIN in roles, roles=roles, remote_address=wire.remote_addr)
