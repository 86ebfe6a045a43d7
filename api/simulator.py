"""What only a simulator has: the story of a request, hop by hop, through all services."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import query
from novasim.api.answers import answers
from novasim.api.query import Parameter
from novasim.api.wsgi import Request
from novasim.sim import journal as journal_files

if TYPE_CHECKING:
    from novasim.api.app import Api
_PARAMETERS = {"request_id": Parameter()}


@answers({"hops": [{...: Any}]}, query=_PARAMETERS)
def journal(api: Api, request: Request) -> Any:
    request.authorize("os-simulator:journal")
    request_id = query.read(request, _PARAMETERS).get("request_id")
    if not request_id:
        raise exceptions.ValidationError(detail="'request_id' is a required query parameter")
    return {"hops": journal_files.read(Path(api.conf.state_path) / "journal", request_id)}
