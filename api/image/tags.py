"""Tags of an image, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from novasim import exceptions
from novasim.api.answers import answers
from novasim.api.image import images, schemas
from novasim.api.schemas import Schema
from novasim.api.wsgi import HttpError, Request, Response

if TYPE_CHECKING:
    from novasim.api.app import Api

_TAG = Schema(schemas.TAG)


@answers(None, 204, (413,), about="Tag an image")
def add(api: Api, request: Request, image_id: str, tag: str) -> Response:
    _TAG.check(tag)

    def wanted(image: dict[str, list[str]]) -> dict[str, list[str]]:
        tags = sorted({*image["tags"], tag})
        if len(tags) > schemas.MOST:
            raise HttpError(413, f"The limit has been exceeded on the number of allowed image tags. Attempted: "
                                 f"{len(tags)}, Maximum: {schemas.MOST}")
        return {"tags": tags}

    images.change(request, image_id, wanted)
    return Response(204)


@answers(None, 204, about="Take a tag from an image")
def remove(api: Api, request: Request, image_id: str, tag: str) -> Response:
    def wanted(image: dict[str, list[str]]) -> dict[str, list[str]]:
        if tag not in image["tags"]:
            raise exceptions.NotFound(f"Image {image_id} has no tag {tag}")
        return {"tags": [other for other in image["tags"] if other != tag]}

    images.change(request, image_id, wanted)
    return Response(204)
