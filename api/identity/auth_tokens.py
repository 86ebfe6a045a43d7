"""Tokens over HTTP: log in, ask what a token is worth, take it back, and what it gives access to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import wsgi
from novasim.api.answers import Shape, answers, optional
from novasim.api.identity import catalog, methods, resources
from novasim.api.identity.access import Request
from novasim.api.identity.tokens import Grant
from novasim.api.query import Parameter
from novasim.api.schemas import identity as bodies
from novasim.api.wsgi import Response
from novasim.db import identity
from novasim.db import identity_models as models

if TYPE_CHECKING:
    from novasim.api.app import Api

SUBJECT = "X-Subject-Token"
NO_CATALOG = "nocatalog"
_NO_CATALOG = {NO_CATALOG: Parameter()}
_LINKS = {"self": str, "next": None, "previous": None}
_NAMED = {"id": str, "name": str}
_IN_DOMAIN = _NAMED | {"domain": _NAMED}
TOKEN: Shape = {"token": {
    "methods": [str], "user": _IN_DOMAIN | {"password_expires_at": None}, "audit_ids": [str], "issued_at": str,
    "expires_at": str, "project": optional(_IN_DOMAIN), "is_domain": optional(bool), "domain": optional(_NAMED),
    "system": optional({"all": bool}), "roles": optional([_NAMED]), "catalog": optional([catalog.SERVICE]),
    "application_credential": optional(_NAMED | {"restricted": bool})}}


def _domain(standing: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {"id": standing[f"{prefix}_id"], "name": standing[f"{prefix}_name"]}


def _roles(api: Api, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"id": row["uuid"], "name": row["name"]} for row in api.db.read(identity.search, models.roles)
            if row["name"] in names]


def _body(api: Api, request: Request, grant: Grant) -> dict[str, Any]:
    claims, standing = grant.claims, grant.standing
    token: dict[str, Any] = {
        "methods": list(claims.methods),
        "user": {"id": claims.user_id, "name": standing["name"], "domain": _domain(standing, "domain"),
                 "password_expires_at": None},
        "audit_ids": list(claims.audit_ids), "issued_at": resources.moment(claims.issued_at),
        "expires_at": resources.moment(claims.expires_at)}
    if claims.target == identity.PROJECT:
        token |= {"project": {"id": standing["project_id"], "name": standing["project_name"],
                              "domain": _domain(standing, "project_domain")}, "is_domain": False}
    elif claims.target == identity.DOMAIN:
        token |= {"domain": _domain(standing, "scope")}
    elif claims.target == identity.SYSTEM:
        token |= {"system": {"all": True}}
    if claims.target is not None:
        token["roles"] = _roles(api, grant.roles)
        if NO_CATALOG not in dict(request.query):
            token["catalog"] = catalog.catalog(api, request)
    if claims.credential_id is not None:
        credential = api.db.read(identity.get, models.application_credentials, claims.credential_id)
        token["application_credential"] = {"id": credential["uuid"], "name": credential["name"],
                                           "restricted": not credential["unrestricted"]}
    return {"token": token}


@answers(TOKEN, 201, takes=bodies.AUTH, query=_NO_CATALOG, about="Log in")
def create(api: Api, request: Request) -> Response:
    body = request.json()
    bodies.AUTH.check(body)
    grant = methods.log_in(api, body["auth"])
    return Response(201, _body(api, request, grant), {SUBJECT: api.identity.sign(grant.claims)})


def _subject(api: Api, request: Request, *roles: str) -> Grant:
    """The token that is asked about: the caller's own, or anybody's for who has one of the roles.

    :raises NotFound: when it is worth nothing
    :raises Forbidden: when it is another's
    """
    try:
        subject = api.identity.grant(request.wire.headers.get(SUBJECT))
    except wsgi.Unauthorized as error:
        raise exceptions.NotFound("Could not find the token that is asked about.") from error
    if subject.claims.user_id != request.grant.claims.user_id and not set(roles) & set(request.grant.roles):
        raise exceptions.Forbidden("You are not authorized to perform the requested action.")
    return subject


@answers(TOKEN, query=_NO_CATALOG, headers=(SUBJECT,), about="What a token is worth")
def show(api: Api, request: Request) -> Response:
    grant = _subject(api, request, "admin", "service")
    return Response(200, _body(api, request, grant), {SUBJECT: request.wire.headers[SUBJECT]})


@answers(None, 204, headers=(SUBJECT,), about="Take a token back")
def delete(api: Api, request: Request) -> Response:
    claims = _subject(api, request, "admin").claims
    api.db.write(identity.revoke_token, claims.audit_ids[0], claims.expires_at)
    return Response(204)


@answers({"catalog": [catalog.SERVICE], "links": _LINKS}, about="The services, as the caller's token has them")
def show_catalog(api: Api, request: Request) -> Any:
    return {"catalog": catalog.catalog(api, request),
            "links": {"self": f"{request.prefix}/auth/catalog", "next": None, "previous": None}}


@answers(resources.PROJECTS.shapes)
def index_projects(api: Api, request: Request, user_id: str | None = None) -> Any:
    """The projects that a user may log in to: the caller, or the one in the URL."""
    rows = api.db.read(identity.projects_of, user_id or request.grant.claims.user_id)
    return resources.listed(request, resources.PROJECTS, rows)


@answers(resources.DOMAINS.shapes)
def index_domains(api: Api, request: Request) -> Any:
    """The domains that the caller may log in to."""
    rows = api.db.read(identity.domains_of, request.grant.claims.user_id)
    return resources.listed(request, resources.DOMAINS, rows)


@answers({"system": [{"all": bool}], "links": _LINKS})
def show_system(api: Api, request: Request) -> Any:
    """Whether the caller may log in to the system as a whole."""
    held = api.db.read(identity.assignments, user_id=request.grant.claims.user_id, target_type=identity.SYSTEM)
    return {"system": [{"all": True}] if held else [],
            "links": {"self": f"{request.prefix}/auth/system", "next": None, "previous": None}}
