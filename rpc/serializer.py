"""How values and the request context look on the wire (spec 4.1)."""

from __future__ import annotations

from typing import Any

import msgspec
import oslo_messaging

from novasim.context import RequestContext
from novasim.objects import Instance, Migration

NAMESPACE = "novasim"
OBJECTS: dict[str, type[msgspec.Struct]] = {"Instance": Instance, "Migration": Migration}
OBJECT_VERSION = "1.0"


def to_primitive(value: Any) -> Any:
    """Plain dicts, lists and ISO times; what peers that know no objects are sent."""
    return msgspec.to_builtins(value)


def from_primitive(value: Any, kind: type[msgspec.Struct]) -> Any:
    """A typed value from a plain dict or from the value itself."""
    return value if isinstance(value, kind) else msgspec.convert(value, kind, strict=False)


class ObjectSerializer(oslo_messaging.Serializer):
    """Instance and Migration as named objects; every other struct as a plain dict; the context as a dict."""

    def serialize_entity(self, ctxt: Any, entity: Any) -> Any:
        if isinstance(entity, list | tuple):
            return [self.serialize_entity(ctxt, item) for item in entity]
        name = type(entity).__name__
        if OBJECTS.get(name) is type(entity):
            return {"nova_object.name": name, "nova_object.namespace": NAMESPACE,
                    "nova_object.version": OBJECT_VERSION, "nova_object.data": to_primitive(entity)}
        return to_primitive(entity)

    def deserialize_entity(self, ctxt: Any, entity: Any) -> Any:
        if isinstance(entity, list):
            return [self.deserialize_entity(ctxt, item) for item in entity]
        if isinstance(entity, dict) and entity.get("nova_object.name") in OBJECTS:
            return from_primitive(entity["nova_object.data"], OBJECTS[entity["nova_object.name"]])
        return entity

    def serialize_context(self, ctxt: RequestContext) -> dict[str, Any]:
        return ctxt.to_dict()

    def deserialize_context(self, ctxt: dict[str, Any]) -> RequestContext:
        return RequestContext.from_dict(ctxt)
