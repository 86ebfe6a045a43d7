"""What only a simulator has: the story of a request, hop by hop, through all services, and why a host was chosen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import query
from novasim.api.query import Parameter
from novasim.api.wsgi import Request
from novasim.sim import journal as journal_files

if TYPE_CHECKING:
    from novasim.api.app import Api


def journal(api: Api, request: Request) -> Any:
    request.authorize("os-simulator:journal")
    request_id = query.read(request, {"request_id": Parameter()}).get("request_id")
    if not request_id:
        raise exceptions.ValidationError(detail="'request_id' is a required query parameter")
    return {"hops": journal_files.read(Path(api.conf.state_path) / "journal", request_id)}


def decisions(api: Api, request: Request, request_id: str) -> Any:
    """Every decision of the schedulers on a request, the oldest first: one an attempt.

    :raises NotFound: when none was made, or it was forgotten meanwhile
    """
    request.authorize("os-simulator:decisions")
    found = journal_files.read(Path(api.conf.state_path) / "decisions", request_id)
    if not found:
        raise exceptions.NotFound(f"No decision on request {request_id} is recorded")
    return {"decisions": found}
