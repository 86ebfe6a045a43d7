"""Domains, projects, users, roles and application credentials: who may log in, and as what.

The nouns differ in their columns only, so the functions that look after them take the table. Rows that belong to a
deleted one go with it, by foreign keys; what roles were assigned on goes by hand, since a target may be of three kinds.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from oslo_db import exception as db_exception
from sqlalchemy import Table, and_, bindparam, delete, exists, insert, select, update

from novasim import exceptions
from novasim.db import identity_models as models
from novasim.db.engine import Transaction

PROJECT, DOMAIN, SYSTEM = "project", "domain", "system"
# Id and name of the domain that is there from the beginning.
DEFAULT_DOMAIN = ("default", "Default")
# The one target of its kind.
ALL = "all"
_U, _P, _D, _R = models.users.c, models.projects.c, models.domains.c, models.roles.c
_A, _C, _T = models.role_assignments.c, models.application_credentials.c, models.revoked_tokens.c
_TARGETS = {PROJECT: models.projects, DOMAIN: models.domains}
Row = dict[str, Any]

_SCOPE, _HOME = models.domains.alias("scope"), models.domains.alias("home")
_STANDING = select(
    _U.uuid, _U.name, _U.enabled, _U.domain_id, _U.default_project_id, _U.valid_since, _D.name.label("domain_name"),
    _D.enabled.label("domain_enabled"), _P.uuid.label("project_id"), _P.name.label("project_name"),
    _P.enabled.label("project_enabled"), _HOME.c.uuid.label("project_domain_id"),
    _HOME.c.name.label("project_domain_name"), _HOME.c.enabled.label("project_domain_enabled"),
    _SCOPE.c.uuid.label("scope_id"), _SCOPE.c.name.label("scope_name"), _SCOPE.c.enabled.label("scope_enabled"),
    _R.uuid.label("role_id"), _R.name.label("role_name"),
    exists().where(_T.audit_id == bindparam("audit_id")).label("revoked")).select_from(
    models.users.join(models.domains, _D.uuid == _U.domain_id)
    .outerjoin(models.role_assignments, and_(
        _A.user_id == _U.uuid, _A.target_type == bindparam("type"), _A.target_id == bindparam("target")))
    .outerjoin(models.roles, _R.uuid == _A.role_id)
    .outerjoin(models.projects, and_(_A.target_type == PROJECT, _P.uuid == _A.target_id))
    .outerjoin(_HOME, _HOME.c.uuid == _P.domain_id)
    .outerjoin(_SCOPE, and_(_A.target_type == DOMAIN, _SCOPE.c.uuid == _A.target_id))).where(
    _U.uuid == bindparam("user"))


def noun(table: Table) -> str:
    """What a row of a table is called."""
    return table.name.removesuffix("s").replace("_", " ")


def get(tx: Transaction, table: Table, uuid: str) -> Row:
    """
    :raises NotFound: when there is none
    """
    row = tx.execute(select(table).where(table.c.uuid == uuid)).one_or_none()
    if row is None:
        raise exceptions.NotFound(f"Could not find {noun(table)}: {uuid}.")
    return dict(row._mapping)


def search(tx: Transaction, table: Table, **values: Any) -> list[Row]:
    """The rows with these values, by name."""
    conditions = [table.c[name] == value for name, value in values.items()]
    return [dict(row._mapping) for row in tx.execute(select(table).where(*conditions).order_by(table.c.name))]


def find_named(tx: Transaction, table: Table, uuid: str | None, name: str | None = None,
               domain_id: str | None = None, domain_name: str | None = None) -> Row | None:
    """The row of an id, or of a name within a domain that is given by its own id or name; None when there is none."""
    statement = select(table)
    if uuid is not None:
        statement = statement.where(table.c.uuid == uuid)
    else:
        statement = statement.where(table.c.name == name)
        if table is not models.domains:
            domain = _D.uuid == domain_id if domain_id is not None else _D.name == domain_name
            statement = statement.join(models.domains, _D.uuid == table.c.domain_id).where(domain)
    row = tx.execute(statement).one_or_none()
    return None if row is None else dict(row._mapping)


def create(tx: Transaction, table: Table, values: Mapping[str, Any]) -> Row:
    """Insert a row with an id of its own.

    :raises Conflict: when the name is taken
    :raises NotFound: when what it names is not there
    """
    row = {"uuid": uuid.uuid4().hex, "description": "", "created_at": tx.now, **values}
    _see_that_the_name_is_free(tx, table, row)
    _see_that_it_is_there(tx, row)
    try:
        tx.execute(insert(table), row)
    except db_exception.DBDuplicateEntry as error:
        raise _taken(table, row["name"]) from error
    except db_exception.DBReferenceError as error:
        raise exceptions.NotFound(f"Could not find what {noun(table)} {row['name']} belongs to.") from error
    return get(tx, table, row["uuid"])


def change(tx: Transaction, table: Table, uuid: str, values: Mapping[str, Any]) -> Row:
    """Update a row; returns it as it is now.

    :raises NotFound: when there is none, or not what the values name
    :raises Conflict: when the new name is taken
    """
    row = get(tx, table, uuid) | dict(values)
    _see_that_the_name_is_free(tx, table, row)
    _see_that_it_is_there(tx, values)
    if values:
        try:
            tx.execute(update(table).where(table.c.uuid == uuid), dict(values))
        except db_exception.DBDuplicateEntry as error:
            raise _taken(table, row["name"]) from error
    return get(tx, table, uuid)


def _see_that_the_name_is_free(tx: Transaction, table: Table, row: Row) -> None:
    within = {name: row[name] for name in ("domain_id", "user_id") if name in table.c}
    if any(other["uuid"] != row["uuid"] for other in search(tx, table, name=row["name"], **within)):
        raise _taken(table, row["name"])


def _see_that_it_is_there(tx: Transaction, values: Mapping[str, Any]) -> None:
    for name, table in (("domain_id", models.domains), ("default_project_id", models.projects)):
        if values.get(name) is not None:
            get(tx, table, values[name])


def _taken(table: Table, name: str) -> exceptions.Conflict:
    return exceptions.Conflict(
        f"Conflict occurred attempting to store {noun(table)} - Duplicate entry found with name {name}.")


def remove(tx: Transaction, table: Table, uuid: str) -> None:
    """Delete a row with what belongs to it.

    :raises NotFound: when there is none
    """
    gone = get(tx, table, uuid)
    targets = [uuid]
    if table is models.domains:
        targets += [project["uuid"] for project in search(tx, models.projects, domain_id=uuid)]
    if table in _TARGETS.values():
        tx.execute(delete(models.role_assignments).where(
            _A.target_type.in_((PROJECT, DOMAIN)), _A.target_id.in_(targets)))
    tx.execute(delete(table).where(table.c.uuid == gone["uuid"]))


# Assignments.

def assign(tx: Transaction, user_id: str, role_id: str, target: str, target_id: str) -> None:
    """Give a user a role on a target; that it was there already is no error.

    :raises NotFound: when one of the three is not there
    """
    get(tx, models.users, user_id)
    get(tx, models.roles, role_id)
    if target in _TARGETS:
        get(tx, _TARGETS[target], target_id)
    if not has(tx, user_id, role_id, target, target_id):
        tx.insert_missing(models.role_assignments, [{
            "user_id": user_id, "role_id": role_id, "target_type": target, "target_id": target_id,
            "created_at": tx.now}])


def has(tx: Transaction, user_id: str, role_id: str, target: str, target_id: str) -> bool:
    """Whether a user was given a role on a target."""
    return bool(assignments(tx, user_id=user_id, role_id=role_id, target_type=target, target_id=target_id))


def unassign(tx: Transaction, user_id: str, role_id: str, target: str, target_id: str) -> None:
    """Take a role from a user.

    :raises NotFound: when it was not given
    """
    gone = tx.execute(delete(models.role_assignments).where(
        _A.user_id == user_id, _A.role_id == role_id, _A.target_type == target, _A.target_id == target_id))
    if not gone.rowcount:
        raise exceptions.NotFound(f"Could not find role assignment with role: {role_id}, user or group: {user_id}, "
                                  f"project, domain, or system: {target_id}.")


def assignments(tx: Transaction, **values: str) -> list[Row]:
    """The assignments with these values, with the names of what they name and of their domains."""
    project_domain, target_domain = models.domains.alias(), models.domains.alias()
    statement = select(
        models.role_assignments, _R.name.label("role_name"), _U.name.label("user_name"), _U.domain_id,
        _D.name.label("domain_name"), _P.name.label("project_name"), _P.domain_id.label("project_domain_id"),
        project_domain.c.name.label("project_domain_name"),
        target_domain.c.name.label("target_domain_name")).select_from(
        models.role_assignments.join(models.roles, _R.uuid == _A.role_id).join(models.users, _U.uuid == _A.user_id)
        .join(models.domains, _D.uuid == _U.domain_id)
        .outerjoin(models.projects, and_(_A.target_type == PROJECT, _P.uuid == _A.target_id))
        .outerjoin(project_domain, project_domain.c.uuid == _P.domain_id)
        .outerjoin(target_domain, and_(_A.target_type == DOMAIN, target_domain.c.uuid == _A.target_id))).where(
        *(_A[name] == value for name, value in values.items())).order_by(_A.id)
    return [dict(row._mapping) for row in tx.execute(statement)]


def projects_of(tx: Transaction, user_id: str) -> list[Row]:
    """The projects that a user has a role on."""
    theirs = select(_A.target_id).where(_A.user_id == user_id, _A.target_type == PROJECT)
    return [dict(row._mapping) for row in tx.execute(
        select(models.projects).where(_P.uuid.in_(theirs)).order_by(_P.name))]


def domains_of(tx: Transaction, user_id: str) -> list[Row]:
    """The domains that a user has a role on."""
    theirs = select(_A.target_id).where(_A.user_id == user_id, _A.target_type == DOMAIN)
    return [dict(row._mapping) for row in tx.execute(
        select(models.domains).where(_D.uuid.in_(theirs)).order_by(_D.name))]


# Tokens.

def standing(tx: Transaction, user_id: str, target: str | None, target_id: str | None, audit_id: str) -> Row | None:
    """What a token's user may be and has now, in one statement: the user with its domain, the roles on the target, the
    target where there are any, and whether the token was taken back. None when the user is gone.

    :param target: PROJECT, DOMAIN or SYSTEM; None for a token without a scope
    """
    rows = tx.execute(_STANDING, {
        "user": user_id, "type": target or "", "target": target_id or "", "audit_id": audit_id}).all()
    if not rows:
        return None
    return dict(rows[0]._mapping) | {"roles": {row.role_id: row.role_name for row in rows if row.role_id is not None}}


def revoke_token(tx: Transaction, audit_id: str, expires_at: datetime) -> None:
    """Take a token back; what has expired by now is forgotten."""
    tx.execute(delete(models.revoked_tokens).where(_T.expires_at < tx.now))
    if tx.execute(select(_T.id).where(_T.audit_id == audit_id)).first() is None:
        tx.insert_missing(models.revoked_tokens, [
            {"audit_id": audit_id, "expires_at": expires_at, "created_at": tx.now}])


def token_key(tx: Transaction, fresh: str) -> str:
    """The secret that all API processes sign tokens with: the first that one of them brought.

    :param fresh: what it is when there is none yet
    """
    keys = models.token_keys
    found = tx.execute(select(keys.c.secret).where(keys.c.name == "current")).scalar_one_or_none()
    if found is None:
        tx.insert_missing(keys, [{"name": "current", "secret": fresh, "created_at": tx.now}])
    return found or fresh


# What a fresh cluster has.

def seed(tx: Transaction, roles: Iterable[str], accounts: Iterable[Mapping[str, Any]]) -> bool:
    """Put domain, roles and accounts into an identity service that has none; False when it has.

    :param accounts: each with ``user``, ``project``, ``roles`` and ``password_hash``. Whoever is an admin of a project
        is one of the domain and of the system too
    """
    if search(tx, models.domains):
        return False
    domain = DEFAULT_DOMAIN
    tx.insert_missing(models.domains, [{"uuid": domain[0], "name": domain[1], "description": "The default domain",
                                        "enabled": True, "created_at": tx.now}])
    ids = {name: create(tx, models.roles, {"name": name})["uuid"] for name in roles}
    made: dict[str, str] = {}
    for account in accounts:
        own = {"domain_id": domain[0], "enabled": True}
        name = account["project"]
        if name not in made:
            made[name] = create(tx, models.projects, {"name": name, **own})["uuid"]
        same = search(tx, models.users, name=account["user"], domain_id=domain[0])
        user = same[0] if same else create(tx, models.users, own | {
            "name": account["user"], "password_hash": account["password_hash"], "default_project_id": made[name]})
        for role in account["roles"]:
            targets = [(PROJECT, made[name])]
            if role == "admin":
                targets += [(DOMAIN, domain[0]), (SYSTEM, ALL)]
            for target in targets:
                assign(tx, user["uuid"], ids[role], *target)
    return True
