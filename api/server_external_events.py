"""Events that other services report of servers.

Where a port is follows from where its server is, and there are no volumes: of those events nothing follows here but a
line in the journal. What changes a guest's power changes it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from novasim import exceptions, states
from novasim.api import power
from novasim.api.answers import answers, optional
from novasim.api.schemas import server_external_events as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import instance_pages, instances
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api

LOG = logging.getLogger(__name__)
_POWER = "power-update"
_EVENTS = {"events": [{"name": str, "server_uuid": str, "status": str, "tag": optional(str), "code": int}]}
# By the tag of such an event: what is done, and to a server in which state.
_UPDATES = {"POWER_ON": (power.Verb("os-start", "start_instance", _POWER), states.STOPPED),
            "POWER_OFF": (power.Verb("os-stop", "stop_instance", _POWER), states.ACTIVE)}


@answers(_EVENTS, takes=bodies.CREATE, also={207: _EVENTS})
def create(api: Api, request: Request) -> Response:
    body = request.json()
    bodies.CREATE.check(body, request.version)
    request.authorize("os-server-external-events:create")
    found = api.db.read(instance_pages.live, list({event["server_uuid"] for event in body["events"]}))
    events = [event | _take(request, event, found.get(event["server_uuid"])) for event in body["events"]]
    taken = [event["code"] == 200 for event in events]
    if not any(taken):
        raise exceptions.NotFound("No instances found for any event")
    return Response(200 if all(taken) else 207, {"events": events})


def _take(request: Request, event: dict[str, str], instance: Instance | None) -> dict[str, Any]:
    """What came of an event: its code, and its status."""
    code = _code(event, instance)
    if code != 200 or instance is None:
        return {"status": "failed", "code": code}
    request.note(f"external event {event['name']}", instance, tag=event.get("tag"))
    if event["name"] == _POWER:
        _update_power(request, instance, event["tag"])
    return {"status": event.get("status", "completed"), "code": code}


def _code(event: dict[str, str], instance: Instance | None) -> int:
    if instance is None:
        return 404
    if event["name"] == _POWER and event.get("tag") not in _UPDATES:
        return 400
    return 422 if instance.host is None else 200


def _update_power(request: Request, instance: Instance, tag: str) -> None:
    """Do it, where the server is not so already, or busy."""
    verb, before = _UPDATES[tag]
    if instance.vm_state != before or instance.task_state is not None:
        LOG.info("%s of server %s is %s/%s: ignored", tag, instance.uuid, instance.vm_state, instance.task_state)
        return
    try:
        power.change(request, request.api.db.read(instances.get, instance.uuid), verb)
    except exceptions.Conflict as error:
        LOG.info("%s of server %s came too late: %s", tag, instance.uuid, error.text)
