"""The version documents, which clients read without a token before anything else (clients.md 3)."""

from __future__ import annotations

from typing import Any

import webob

from novasim.api import microversion
from novasim.api.wsgi import Response

UPDATED = {"v2.0": "2011-01-21T11:33:21Z", "v2.1": "2013-07-23T11:33:21Z"}


def _entry(root: str, name: str) -> dict[str, Any]:
    current = name == "v2.1"
    path = "v2.1" if current else "v2"
    return {"id": name, "status": "CURRENT" if current else "DEPRECATED",
            "version": f"2.{microversion.MAX}" if current else "",
            "min_version": f"2.{microversion.MIN}" if current else "", "updated": UPDATED[name],
            "links": [{"rel": "self", "href": f"{root}/{path}/"}]}


def _single(root: str, name: str) -> dict[str, Any]:
    entry = _entry(root, name)
    described = {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}
    media = "application/vnd.openstack.compute+json;version=" + ("2.1" if name == "v2.1" else "2")
    return {"version": entry | {"links": [*entry["links"], described],
                                "media-types": [{"base": "application/json", "type": media}]}}


def document(wire: webob.Request) -> Response | None:
    """The document of a request for one; None for any other request."""
    path, root = wire.path_info.rstrip("/"), wire.application_url
    if path not in ("", "/v2", "/v2.1"):
        return None
    if wire.method != "GET":
        return None
    if path:
        return Response(200, _single(root, "v2.1" if path == "/v2.1" else "v2.0"))
    return Response(200, {"versions": [_entry(root, "v2.0"), _entry(root, "v2.1")]})
