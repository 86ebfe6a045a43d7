"""What a request takes and what it is answered, said in a line above the function that plays it. The OpenAPI document
is made of these lines, and tests hold every answer that they get against them.

A shape is written in Python's own words: ``{"id": str}`` is an object with this key and no others, ``{...: int}`` one
with any keys, ``[int]`` a list, ``str | None`` what it says, a tuple any of its shapes. Of a whole answer None is no
body at all; a status whose shape some versions do not have is not given in those.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar, get_args

from novasim.api.microversion import MAX, MIN
from novasim.api.query import Parameter
from novasim.api.schemas import Schema, Versions

Shape = Any
Function = TypeVar("Function", bound=Callable[..., Any])
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}
# Nothing is like this.
ABSENT: dict[str, Any] = {"not": {}}


@dataclass(frozen=True)
class Part:
    """A shape that some versions have, or a key that some answers have."""
    shape: Shape
    since: int = MIN
    until: int = MAX
    optional: bool = False


@dataclass(frozen=True)
class Raw:
    """What is a JSON schema already."""
    schema: dict[str, Any]


def since(minor: int, shape: Shape) -> Part:
    return Part(shape, since=minor)


def until(minor: int, shape: Shape) -> Part:
    return Part(shape, until=minor)


def between(first: int, last: int, shape: Shape) -> Part:
    return Part(shape, first, last)


def optional(shape: Shape) -> Part:
    """Of a key that is not always there."""
    return replace(shape, optional=True) if isinstance(shape, Part) else Part(shape, optional=True)


LINK = {"rel": str, "href": str, "type": optional(str)}
LINKS = [LINK]
MAP = {...: str}


class Answers(NamedTuple):
    """What is known of a route.

    :ivar shapes: by the status of each success
    :ivar errors: statuses of refusals beside those that any route may give (api/openapi/operations.py)
    :ivar takes: the schemas of bodies, any of which it takes
    :ivar query: the parameters it reads
    :ivar strict: since which version others are refused
    :ivar media: what a body must say it is
    :ivar gives: what the answer's bodies are
    :ivar headers: what it reads besides
    :ivar about: what it does, where neither a docstring nor a rule says so
    """
    shapes: Mapping[int, Shape]
    errors: frozenset[int] = frozenset()
    takes: tuple[Schema | Versions, ...] = ()
    query: Mapping[str, Parameter] = {}
    strict: int | None = None
    media: tuple[str, ...] = ("application/json",)
    gives: str = "application/json"
    headers: tuple[str, ...] = ()
    about: str = ""


def answers(shape: Shape, status: int = 200, errors: Iterable[int] = (), takes: Any = (), **more: Any) -> Any:
    """Decorates a handler.

    :param shape: of its answer
    :param takes: the schema of its body, or a tuple of several
    :param more: other fields of :class:`Answers`; ``also`` maps further statuses to their shapes
    """
    said = Answers({status: shape} | more.pop("also", {}), frozenset(errors),
                   (takes,) if isinstance(takes, Schema | Versions) else tuple(takes), **more)
    return _note(said)


def _note(said: Answers) -> Callable[[Function], Function]:
    def note(function: Function) -> Function:
        function.answers = said  # type: ignore[attr-defined]
        return function
    return note


def refused(code: int, **more: Any) -> Any:
    """Decorates a handler that has no other answer than this refusal."""
    return _note(Answers({}, frozenset({code}), **more))


def of(handler: Callable[..., Any]) -> Answers | None:
    """What a handler says; None when it says nothing."""
    while not hasattr(handler, "answers") and hasattr(handler, "func"):
        handler = handler.func
    return getattr(handler, "answers", None)


def schema(shape: Shape, version: int = MAX) -> dict[str, Any] | None:
    """The JSON schema of an answer in a version; None for no body, ABSENT where the version has no such answer."""
    whole = [one for one in (shape if isinstance(shape, tuple) else (shape,)) if _schema(one, version) != ABSENT]
    empty = [one for one in whole if (one.shape if isinstance(one, Part) else one) is None]
    return None if empty else _schema(tuple(whole), version)


def _schema(shape: Shape, version: int) -> dict[str, Any]:
    if isinstance(shape, Part):
        return _schema(shape.shape, version) if shape.since <= version <= shape.until else ABSENT
    if isinstance(shape, Raw):
        return shape.schema
    if isinstance(shape, tuple):
        found = [made for one in shape if (made := _schema(one, version)) != ABSENT]
        return {"anyOf": found} if len(found) > 1 else found[0] if found else ABSENT
    if isinstance(shape, list):
        return {"type": "array", "items": _schema(shape[0], version)}
    if isinstance(shape, dict):
        return _object(shape, version)
    if isinstance(shape, types.UnionType):
        return {"type": [_TYPES[one] for one in get_args(shape)]}
    return {} if shape is Any else {"type": _TYPES[types.NoneType if shape is None else shape]}


def _object(shape: Mapping[Any, Shape], version: int) -> dict[str, Any]:
    keys = {key: made for key, part in shape.items()
            if key is not ... and (made := _schema(part, version)) != ABSENT}
    required = [key for key in keys if not _is_optional(shape[key], version)]
    return {"type": "object", "properties": keys, "required": required,
            "additionalProperties": _schema(shape[...], version) if ... in shape else False}


def _is_optional(shape: Shape, version: int) -> bool:
    parts = shape if isinstance(shape, tuple) else (shape,)
    return any(part.optional and part.since <= version <= part.until for part in parts if isinstance(part, Part))


def changes(shape: Shape) -> set[int]:
    """The versions from which on a shape is another one than before."""
    if isinstance(shape, Part):
        return {shape.since, *({shape.until + 1} if shape.until < MAX else ())} | changes(shape.shape)
    inner = shape.values() if isinstance(shape, dict) else shape if isinstance(shape, list | tuple) else ()
    return {version for one in inner for version in changes(one)}
