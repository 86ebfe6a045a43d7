"""What a guest has written to its console: its agent is asked while the user waits."""

from __future__ import annotations

from typing import Any

from novasim.api import guards
from novasim.api.wsgi import Request, Response
from novasim.objects import Instance


def get_console_output(request: Request, instance: Instance, body: dict[str, Any]) -> Response:
    """The last lines of it, or all: without a length, or with -1.

    :raises InstanceNotReady, ServiceUnavailable, Conflict: 409, when nobody can say
    """
    length = int(-1 if body.get("length") is None else body["length"])
    text = guards.ask(request, instance, request.api.compute.get_console_output,
                      tail_length=None if length < 0 else length)
    return Response(200, {"output": text})
