"""Key pairs: each user's own, by name. Of a private key nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oslo_db import exception as db_exception
from sqlalchemy import bindparam, func, select
from sqlalchemy import update as sql_update

from novasim import exceptions, quota
from novasim.db import models, quotas
from novasim.db.engine import Transaction

_T = models.key_pairs.c
_OWN = (_T.user_id == bindparam("b_user"), _T.name == bindparam("b_name"), _T.deleted == 0)
_GET = select(models.key_pairs).where(*_OWN)
_DELETE = sql_update(models.key_pairs).where(*_OWN).values(deleted=_T.id, deleted_at=bindparam("b_now"))
_COUNT = select(func.count()).where(_T.user_id == bindparam("b_user"), _T.deleted == 0)


def create(tx: Transaction, values: Mapping[str, str], project_id: str | None, defaults: Mapping[str, int]) -> None:
    """Insert a key pair.

    :param values: by column: ``user_id``, ``name``, ``type``, ``fingerprint``, ``public_key``
    :param project_id: whose limits hold
    :param defaults: quota limits of the configuration
    :raises OverQuota: when the user has as many as allowed
    :raises Conflict: when the user has one of this name
    """
    user_id = values["user_id"]
    quotas.hold(tx, project_id, user_id)
    most = quotas.limits(tx, project_id, defaults, user_id)["key_pairs"]
    if most != quota.UNLIMITED and tx.execute(_COUNT, {"b_user": user_id}).scalar_one() >= most:
        raise exceptions.OverQuota("Quota exceeded, too many key pairs.")
    try:
        tx.insert_one(models.key_pairs, {**values, "created_at": tx.now, "deleted": 0})
    except db_exception.DBDuplicateEntry as error:
        raise exceptions.Conflict(f"Key pair '{values['name']}' already exists.") from error


def _not_found(user_id: str | None, name: str) -> exceptions.NotFound:
    return exceptions.NotFound(f"Keypair {name} not found for user {user_id}")


def get(tx: Transaction, user_id: str | None, name: str) -> Any:
    """The row of a user's key pair.

    :raises NotFound: when there is none
    """
    row = tx.execute(_GET, {"b_user": user_id, "b_name": name}).one_or_none()
    if row is None:
        raise _not_found(user_id, name)
    return row


def list_page(tx: Transaction, user_id: str | None, limit: int, marker: str | None = None) -> list[Any]:
    """The rows of a user's key pairs, by name.

    :param marker: the name of the last one of the page before
    :raises Invalid: when the marker is unknown
    """
    statement = select(models.key_pairs).where(_T.user_id == user_id, _T.deleted == 0).order_by(_T.name).limit(limit)
    if marker is not None:
        if tx.execute(_GET, {"b_user": user_id, "b_name": marker}).first() is None:
            raise exceptions.Invalid(f"marker [{marker}] not found")
        statement = statement.where(_T.name > marker)
    return list(tx.execute(statement))


def delete(tx: Transaction, user_id: str | None, name: str) -> None:
    """Delete a key pair softly; servers that were made with it keep its name.

    :raises NotFound: when there is none
    """
    if not tx.execute(_DELETE, {"b_user": user_id, "b_name": name, "b_now": tx.now}).rowcount:
        raise _not_found(user_id, name)
