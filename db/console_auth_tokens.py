"""Tokens that open a console of a server for a while. Only a digest of each is kept; those that have expired go."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select

from novasim.db import models
from novasim.db.engine import Transaction

_T = models.console_auth_tokens.c
_I = models.instances.c


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def create(tx: Transaction, token: str, console_type: str, instance_uuid: str, compute_host: str, host: str, port: int,
           lifetime: timedelta) -> None:
    """Keep a token.

    :param compute_host: the host that the server is on: once it has left, the token opens nothing
    :param host, port: where the console is
    """
    tx.execute(delete(models.console_auth_tokens).where(_T.expires_at <= tx.now))
    tx.execute(insert(models.console_auth_tokens).values(
        token_hash=_digest(token), console_type=console_type, instance_uuid=instance_uuid, compute_host=compute_host,
        host=host, port=port, expires_at=tx.now + lifetime, created_at=tx.now))


def find(tx: Transaction, token: str) -> Any:
    """The row of a token that opens something, or None."""
    return tx.execute(select(models.console_auth_tokens).join(
        models.instances, (_I.uuid == _T.instance_uuid) & (_I.host == _T.compute_host) & (_I.deleted == 0)).where(
        _T.token_hash == _digest(token), _T.expires_at > tx.now)).one_or_none()
