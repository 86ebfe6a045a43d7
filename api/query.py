"""Query strings: each list declares its parameters once, with how to read a value and since when it exists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple
from urllib.parse import urlencode

from oslo_utils import timeutils

from novasim import exceptions
from novasim.api import schemas
from novasim.api.wsgi import Request


class Parameter(NamedTuple):
    """``parse`` raises ValueError for a bad value; ``many`` collects all values of a name."""
    parse: Callable[[str], Any] = str
    since: int = 1
    many: bool = False


def whole(text: str) -> int:
    """A number that a column can hold."""
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} does not match '^[0-9]*$'")
    if len(text) > 10 or int(text) > 0x7FFFFFFF:
        raise ValueError(f"{text} is greater than the maximum of {0x7FFFFFFF}")
    return int(text)


def is_whole(text: str) -> bool:
    """Whether a text is a number that a column can hold; an id that is none belongs to nothing."""
    try:
        whole(text)
    except ValueError:
        return False
    return True


def boolean(text: str) -> bool:
    if text.lower() not in {str(value).lower() for value in schemas.BOOLEAN["enum"]}:
        raise ValueError(f"{text!r} is not a boolean")
    return schemas.true(text)


def moment(text: str) -> datetime:
    """An ISO 8601 time, as naive UTC."""
    try:
        return timeutils.normalize_time(timeutils.parse_isotime(text))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a 'date-time'") from error


def direction(text: str) -> str:
    if text not in ("asc", "desc"):
        raise ValueError(f"{text!r} is not one of ['asc', 'desc']")
    return text


def regular_expression(text: str) -> str:
    """One that the database can be asked with: of modest length, and with no way to take for ever."""
    try:
        parsed = parser.parse(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from error
    if len(text) > 255 or _is_explosive(parsed):
        raise ValueError(f"{text!r} is too long, or repeats what itself repeats or branches")
    return text


def _is_explosive(pattern: Any, repeated: bool = False) -> bool:
    """Whether matching may take exponential time: a repetition or a choice inside of a repetition."""
    for operation, value in pattern:
        name = str(operation)
        repeats = name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and value[1] > 1
        if repeated and (repeats or name == "BRANCH"):
            return True
        inner = list(value) if isinstance(value, tuple | list) else [value]
        inner += [branch for part in inner if isinstance(part, list) for branch in part]
        if any(_is_explosive(part, repeated or repeats) for part in inner if isinstance(part, parser.SubPattern)):
            return True
    return False


PAGING = {"limit": Parameter(whole), "marker": Parameter()}


def read(request: Request, parameters: Mapping[str, Parameter], strict_since: int | None = None) -> dict[str, Any]:
    """The values of the parameters that the request's query has. Others are ignored.

    :param strict_since: the version from which an unknown parameter is an error
    :raises ValidationError: naming the parameter
    """
    found: dict[str, Any] = {}
    for name, text in request.query:
        parameter = parameters.get(name)
        if parameter is None or request.version < parameter.since:
            if strict_since is not None and request.version >= strict_since:
                raise exceptions.ValidationError(
                    detail=f"Additional properties are not allowed ({name!r} was unexpected)")
            continue
        try:
            value = parameter.parse(text)
        except ValueError as error:
            raise exceptions.ValidationError(
                detail=f"Invalid input for query parameters {name}. Value: {text}. {error}") from error
        if parameter.many:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def page_size(request: Request, asked: int | None) -> int:
    """How many items a page has: what was asked for, which may be none, at most ``[api] max_limit``."""
    most: int = request.api.conf.api.max_limit
    return most if asked is None else min(asked, most)


def next_link(request: Request, path: str, marker: Any) -> list[dict[str, str]]:
    """The link to the page behind ``marker``."""
    pairs = [(name, value) for name, value in request.query if name != "marker"] + [("marker", str(marker))]
    return [{"rel": "next", "href": f"{request.prefix}{path}?{urlencode(pairs)}"}]


def check_changes(values: Mapping[str, Any]) -> None:
    """See that a span of changes begins before it ends.

    :raises Invalid: when it does not
    """
    since, before = values.get("changes-since"), values.get("changes-before")
    if since is not None and before is not None and since > before:
        raise exceptions.Invalid("The value of changes-since must be less than or equal to changes-before.")
