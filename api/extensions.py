"""The list of extensions that very old clients ask for; everything has been part of the API since 2.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api.wsgi import Request

if TYPE_CHECKING:
    from novasim.api.app import Api


def index(api: Api, request: Request) -> Any:
    return {"extensions": []}


def show(api: Api, request: Request, alias: str) -> Any:
    raise exceptions.NotFound()
