"""Logging in: how a user proves who it is, and what the token is to be for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Table

from novasim.api import wsgi
from novasim.api.identity import tokens
from novasim.api.identity.tokens import Claims, Grant
from novasim.api.schemas import identity as bodies
from novasim.db import identity
from novasim.db import identity_models as models

if TYPE_CHECKING:
    from novasim.api.app import Api

Said = Mapping[str, Any]
_NOWHERE: tuple[None, None] = (None, None)


class Proof(NamedTuple):
    """What came of one method: who it is, and the token or application credential that showed it."""
    user_id: str
    token: Claims | None = None
    credential: identity.Row | None = None


def find_user(api: Api, said: Said) -> identity.Row | None:
    """The user that a request names by its id, or by its name and domain."""
    return _find(api, models.users, said)


def _find(api: Api, table: Table, said: Said) -> identity.Row | None:
    domain = said.get("domain", {})
    return api.db.read(identity.find_named, table, said.get("id"), said.get("name"), domain.get("id"),
                       domain.get("name"))


def _password(api: Api, said: Said) -> Proof:
    user = find_user(api, said["user"])
    if not api.identity.passwords.fits(said["user"]["password"], user["password_hash"] if user else None):
        raise wsgi.Unauthorized()
    assert user is not None
    return Proof(user["uuid"])


def _token(api: Api, said: Said) -> Proof:
    held = api.identity.grant(said["id"])
    return Proof(held.claims.user_id, token=held.claims)


def _application_credential(api: Api, said: Said) -> Proof:
    owner = find_user(api, said["user"]) if "user" in said else None
    wanted = {"uuid": said["id"]} if "id" in said else {
        "name": said.get("name", ""), "user_id": owner["uuid"] if owner else ""}
    found = api.db.read(identity.search, models.application_credentials, **wanted)
    credential = found[0] if found else None
    if not api.identity.passwords.fits(said["secret"], credential["secret_hash"] if credential else None):
        raise wsgi.Unauthorized()
    assert credential is not None
    return Proof(credential["user_id"], credential=credential)


_METHODS: dict[str, Callable[[Any, Said], Proof]] = {
    "password": _password, "token": _token, "application_credential": _application_credential}


def _prove(api: Api, said: Said) -> Proof:
    """Who it is, by all methods that the request names.

    :raises Unauthorized: when one of them does not show it, or they show different users
    """
    proofs = []
    for name in dict.fromkeys(said["methods"]):
        if name not in _METHODS:
            raise wsgi.Unauthorized()
        bodies.method(name).check(said)
        proofs.append(_METHODS[name](api, said[name]))
    if len({proof.user_id for proof in proofs}) != 1:
        raise wsgi.Unauthorized()
    return Proof(proofs[0].user_id, next((proof.token for proof in proofs if proof.token), None),
                 next((proof.credential for proof in proofs if proof.credential), None))


def _target(api: Api, scope: Said) -> tuple[str, str]:
    """What a scope names: kind and id.

    :raises Unauthorized: when there is no such thing
    """
    if "system" in scope:
        return identity.SYSTEM, identity.ALL
    kind = identity.PROJECT if "project" in scope else identity.DOMAIN
    found = _find(api, models.projects if kind == identity.PROJECT else models.domains, scope[kind])
    if found is None:
        raise wsgi.Unauthorized()
    return kind, found["uuid"]


def _targets(api: Api, scope: Any, proof: Proof) -> list[tuple[str, str] | tuple[None, None]]:
    """What the token may be for: the first that holds."""
    if proof.credential is not None:
        if scope is not None:
            raise wsgi.Unauthorized()
        return [(identity.PROJECT, proof.credential["project_id"])]
    if scope is None:
        user = api.db.read(identity.find_named, models.users, proof.user_id)
        default = user["default_project_id"] if user else None
        return [_NOWHERE] if default is None else [(identity.PROJECT, default), _NOWHERE]
    if scope == "unscoped" or "unscoped" in scope:
        return [_NOWHERE]
    return [_target(api, scope)]


def log_in(api: Api, auth: Said) -> Grant:
    """What a user that proves who it is gets: the grant of a new token.

    :param auth: what stands under ``auth`` in the body
    :raises Unauthorized: when it does not prove it, or may not be where it wants to be
    """
    said = auth["identity"]
    proof = _prove(api, said)
    credential_id = proof.credential["uuid"] if proof.credential else None
    earlier: tuple[str, ...] = ()
    methods = tuple(dict.fromkeys(said["methods"]))
    now = api.clock.now()
    expires_at = now + timedelta(seconds=api.conf.identity.token_expiration)
    if proof.token is not None:
        # Nobody lives longer by asking again; and what came of a credential stays where that is for.
        expires_at, earlier = proof.token.expires_at, proof.token.audit_ids[-1:]
        methods = tuple(dict.fromkeys((*proof.token.methods, *methods)))
        if proof.token.credential_id is not None:
            raise wsgi.Unauthorized()
    if proof.credential is not None and proof.credential["expires_at"] is not None:
        expires_at = min(expires_at, proof.credential["expires_at"])
    failed: wsgi.Unauthorized | None = None
    for target, target_id in _targets(api, auth.get("scope"), proof):
        claims = Claims(user_id=proof.user_id, methods=methods, audit_ids=(tokens.new_audit_id(), *earlier),
                        issued_at=now, expires_at=expires_at, target=target, target_id=target_id,
                        credential_id=credential_id)
        try:
            return api.identity.weigh(claims)
        except wsgi.Unauthorized as error:
            failed = error
    raise failed or wsgi.Unauthorized()
