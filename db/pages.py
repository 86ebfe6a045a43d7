"""Pages of a list in any order: what comes behind the marker is a comparison, so page 1,000 costs what page 1 does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, or_
from sqlalchemy.sql import ColumnElement

# (column, "asc" or "desc")
Order = Sequence[tuple[Any, str]]
# What every row has, though the schema would let it be absent.
_NEVER_NULL = ("created_at", "id")


def ordered(statement: Select[Any], order: Order, dialect: str) -> Select[Any]:
    """In this order, with NULL as the lowest value in every database."""
    for column, direction in order:
        if dialect == "postgresql" and column.nullable:
            statement = statement.order_by(column.asc().nulls_first() if direction == "asc"
                                           else column.desc().nulls_last())
        else:
            statement = statement.order_by(column.asc() if direction == "asc" else column.desc())
    return statement


def after(statement: Select[Any], marker: Any, order: Order) -> Select[Any]:
    """The rows behind a marker.

    :param marker: the row of the marker, with all columns of ``order``; the last of them is unique
    """
    alternatives: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for column, direction in order:
        value = marker._mapping[column.name]
        beyond = _beyond(column, value, direction)
        if beyond is not None:
            alternatives.append(and_(*same, beyond))
        same.append(column.is_(None) if value is None else column == value)
    return statement.where(*_from(marker, *order[0]), or_(*alternatives))


def _from(marker: Any, column: Any, direction: str) -> list[ColumnElement[bool]]:
    """The same once more of the first column alone, where that is a range: no database sees one in alternatives, and
    each would read all rows before the marker."""
    if column.name not in _NEVER_NULL:
        return []
    bound = bindparam(None, marker._mapping[column.name], type_=column.type, unique=True)
    return [column >= bound if direction == "asc" else column <= bound]


def _beyond(column: Any, value: Any, direction: str) -> ColumnElement[bool] | None:
    """Values that come later than the marker's. NULL sorts low in SQLite and MariaDB; PostgreSQL is told so too."""
    if value is None:
        return column.is_not(None) if direction == "asc" else None
    # Bound by hand: SQLAlchemy compares a column with a bare True or False for equality only.
    bound = bindparam(None, value, type_=column.type, unique=True)
    if direction == "asc":
        return column > bound
    return column < bound if column.name in _NEVER_NULL else or_(column < bound, column.is_(None))
