"""Rows of keys and values as one JSON column of their owner's statement: a server is read whole in one round trip."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Label, String, Table, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

_DECODE = msgspec.json.Decoder(dict[str, str | None]).decode
_NAMES = {"sqlite": "json_group_object", "mysql": "JSON_OBJECTAGG", "mariadb": "JSON_OBJECTAGG"}


class _Pairs(FunctionElement[str]):
    type = String()
    inherit_cache = True


@compiles(_Pairs)
def _compile(element: _Pairs, compiler: Any, **kwargs: Any) -> str:
    return f"{_NAMES[compiler.dialect.name]}({compiler.process(element.clauses, **kwargs)})"


@compiles(_Pairs, "postgresql")
def _compile_postgresql(element: _Pairs, compiler: Any, **kwargs: Any) -> str:
    # As text: psycopg2 would decode JSON by itself, more slowly.
    return f"CAST(json_object_agg({compiler.process(element.clauses, **kwargs)}) AS TEXT)"


def column(name: str, table: Table, owner: ColumnElement[bool]) -> Label[str]:
    """A column with the living pairs of ``table``, for :func:`read`.

    :param owner: the condition that ties the table's rows to the row of the statement
    """
    return select(_Pairs(table.c.key, table.c.value)).where(owner, table.c.deleted == 0).scalar_subquery().label(name)


def read(text: str | None) -> dict[str, Any]:
    """What such a column says: keys and values."""
    return _DECODE(text) if text else {}
