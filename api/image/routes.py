"""The Image API as one table, and its version document."""

from __future__ import annotations

from typing import Any

import webob

from novasim.api import routes, versions
from novasim.api.image import actions, image_data, images, members, schemas, tags
from novasim.api.microversion import Handler
from novasim.api.wsgi import Response

ROUTES: dict[str, dict[str, Handler]] = {
    "/v2/images": {"GET": images.index, "POST": images.create},
    "/v2/images/{image_id}": {"GET": images.show, "PATCH": images.update, "DELETE": images.delete},
    "/v2/images/{image_id}/file": {"GET": image_data.download, "PUT": image_data.upload},
    "/v2/images/{image_id}/actions/deactivate": {"POST": actions.deactivate},
    "/v2/images/{image_id}/actions/reactivate": {"POST": actions.reactivate},
    "/v2/images/{image_id}/members": {"GET": members.index, "POST": members.create},
    "/v2/images/{image_id}/members/{member_id}": {
        "GET": members.show, "PUT": members.update, "DELETE": members.delete},
    "/v2/images/{image_id}/tasks": {"GET": images.tasks},
    "/v2/images/{image_id}/tags/{tag}": {"PUT": tags.add, "DELETE": tags.remove},
    "/v2/info/import": {"GET": schemas.import_methods},
    "/v2/schemas/{name}": {"GET": schemas.show},
}
TREE: dict[str, Any] = routes.tree(ROUTES)
_VERSIONS = ("v2.9", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0")


def document(wire: webob.Request) -> Response | None:
    """The list of versions, which needs no token."""
    if wire.path_info.strip("/") not in ("", "versions"):
        return None
    versions.only_read(wire)
    links = [{"rel": "self", "href": f"{wire.application_url}/v2/"}]
    return Response(300 if wire.path_info.strip("/") == "" else 200, {"versions": [
        {"id": name, "status": "CURRENT" if name == _VERSIONS[0] else "SUPPORTED", "links": links}
        for name in _VERSIONS]})
