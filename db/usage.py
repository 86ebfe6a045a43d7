"""Which servers were there in a span of time, deleted ones too: what usage is summed up from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from novasim import exceptions
from novasim.db import models, pages
from novasim.db.engine import Transaction

_T = models.instances.c
_COLUMNS = (_T.uuid, _T.project_id, _T.display_name, _T.instance_type_id, _T.memory_mb, _T.vcpus, _T.root_gb,
            _T.ephemeral_gb, _T.vm_state, _T.launched_at, _T.terminated_at)
_ORDER = ((_T.project_id, "asc"), (_T.uuid, "asc"))


def active_by_window(tx: Transaction, begin: datetime, end: datetime, project_id: str | None, limit: int | None = None,
                     marker: str | None = None) -> Sequence[Any]:
    """Rows of the servers that ran for a while between two times, those of a project together.

    :param project_id: None: of all
    :param limit: None: any number
    :raises Invalid: when the marker is unknown
    """
    own = [] if project_id is None else [_T.project_id == project_id]
    statement = select(*_COLUMNS).where(
        *own, _T.launched_at < end, or_(_T.terminated_at.is_(None), _T.terminated_at > begin)).limit(limit)
    if marker is not None:
        row = tx.execute(select(_T.project_id, _T.uuid).where(_T.uuid == marker, *own)).one_or_none()
        if row is None:
            raise exceptions.Invalid(f"marker [{marker}] not found")
        statement = pages.after(statement, row, _ORDER)
    return tx.execute(pages.ordered(statement, _ORDER, tx.dialect)).all()
