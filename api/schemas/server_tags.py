"""Tags of servers: what one may be, in a body and in a URL."""

from __future__ import annotations

from typing import Any

from novasim import exceptions
from novasim.api.schemas import Schema, closed

MOST_TAGS, LONGEST_TAG = 50, 60
TAG = {"type": "string", "minLength": 1, "maxLength": LONGEST_TAG, "pattern": "^[^,/]*$"}
TAGS: dict[str, Any] = {"type": "array", "maxItems": MOST_TAGS, "items": TAG}
UPDATE_ALL = Schema(closed({"tags": TAGS}, "tags"))
_ONE = Schema(TAG)


def check_tag(tag: str) -> None:
    """
    :raises Invalid: for a tag of a URL that is none
    """
    if len(tag) > LONGEST_TAG:
        raise exceptions.Invalid(f"Tag '{tag}' is too long. Maximum length of a tag is {LONGEST_TAG}")
    try:
        _ONE.check(tag)
    except exceptions.ValidationError as error:
        raise exceptions.Invalid(f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and "
                                 f"','. Validation error message: {error.text}") from error
