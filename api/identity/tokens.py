"""Tokens: what they say, signed as JSON web tokens, and what they are worth now.

A token names its user and its scope only. What the user may do there is read when the token is used, so a role that was
taken away, a password that was changed and a user that was disabled count at once, in every API process.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import jwt
import msgspec
import webob
from oslo_config import cfg

from novasim.api import wsgi
from novasim.api.identity.passwords import Passwords
from novasim.context import RequestContext
from novasim.db import identity
from novasim.db import identity_models as models
from novasim.db.engine import Database
from novasim.sim.clock import Clock

# Where the service is on this server.
PREFIX = "/identity"
ADMIN = "admin"
# A role -> the one that it brings along.
IMPLIED = {ADMIN: "manager", "manager": "member", "member": "reader"}
ROLES = (*IMPLIED, "reader", "service")
LONGEST = 4096
_ALGORITHM = "HS256"
# Expiry is looked at by hand: the library would ask the system for the time.
_CHECKS: Any = {"require": ["sub", "jti", "iat", "exp"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says. Times are naive UTC.

    :ivar audit_ids: its own, and the one of the log-in that it came from
    :ivar target: what it is for: a kind of db/identity.py, None for an unscoped one
    """

    user_id: str
    methods: tuple[str, ...]
    audit_ids: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    target: str | None = None
    target_id: str | None = None
    credential_id: str | None = None


class Grant(msgspec.Struct, frozen=True):
    """A token that holds: what it says, and what its user is and may do there now.

    :ivar standing: of db/identity.py
    :ivar roles: names, those that others bring along too
    """

    claims: Claims
    standing: dict[str, Any]
    roles: tuple[str, ...]

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles

    @property
    def project_id(self) -> str | None:
        """The project it is for; None when it is for something else."""
        project: str | None = self.standing["project_id"]
        return project


def with_implied(names: Iterable[str]) -> tuple[str, ...]:
    """Names of roles with those that they bring along, sorted."""
    found: set[str] = set()
    for name in names:
        step: str | None = name
        while step is not None and step not in found:
            found.add(step)
            step = IMPLIED.get(step)
    return tuple(sorted(found))


def new_audit_id() -> str:
    return secrets.token_urlsafe(16)


def _seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


class Tokens:
    """Signs tokens and says what they are worth.

    :param conf: configuration with the options of api/options.py
    """

    def __init__(self, conf: cfg.ConfigOpts, db: Database, clock: Clock):
        self._db, self._clock = db, clock
        self.passwords = Passwords(conf.identity.password_hash_rounds)
        secret = conf.identity.token_secret or db.write(identity.token_key, secrets.token_urlsafe(48))
        # Of one length, however short the secret.
        self._key = hashlib.sha256(secret.encode()).digest()

    def sign(self, claims: Claims) -> str:
        """The token that says these claims."""
        said = {"sub": claims.user_id, "jti": claims.audit_ids[0], "chain": claims.audit_ids[1:],
                "methods": claims.methods, "iat": _seconds(claims.issued_at), "exp": _seconds(claims.expires_at),
                "target": claims.target, "target_id": claims.target_id, "credential": claims.credential_id}
        return jwt.encode({name: value for name, value in said.items() if value}, self._key, _ALGORITHM)

    def read(self, token: str | None) -> Claims:
        """What a token says.

        :raises Unauthorized: when it is none of ours, or has expired
        """
        if not token or len(token) > LONGEST:
            raise wsgi.Unauthorized()
        try:
            said = jwt.decode(token, self._key, [_ALGORITHM], options=_CHECKS)
        except (jwt.PyJWTError, ValueError) as error:
            raise wsgi.Unauthorized() from error
        expires_at = _moment(said["exp"])
        if expires_at <= self._clock.now():
            raise wsgi.Unauthorized()
        return Claims(
            user_id=said["sub"], methods=tuple(said["methods"]), audit_ids=(said["jti"], *said.get("chain", ())),
            issued_at=_moment(said["iat"]), expires_at=expires_at, target=said.get("target"),
            target_id=said.get("target_id"), credential_id=said.get("credential"))

    def weigh(self, claims: Claims) -> Grant:
        """What a token is worth now.

        :raises Unauthorized: nothing any more
        """
        now = self._db.read(identity.standing, claims.user_id, claims.target, claims.target_id, claims.audit_ids[0])
        if now is None or now["revoked"] or not (now["enabled"] and now["domain_enabled"]):
            raise wsgi.Unauthorized()
        if now["valid_since"] is not None and claims.issued_at < now["valid_since"]:
            raise wsgi.Unauthorized()
        there = {identity.PROJECT: now["project_enabled"] and now["project_domain_enabled"],
                 identity.DOMAIN: now["scope_enabled"]}
        names = with_implied(now["roles"].values())
        if claims.target is not None and not (names and there.get(claims.target, True)):
            raise wsgi.Unauthorized()
        if claims.credential_id is not None:
            names = self._of_credential(claims.credential_id, names)
        return Grant(claims, now, names)

    def _of_credential(self, credential_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of its user's roles that an application credential may use.

        :raises Unauthorized: for one that is gone or has expired
        """
        found = self._db.read(identity.search, models.application_credentials, uuid=credential_id)
        if not found or (found[0]["expires_at"] is not None and found[0]["expires_at"] <= self._clock.now()):
            raise wsgi.Unauthorized()
        wanted = set(json.loads(found[0]["roles"]))
        own = with_implied(row["name"] for row in self._db.read(identity.search, models.roles) if row["uuid"] in wanted)
        left = tuple(name for name in own if name in names)
        if not left:
            raise wsgi.Unauthorized()
        return left

    def grant(self, token: str | None) -> Grant:
        """What a token is worth now.

        :raises Unauthorized: when it is nothing
        """
        return self.weigh(self.read(token))

    def has_project(self, project_id: str) -> bool:
        return self._db.read(identity.find_named, models.projects, project_id) is not None

    def authenticate(self, wire: webob.Request, request_id: str) -> RequestContext:
        """The context of a request to one of the other services.

        :raises Unauthorized: without a token that holds
        :raises HttpError: 403 for one that is for no project
        """
        try:
            grant = self.grant(wire.headers.get("X-Auth-Token"))
        except wsgi.Unauthorized as error:
            error.headers["WWW-Authenticate"] = challenge(wire.application_url)
            raise
        context = context_of(grant, request_id, wire.remote_addr)
        if context.project_id is None:
            raise wsgi.HttpError(403, "The token is for no project. Log in again with one as its scope.")
        return context


def challenge(root: str) -> str:
    """Where to log in, for the header WWW-Authenticate.

    :param root: of this server, as the caller sees it
    """
    return f'Keystone uri="{root}{PREFIX}"'


def context_of(grant: Grant, request_id: str, remote_address: str | None) -> RequestContext:
    """Who asks, as all services know it."""
    return RequestContext(request_id=request_id, user_id=grant.claims.user_id, project_id=grant.project_id,
                          is_admin=grant.is_admin, roles=grant.roles, remote_address=remote_address)
