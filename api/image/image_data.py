"""The contents of images. All of it is measured and summed up; it is kept, in the database, up to a size."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import webob

from novasim import exceptions
from novasim.api import images as rights
from novasim.api.answers import Raw, answers
from novasim.api.schemas import Schema
from novasim.api.wsgi import HttpError, Request, Response
from novasim.db import images
from novasim.db.engine import Transaction

if TYPE_CHECKING:
    from novasim.api.app import Api

_PIECE = 1 << 16
_MEDIA = "application/octet-stream"
_BYTES = Schema({})


class _Contents:
    """What is being uploaded: its size, its sums, and the bytes as long as there are not too many to keep."""

    def __init__(self, stored_bytes: int):
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha512 = hashlib.sha512()
        self.kept: bytearray | None = bytearray()
        self._stored_bytes = stored_bytes

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self.md5.update(piece)
        self.sha512.update(piece)
        if self.kept is not None:
            self.kept += piece
        if self.size > self._stored_bytes:
            self.kept = None


def _pieces(wire: webob.Request) -> Iterator[bytes]:
    """The body, piece by piece; never more than one of them in memory.

    :raises Invalid: when it ends too early
    """
    left = wire.content_length
    if left is None and "chunked" not in wire.headers.get("Transfer-Encoding", "").lower():
        return
    source = wire.environ["wsgi.input"]
    while left is None or left > 0:
        try:
            piece = source.read(_PIECE if left is None else min(_PIECE, left))
        except OSError as error:
            raise exceptions.Invalid("The upload broke off.") from error
        if not piece and left is None:
            return
        if not piece:
            raise exceptions.Invalid(f"The upload broke off: {left} bytes are missing.")
        left = None if left is None else left - len(piece)
        yield piece


def _read(request: Request) -> _Contents:
    contents, most = _Contents(request.api.conf.image.stored_bytes), request.api.conf.image.image_size_cap
    if (request.wire.content_length or 0) <= most:
        for piece in _pieces(request.wire):
            contents.add(piece)
            if contents.size > most:
                break
        else:
            return contents
    raise HttpError(413, f"The image is too large: at most {most} bytes are accepted.")


@answers(None, 204, (409, 410, 413, 415), _BYTES, media=(_MEDIA,))
def upload(api: Api, request: Request, image_id: str) -> Response:
    """Take in the contents of a queued image, which can be used from then on."""
    if request.wire.content_type != _MEDIA:
        raise HttpError(415, f"Unsupported Content-Type: it must be {_MEDIA}")
    image = rights.find_own(request, image_id)
    if image["instance_uuid"] is not None:
        raise exceptions.Conflict(f"The contents of image {image_id} come from a server.")
    for name in ("disk_format", "container_format"):
        if image[name] is None:
            raise exceptions.Invalid(f"Property {name} must be set prior to saving data.")
    if not api.db.write(images.update, image_id, (images.QUEUED,), status=images.SAVING):
        raise exceptions.Conflict(f"Image status transition from {image['status']} to saving is not allowed")
    try:
        contents = _read(request)
        saved = api.db.write(_save, image_id, contents)
    except BaseException:
        api.db.write(images.update, image_id, (images.SAVING,), status=images.QUEUED)
        raise
    if not saved:
        raise HttpError(410, f"Image {image_id} was deleted while its contents were uploaded.")
    request.note("image uploaded", image_id=image_id, size=contents.size)
    return Response(204)


def _save(tx: Transaction, image_id: str, contents: _Contents) -> bool:
    saved = images.update(tx, image_id, (images.SAVING,), status=images.ACTIVE, size=contents.size,
                          checksum=contents.md5.hexdigest(), os_hash_value=contents.sha512.hexdigest())
    if saved and contents.kept:
        images.keep(tx, image_id, bytes(contents.kept))
    return saved


@answers(Raw({}), also={204: None}, gives=_MEDIA)
def download(api: Api, request: Request, image_id: str) -> Any:
    """The contents, where they are kept."""
    image = rights.find(request, image_id)
    if image["status"] == images.DEACTIVATED and not request.context.is_admin:
        raise exceptions.Forbidden("The requested image has been deactivated. Image data download is forbidden.")
    if image["status"] != images.ACTIVE and image["status"] != images.DEACTIVATED:
        return Response(204)
    contents = api.db.read(images.contents, image_id)
    if len(contents) != image["size"]:
        raise exceptions.NotFound(f"The contents of image {image_id} are not kept, only its size of {image['size']} "
                                  f"bytes: this cluster keeps what is uploaded up to {api.conf.image.stored_bytes} "
                                  "bytes, and nothing of what is made of servers.")
    if image["checksum"] is None:
        return Response(200, contents)
    return Response(200, contents, {"Content-MD5": base64.b64encode(bytes.fromhex(image["checksum"])).decode()})
