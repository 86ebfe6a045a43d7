"""How an extra spec of a flavor is compared with what a host says (spec 7.6).

The first word of a spec may be an operator; without one the two texts must be the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

Test = Callable[[str, Sequence[str]], bool]


def _numbers(compare: Callable[[float, float], bool]) -> Test:
    def test(value: str, words: Sequence[str]) -> bool:
        try:
            return compare(float(value), float(words[0]))
        except (ValueError, IndexError):
            return False        # what is no number is neither more nor less than one
    return test


def _texts(compare: Callable[[str, str], bool]) -> Test:
    return lambda value, words: bool(words) and compare(value, words[0])


def _any_of(value: str, words: Sequence[str]) -> bool:
    """Of ``a <or> b``: every second word is the operator."""
    return value in words[::2]


OPERATORS: dict[str, Test] = {
    "=": _numbers(operator.ge), "==": _numbers(operator.eq), "!=": _numbers(operator.ne),
    ">=": _numbers(operator.ge), "<=": _numbers(operator.le),
    "s==": _texts(operator.eq), "s!=": _texts(operator.ne), "s<": _texts(operator.lt), "s<=": _texts(operator.le),
    "s>": _texts(operator.gt), "s>=": _texts(operator.ge),
    "<in>": _texts(lambda value, word: word in value),
    "<or>": _any_of,
    "<all-in>": lambda value, words: bool(words) and all(word in value for word in words),
}


def match(value: str, spec: str) -> bool:
    """Whether what a host says fits what a flavor wants."""
    words = spec.split()
    if not words or words[0] not in OPERATORS:
        return value == spec
    return OPERATORS[words[0]](value, words[1:])
