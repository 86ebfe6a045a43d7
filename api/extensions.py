"""The list of extensions that very old clients ask for; everything has been part of the API since 2.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api.answers import answers
from novasim.api.wsgi import Request

if TYPE_CHECKING:
    from novasim.api.app import Api


@answers({"extensions": [{...: Any}]}, about="List extensions: none, since everything is part of the API")
def index(api: Api, request: Request) -> Any:
    return {"extensions": []}


@answers({"extension": {...: Any}}, about="Show an extension")
def show(api: Api, request: Request, alias: str) -> Any:
    raise exceptions.NotFound()
