"""Which version of the API a request speaks (spec 3.12). The major is always 2; a version here is its minor number."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from novasim import exceptions

MIN, MAX = 1, 104
HEADER, OLD_HEADER = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"
# With more digits than Python reads at once it is no version either.
_FORM = re.compile(r"([1-9]\d{0,99})\.([1-9]\d{0,99}|0)", re.ASCII)

Handler = Callable[..., Any]


class Ranged(NamedTuple):
    """A handler that exists in some versions only."""
    handler: Handler
    since: int = MIN
    until: int = MAX


def since(minor: int, handler: Handler) -> Ranged:
    return Ranged(handler, since=minor)


def until(minor: int, handler: Handler) -> Ranged:
    return Ranged(handler, until=minor)


def asked_for(headers: Mapping[str, str]) -> str:
    """The version text of a request's headers; "2.1" without one. The newer header wins."""
    for part in headers.get(HEADER, "").split(","):
        service, _, text = part.strip().partition(" ")
        if service.lower() == "compute" and text:
            return text.strip()
    return headers.get(OLD_HEADER, "").strip() or f"2.{MIN}"


def negotiate(text: str) -> int:
    """The minor version for a header's text.

    :raises InvalidAPIVersionString: when it is no N.M
    :raises InvalidGlobalAPIVersion: when it is out of range
    """
    if text == "latest":
        return MAX
    form = _FORM.fullmatch(text)
    if form is None:
        raise exceptions.InvalidAPIVersionString(version=text)
    major, minor = int(form[1]), int(form[2])
    if major != 2 or not MIN <= minor <= MAX:
        raise exceptions.InvalidGlobalAPIVersion(req_ver=text, min_ver=f"2.{MIN}", max_ver=f"2.{MAX}")
    return minor
