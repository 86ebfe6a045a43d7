"""A condition in the hint ``query``: nested lists such as ``["and", [">=", "$free_ram_mb", 1024], ...]`` (spec 7.5).

It asks for anything a host has, so it looks at one host at a time.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from typing import Any

from novasim.scheduler.host_state import HostState
from novasim.scheduler.request import Request

Operator = Callable[[list[Any]], Any]


def _to_first(compare: Callable[[Any, Any], bool]) -> Operator:
    """The first argument compared with each other one; without another one it is not fulfilled."""
    def test(arguments: list[Any]) -> bool:
        first, *others = arguments or [None]
        try:
            return bool(others) and all(compare(first, other) for other in others)
        except TypeError:
            return False        # a text is neither more nor less than a number
    return test


OPERATORS: dict[str, Operator] = {
    "=": _to_first(operator.eq), "<": _to_first(operator.lt), ">": _to_first(operator.gt),
    "<=": _to_first(operator.le), ">=": _to_first(operator.ge),
    "in": lambda arguments: len(arguments) > 1 and arguments[0] in arguments[1:],
    # A list, as the original has it: within another condition it counts as fulfilled, whatever it holds.
    "not": lambda arguments: [not argument for argument in arguments],
    "or": any, "and": all,
}


class JsonFilter:
    name = "JsonFilter"

    def applies(self, spec: Request) -> bool:
        """Without the hint every host passes."""
        return bool(spec.hinted("query"))

    def host_passes(self, host_state: HostState, spec: Request) -> bool:
        try:
            result = _evaluate(json.loads(spec.hinted("query")[0]), host_state)
        except (ValueError, KeyError, TypeError):
            return False        # nobody fulfils what is no condition
        return any(result) if isinstance(result, list) else bool(result)

    def reason(self, host_state: HostState, spec: Request) -> str:
        return f"does not fulfil {spec.hinted('query')[0]}"


def _evaluate(query: Any, host: HostState) -> Any:
    """The value of a condition; an argument that hosts do not have is left out."""
    if not query:
        return True
    name, *arguments = query
    values = [_evaluate(one, host) if isinstance(one, list) else _value(one, host) for one in arguments]
    return OPERATORS[name]([value for value in values if value is not None])


def _value(argument: Any, host: HostState) -> Any:
    if argument == "":
        return None
    if not isinstance(argument, str) or not argument.startswith("$"):
        return argument
    name, *path = argument[1:].split(".")
    value = None if name.startswith("_") else getattr(host, name, None)
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
