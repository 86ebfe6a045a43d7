"""The version documents, which clients read without a token before anything else (spec 3.12, clients.md 3)."""

from __future__ import annotations

from typing import Any

import webob

from novasim.api import microversion
from novasim.api.answers import Shape, optional
from novasim.api.wsgi import HttpError, Response

PRESENT = "v2.1"
# The generation of 2014, and the name that was old then.
LEGACY = ("v2", "v1.1")
_UPDATED = {"v2.0": "2011-01-21T11:33:21Z", PRESENT: "2013-07-23T11:33:21Z"}
_LINKS = [{"rel": str, "href": str, "type": optional(str)}]
_MEDIA_TYPES = [{"base": str, "type": str}]
_ENTRY = {"id": str, "status": str, "version": str, "min_version": str, "updated": str, "links": _LINKS}
_IDENTITY = {"id": str, "status": str, "updated": str, "links": _LINKS, "media-types": _MEDIA_TYPES}
_LIST = {"versions": [{"id": str, "status": str, "links": _LINKS}]}
# The documents of all services, by path: status and shape.
DOCUMENTS: dict[str, dict[str, tuple[int, Shape]]] = {
    "compute": {"/": (200, {"versions": [_ENTRY]}),
                "/v2.1": (200, {"version": _ENTRY | {"media-types": _MEDIA_TYPES}})},
    "image": {"/image/": (300, _LIST), "/image/versions": (200, _LIST)}, "network": {"/network/": (200, _LIST)},
    "identity": {"/identity": (300, {"versions": {"values": [_IDENTITY]}}),
                 "/identity/v3": (200, {"version": _IDENTITY})}}


def root(path: str) -> str:
    """The first segment of a path: the version it is under, if it is under one."""
    return path[1:].partition("/")[0]


def _entry(wire: webob.Request, name: str, path: str = "/") -> dict[str, Any]:
    current = name == PRESENT
    return {"id": name, "status": "CURRENT" if current else "DEPRECATED",
            "version": f"2.{microversion.MAX}" if current else "",
            "min_version": f"2.{microversion.MIN}" if current else "", "updated": _UPDATED[name],
            "links": [{"rel": "self", "href": f"{wire.application_url}/{PRESENT if current else LEGACY[0]}{path}"}]}


def _media_types(name: str) -> list[dict[str, str]]:
    kinds, number = (("json",), "2.1") if name == PRESENT else (("json", "xml"), "2")
    return [{"base": f"application/{kind}", "type": f"application/vnd.openstack.compute+{kind};version={number}"}
            for kind in kinds]


def _single(wire: webob.Request, name: str) -> dict[str, Any]:
    entry = _entry(wire, name)
    described = [{"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}]
    if name == PRESENT:
        described.append({"rel": "describedby", "type": "application/json",
                          "href": f"{wire.application_url}/openapi.json"})
    return {"version": entry | {"links": [*entry["links"], *described], "media-types": _media_types(name)}}


def _choice(wire: webob.Request, name: str) -> dict[str, Any]:
    entry = _entry(wire, name, wire.path_info)
    return {key: entry[key] for key in ("id", "status", "links")} | {"media-types": _media_types(name)}


def only_read(wire: webob.Request, *methods: str) -> None:
    """See that a document is read, and no more.

    :param methods: which may be beside GET
    :raises HttpError: 405
    """
    if wire.method not in ("GET", *methods):
        raise HttpError(405, f"The method {wire.method} is not allowed for this resource.",
                        {"Allow": ", ".join(["GET", *methods])})


def document(wire: webob.Request) -> Response | None:
    """The document that answers a request: of one version, of all, or, for a path under none of them, where it could
    have meant to go; None for a request that a version serves."""
    under = root(wire.path_info)
    if under in (PRESENT, *LEGACY):
        if wire.path_info.strip("/") != under:
            return None
        only_read(wire)
        return Response(200, _single(wire, PRESENT if under == PRESENT else "v2.0"))
    if wire.path_info in ("", "/"):
        only_read(wire)
        return Response(200, {"versions": [_entry(wire, name) for name in _UPDATED]})
    return Response(300, {"choices": [_choice(wire, name) for name in _UPDATED]})
