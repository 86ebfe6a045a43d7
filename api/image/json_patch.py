"""Changes of an image as clients send them: a list of operations, each on one attribute or property."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from novasim import exceptions
from novasim.api.image import schemas
from novasim.api.schemas import Schema, closed

# The one that clients send, and the one that RFC 6902 has registered.
MEDIA_TYPES = ("application/openstack-images-v2.1-json-patch", "application/json-patch+json")
_PATH = {"type": "string", "pattern": "^/"}
BODY = Schema({"type": "array", "items": {"oneOf": [
    closed({"op": {"enum": ["add", "replace"]}, "path": _PATH, "value": {}}, "op", "path", "value"),
    {"type": "object", "properties": {"op": {"enum": ["remove"]}, "path": _PATH}, "required": ["op", "path"]}]}})


class Operation(NamedTuple):
    """One change: ``op`` is add, replace or remove."""
    op: str
    name: str
    value: Any


def read(body: Any) -> list[Operation]:
    """The operations of a body.

    :raises ValidationError: 400
    """
    BODY.check(body)
    return [Operation(item["op"], _name(item["path"]), item.get("value")) for item in body]


def _name(path: str) -> str:
    """The one name that a JSON pointer leads to."""
    name = path[1:].replace("~1", "\0").replace("~0", "~")
    if "/" in name or not name:
        raise exceptions.ValidationError(
            detail=f"Invalid input for field/attribute path. Value: {path}. It must name one attribute or property.")
    return name.replace("\0", "/")


def apply(document: dict[str, Any], operations: Iterable[Operation]) -> dict[str, Any]:
    """A document with the changes made.

    :param document: writable attributes and properties
    :raises Forbidden: for an attribute that nobody may write or remove
    :raises Conflict: when what should be replaced or removed is not there
    """
    document = dict(document)
    for operation, name, value in operations:
        if name in schemas.IMAGE and (name not in schemas.WRITABLE or name == "id"):
            raise exceptions.Forbidden(f"Attribute '{name}' is read-only.")
        if operation != "add" and name not in document:
            raise exceptions.Conflict(f"Property {name} does not exist.")
        if operation != "remove":
            document[name] = value
        elif name in schemas.IMAGE:
            raise exceptions.Forbidden(f"Property {name} may not be removed.")
        else:
            del document[name]
    return document
