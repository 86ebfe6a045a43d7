"""What request bodies must look like: JSON schemas, one file a noun, compiled once, chosen by microversion.

The texts of refusals are those clients know (spec 3.1), whatever the installed jsonschema says today.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Iterator
from typing import Any

import jsonschema
from jsonschema import exceptions as schema_errors
from jsonschema import validators

from novasim import exceptions

_FORMATS = jsonschema.FormatChecker(formats=())
DIGITS = re.compile(r"-?[0-9]+", re.ASCII)
# Digits of a number that is still looked at; the largest that a column holds has ten.
LONGEST_NUMBER = 18


@_FORMATS.checks("uuid")
def _is_uuid(value: object) -> bool:
    try:
        return not isinstance(value, str) or str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


@_FORMATS.checks("ipv4")
def _is_ipv4(value: object) -> bool:
    return not isinstance(value, str) or _is_address(value, 4)


@_FORMATS.checks("ipv6")
def _is_ipv6(value: object) -> bool:
    return not isinstance(value, str) or _is_address(value, 6)


def _is_address(value: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(value).version == version
    except ValueError:
        return False


@_FORMATS.checks("base64")
def _is_base64(value: object) -> bool:
    try:
        return not isinstance(value, str) or bool(base64.b64decode(re.sub(r"\s", "", value), validate=True) or True)
    except (binascii.Error, ValueError):
        return False


@_FORMATS.checks("name")
def _is_name(value: object) -> bool:
    """Printable, with no blanks around it."""
    return not isinstance(value, str) or (value.isprintable() and value == value.strip())


def _min_length(_validator: Any, least: int, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(value, str) and len(value) < least:
        yield jsonschema.ValidationError(f"{value!r} is too short")


def _number(value: Any) -> int | float | None:
    """A number, or one written in digits; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and DIGITS.fullmatch(value):
        return int(value) if len(value) <= LONGEST_NUMBER else float("-inf" if value[0] == "-" else "inf")
    return None


def _minimum(_validator: Any, least: Any, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    number = _number(value)
    if number is not None and number < least:
        yield jsonschema.ValidationError(f"{value} is less than the minimum of {least}")


def _maximum(_validator: Any, most: Any, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    number = _number(value)
    if number is not None and number > most:
        yield jsonschema.ValidationError(f"{value} is greater than the maximum of {most}")


# To Python the end of a text is also before the end of its last line: "1\n" would pass for digits, and no bound for it.
def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    for key in value if isinstance(value, dict) else ():
        if key.endswith("\n"):
            known = ", ".join(map(repr, sorted(patterns)))
            yield jsonschema.ValidationError(f"{key!r} does not match any of the regexes: {known}")
    yield from jsonschema.Draft202012Validator.VALIDATORS["patternProperties"](validator, patterns, value, schema)


# 5.0 is a number with a fraction, to whoever counts with it.
_TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _checker, value: isinstance(value, int) and not isinstance(value, bool))
# Bounds hold for numbers that are sent as text, too.
_Checker = validators.extend(jsonschema.Draft202012Validator, {
    "minLength": _min_length, "minimum": _minimum, "maximum": _maximum, "pattern": _pattern,
    "patternProperties": _pattern_properties}, type_checker=_TYPES)


def _text(error: jsonschema.ValidationError) -> str:
    message = error.message
    if error.validator == "format":
        message = f"{error.instance!r} is not a {error.validator_value!r}"
    if not error.absolute_path:
        return message
    return f"Invalid input for field/attribute {_field(error)}. Value: {error.instance}. {message}"


def _field(error: jsonschema.ValidationError) -> str:
    """The innermost name on the way to a value, with its place where that is in a list."""
    path = error.absolute_path
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    return f"{name}[{path[-1]}]" if isinstance(path[-1], int) else name


def _discreet_text(error: jsonschema.ValidationError) -> str:
    """What is wrong where, without what was sent there."""
    if error.validator in ("required", "additionalProperties"):
        return error.message
    wanted = "" if error.validator == "anyOf" else f" {error.validator_value!r}"
    return f"Invalid input for field/attribute {_field(error)}. It does not fit: {error.validator}{wanted}"


class Schema:
    """The schema of one body. That it is one itself, a test sees to: at each start it would take a quarter of a
    second.

    :param secret: the body may hold passwords, so what is wrong is told without repeating it
    """

    def __init__(self, schema: dict[str, Any], secret: bool = False):
        self.schema = schema
        self._tell = _discreet_text if secret else _text
        self._checker = _Checker(schema, format_checker=_FORMATS)

    def check(self, body: Any) -> None:
        """See that a body fits.

        :raises ValidationError: naming the field
        """
        error = schema_errors.best_match(self._checker.iter_errors(body))
        if error is not None:
            raise exceptions.ValidationError(detail=self._tell(error))


class Versions:
    """The schemas of a body by the microversion from which each is in force."""

    def __init__(self, *versions: tuple[int, dict[str, Any]]):
        self._versions = [(since, Schema(schema)) for since, schema in sorted(versions, key=lambda pair: pair[0])]

    @property
    def starts(self) -> list[int]:
        """The versions from which on it is another one."""
        return [since for since, _ in self._versions]

    def at(self, version: int) -> Schema:
        """The newest schema not above ``version``."""
        return [schema for since, schema in self._versions if since <= version][-1]

    def check(self, body: Any, version: int) -> None:
        """Like :meth:`Schema.check`, with the schema of ``version``."""
        self.at(version).check(body)


# Building blocks.

def closed(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False,
            **more}


def whole_number(least: int = 0, most: int = 0x7FFFFFFF) -> dict[str, Any]:
    """A whole number, as a number or as digits."""
    return {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": least, "maximum": most, "minLength": 1}


TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
BOOLEAN: dict[str, Any] = {"type": ["boolean", "string"],
           "enum": [True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t",
                    False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f"]}
NAME = {"type": "string", "minLength": 1, "maxLength": 255, "format": "name"}
DESCRIPTION = {"type": ["string", "null"], "minLength": 0, "maxLength": 255, "pattern": r"^[^\x00-\x08\x0b-\x1f]*$"}
METADATA = {"type": "object", "additionalProperties": False,
            "patternProperties": {r"^[a-zA-Z0-9\-_:. ]{1,255}$": {"type": "string", "maxLength": 255}}}
HOST = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9\-._@]*$"}
EMPTY: dict[str, Any] = {}


def true(value: Any) -> bool:
    """What a BOOLEAN says."""
    return str(value).lower() in TRUE
