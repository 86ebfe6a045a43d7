"""Taking an image out of use for a while, and back: nothing can be made from one that is deactivated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api.answers import answers
from novasim.api.image.images import change
from novasim.api.wsgi import Request, Response
from novasim.db import images

if TYPE_CHECKING:
    from novasim.api.app import Api

_RESTING = (images.ACTIVE, images.DEACTIVATED)


def _set(request: Request, image_id: str, verb: str, status: str) -> Response:
    def wanted(image: dict[str, Any]) -> dict[str, Any]:
        if image["status"] not in _RESTING:
            raise exceptions.Forbidden(f"Not allowed to {verb} image in status '{image['status']}'")
        return {"status": status}

    change(request, image_id, wanted)
    return Response(204)


@answers(None, 204, about="Take an image out of use")
def deactivate(api: Api, request: Request, image_id: str) -> Response:
    return _set(request, image_id, "deactivate", images.DEACTIVATED)


@answers(None, 204, about="Bring an image back into use")
def reactivate(api: Api, request: Request, image_id: str) -> Response:
    return _set(request, image_id, "reactivate", images.ACTIVE)
