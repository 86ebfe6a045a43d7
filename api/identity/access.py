"""Who may ask what of the identity service: one rule a route. Most of it is for administrators; people may see
themselves, their project and what they may log in to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import webob

from novasim import exceptions
from novasim.api import wsgi
from novasim.api.identity import tokens
from novasim.api.identity.tokens import Grant
from novasim.context import RequestContext

if TYPE_CHECKING:
    from novasim.api.app import Api

Ids = Mapping[str, str]
Rule = Callable[[Grant, Ids], bool]
VERSION = "/v3"


class Request(wsgi.Request):
    """A request below ``/identity/v3``.

    :ivar grant: of the caller's token; not set on routes that need none
    """

    grant: Grant

    def __init__(self, api: Api, wire: webob.Request, request_id: str):
        # In the version of query parameters that are there from the first one on.
        super().__init__(api, wire, RequestContext(request_id=request_id), 1, tokens.PREFIX + VERSION)

    def error_response(self, error: Exception) -> wsgi.Response:
        """The answer for an error, as the identity service gives it."""
        plain = wsgi.error_response(error)
        [told] = plain.body.values()
        headers = dict(plain.headers)
        if plain.status == 401:
            headers["WWW-Authenticate"] = tokens.challenge(self.root)
        return wsgi.Response(plain.status, wsgi.titled(plain.status, told["message"]), headers)


def anybody(grant: Grant, ids: Ids) -> bool:
    """Whoever has a token."""
    return True


def admin(grant: Grant, ids: Ids) -> bool:
    return grant.is_admin


def of_user(grant: Grant, ids: Ids) -> bool:
    """The user in the URL."""
    return grant.is_admin or self_only(grant, ids)


def self_only(grant: Grant, ids: Ids) -> bool:
    """The user in the URL and no admin: what it makes speaks for itself."""
    return ids["user_id"] == grant.claims.user_id


def of_project(grant: Grant, ids: Ids) -> bool:
    """Whoever has a token for the project in the URL, and the services."""
    return grant.is_admin or "service" in grant.roles or ids["project_id"] == grant.project_id


def of_domain(grant: Grant, ids: Ids) -> bool:
    """The users of the domain in the URL."""
    return grant.is_admin or ids["domain_id"] == grant.standing["domain_id"]


def check(rule: Rule | None, request: Request, ids: Ids) -> None:
    """
    :param rule: None for a route that needs no token
    :raises Unauthorized: without a token that holds
    :raises Forbidden: when it is not enough
    """
    if rule is None:
        return
    request.grant = request.api.identity.grant(request.wire.headers.get("X-Auth-Token"))
    request.context = tokens.context_of(request.grant, request.context.request_id, request.wire.remote_addr)
    if not rule(request.grant, ids):
        raise exceptions.Forbidden("You are not authorized to perform the requested action.")
