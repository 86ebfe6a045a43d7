"""JSON or XML: what a request of 2014 is in, and what it asks its answer to be in (spec 3.1)."""

from __future__ import annotations

import webob

from novasim.api import wsgi
from novasim.api.legacy import markup

JSON, XML = "application/json", "application/xml"
_TYPES = {JSON: JSON, "application/vnd.openstack.compute+json": JSON,
          XML: XML, "application/vnd.openstack.compute+xml": XML}
# As the version document advertises them.
_OFFERS = _TYPES | {f"{name};version=2": media for name, media in _TYPES.items() if "+" in name}
_SUFFIXES = {"json": JSON, "xml": XML}


def split_suffix(path: str) -> tuple[str, str | None]:
    """A path without the ``.json`` or ``.xml`` it may end with, and the media type that this asks for."""
    stem, dot, suffix = path.rpartition(".")
    if dot and suffix in _SUFFIXES and not stem.endswith("/"):
        return stem, _SUFFIXES[suffix]
    return path, None


def accepted(wire: webob.Request) -> str | None:
    """The media type that the header Accept likes best; None when it likes neither."""
    if not wire.headers.get("Accept"):
        return JSON
    best = wire.accept.acceptable_offers(list(_OFFERS))
    return _OFFERS[best[0][0]] if best else None


def sent(wire: webob.Request) -> str:
    """The media type of a request's body; JSON when it does not say.

    :raises HttpError: 400 for any other
    """
    if wire.content_type and wire.content_type not in _TYPES:
        raise wsgi.HttpError(400, "Unsupported Content-Type")
    return _TYPES[wire.content_type or JSON]


def to_wire(response: wsgi.Response, media: str, request_id: str) -> webob.Response:
    """Bytes and headers for a response."""
    wire = wsgi.to_wire(response, None, request_id)
    if media == XML and response.body is not None:
        wire.content_type = XML
        wire.body = markup.dumps(response.body)
    return wire
