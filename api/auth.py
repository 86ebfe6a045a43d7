"""Who asks: the 'noauth' identity, a token that simply says ``user:project``."""

from __future__ import annotations

import uuid

from novasim.api import wsgi
from novasim.context import ADMIN_ROLES, MEMBER_ROLES, RequestContext

ADMIN = "admin"
LONGEST_NAME = 255


def new_request_id() -> str:
    return f"req-{uuid.uuid4()}"


def authenticate(token: str | None, request_id: str, remote_address: str | None = None) -> RequestContext:
    """The context of a request. No token, or one without a colon, is the administrator of project ``admin``; so is
    user ``admin`` of any project.

    :param token: of the header X-Auth-Token
    :raises HttpError: 401 for names that no column can hold
    """
    user, _, project = (token or "").partition(":")
    if not user or not project:
        user = project = ADMIN
    if max(len(user), len(project)) > LONGEST_NAME or "\0" in user + project:
        raise wsgi.HttpError(401, "The request you have made requires authentication.")
    is_admin = user == ADMIN
    return RequestContext(request_id=request_id, user_id=user, project_id=project, is_admin=is_admin,
                          roles=ADMIN_ROLES if is_admin else MEMBER_ROLES, remote_address=remote_address)
