"""Deleting a server: its host is told to; where there is no host, or its agent is dead, the rows are settled here."""

from __future__ import annotations

from novasim import exceptions, states
from novasim.api import guards, liveness
from novasim.api.wsgi import Request
from novasim.db import actions, endings, hosts, instances
from novasim.db.engine import Transaction
from novasim.objects import Instance


def delete(request: Request, instance: Instance, action: str = "delete") -> None:
    """Begin to delete a server, in any state. A second request tells the host once more.

    :param action: or forceDelete, which had rules of its own in 2014
    :raises InstanceIsLocked, InstanceInvalidState: 409
    """
    api, context = request.api, request.context
    guards.check(request, instance, action)
    since = liveness.alive_since(api)

    def begin(tx: Transaction) -> tuple[Instance, list[str]]:
        begun = instance.task_state == states.DELETING
        # Locks the row first, so that the host read below is the one it keeps.
        request_id = instance.task_request_id if begun else context.request_id
        instances.update(tx, instance.uuid, task_state=states.DELETING, progress=0, task_request_id=request_id)
        now = guards.reread(tx, instance)
        # A host that is away finds what it has to clean in its queue when it comes back.
        reachable = now.host is not None and hosts.is_up(tx, now.host, since)
        tell = [now.host or ""] if reachable else endings.erase(tx, instance.uuid)
        if not begun:
            actions.start(tx, context, instance.uuid, "delete")
        return now, tell

    try:
        now, tell = api.db.write(begin)
    except exceptions.InstanceNotFound:
        if instance.task_state == states.DELETING:
            return
        raise
    request.note("delete accepted", now)
    for host in tell:
        guards.send(api.compute.terminate_instance, context, host, instance=now, bdms=[], reservations=[])
