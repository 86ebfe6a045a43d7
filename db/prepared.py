"""Statements that change rows, compiled once for a database: where each hop of a move has several, what SQLAlchemy does
anew at each execution (its look for the compiled form, the types of parameters, a result) is dearer than SQLite's work.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Dialect
from sqlalchemy.sql.dml import UpdateBase


class Prepared(NamedTuple):
    """The text of a statement, the values that are part of it, and the parameters in their order with what each goes
    through on its way to the driver."""
    text: str
    fixed: dict[str, Any]
    parameters: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    positional: bool

    def values(self, given: Mapping[str, Any]) -> Any:
        """What the driver is given."""
        known = {**self.fixed, **given}
        if self.positional:
            return tuple([known[name] if process is None else process(known[name])
                          for name, process in self.parameters])
        return {name: known[name] if process is None else process(known[name]) for name, process in self.parameters}


@functools.lru_cache(maxsize=1024)
def prepare(statement: UpdateBase, names: tuple[str, ...], dialect: Dialect) -> Prepared:
    """Compile a statement that lives on: it is known by what it is, not by what it says.

    :param names: of the parameters that will be given
    """
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    left_to_execution = (compiled.insert_prefetch, compiled.update_prefetch, compiled.post_compile_params,
                         compiled.literal_execute_params, compiled.escaped_bind_names)
    assert not any(left_to_execution), statement
    assert {name for bind, name in compiled.bind_names.items() if bind.required} <= set(names), names
    used = compiled.positiontup if compiled.positional else list(compiled.params)
    # A parameter that is used twice may have its type in one of the places only.
    processors = {name: process for bind, name in compiled.bind_names.items()
                  if (process := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None}
    fixed = {name: value for name, value in compiled.params.items() if name not in names}
    return Prepared(compiled.string, fixed, tuple((name, processors.get(name)) for name in used),
                    bool(compiled.positional))
