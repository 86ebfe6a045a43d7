"""The projects that an image is shared with. Its owner adds and removes them; each says for itself whether it accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import images as rights
from novasim.api.answers import answers
from novasim.api.image import schemas, view
from novasim.api.wsgi import HttpError, Request, Response
from novasim.db import image_members, images
from novasim.db.engine import Transaction

if TYPE_CHECKING:
    from novasim.api.app import Api


def _missing(image_id: str, member_id: str) -> exceptions.NotFound:
    return exceptions.NotFound(f"{member_id} is not in the member list of image {image_id}.")


def _owns(request: Request, image: dict[str, Any]) -> bool:
    return request.context.is_admin or image["project_id"] == request.context.project_id


def _visible(request: Request, image_id: str) -> list[dict[str, Any]]:
    """The members that the caller may know of: the owner all, a member itself."""
    image = rights.find(request, image_id)
    if image["visibility"] != images.SHARED:
        raise exceptions.Forbidden("Only shared images have members.")
    member = None if _owns(request, image) else request.context.project_id
    return request.api.db.read(image_members.of_image, image_id, member)


@answers({"members": [view.MEMBER], "schema": str}, about="List the projects that an image is shared with")
def index(api: Api, request: Request, image_id: str) -> Any:
    return {"members": [view.member(row) for row in _visible(request, image_id)], "schema": "/v2/schemas/members"}


@answers(view.MEMBER, about="Show a member of an image")
def show(api: Api, request: Request, image_id: str, member_id: str) -> Any:
    for row in _visible(request, image_id):
        if row["member_id"] == member_id:
            return view.member(row)
    raise _missing(image_id, member_id)


@answers(view.MEMBER, errors=(409, 413), takes=schemas.NEW_MEMBER, about="Share an image with a project")
def create(api: Api, request: Request, image_id: str) -> Any:
    body = request.json()
    schemas.NEW_MEMBER.check(body)
    rights.find_own(request, image_id)

    def add(tx: Transaction) -> dict[str, Any]:
        # Locks the image, so that it is not deleted or made private meanwhile.
        images.update(tx, image_id)
        if images.get(tx, image_id)["visibility"] != images.SHARED:
            raise exceptions.Forbidden("Only shared images have members.")
        if len(image_members.of_image(tx, image_id)) >= schemas.MOST:
            raise HttpError(413, "The limit has been exceeded on the number of allowed image members for this image. "
                                 f"Maximum: {schemas.MOST}")
        return image_members.add(tx, image_id, body["member"])

    made = api.db.write(add)
    request.note("image member added", image_id=image_id, member=body["member"])
    return view.member(made)


@answers(view.MEMBER, takes=schemas.MEMBER_STATUS, about="Accept or reject an image")
def update(api: Api, request: Request, image_id: str, member_id: str) -> Any:
    body = request.json()
    schemas.MEMBER_STATUS.check(body)
    rights.find(request, image_id)
    if not request.context.is_admin and member_id != request.context.project_id:
        raise exceptions.Forbidden("Only the member itself may accept or reject an image.")
    if not api.db.write(image_members.update, image_id, member_id, status=body["status"]):
        raise _missing(image_id, member_id)
    request.note("image member changed", image_id=image_id, member=member_id)
    return view.member(api.db.read(image_members.of_image, image_id, member_id)[0])


@answers(None, 204, about="Share an image with a project no more")
def delete(api: Api, request: Request, image_id: str, member_id: str) -> Response:
    rights.find_own(request, image_id)
    if not api.db.write(image_members.remove, image_id, member_id):
        raise _missing(image_id, member_id)
    request.note("image member removed", image_id=image_id, member=member_id)
    return Response(204)
