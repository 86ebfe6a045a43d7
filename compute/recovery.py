"""What agents do when their process starts: take up what the last one left (spec 8.12).

The plan is read before the first message is taken, so what it finds in the middle of a hop belongs to nobody alive.
Each entry is driven on from the state in the database, or undone; messages still queued find the state moved on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from novasim import context, exceptions, states
from novasim.compute import lifecycle, power, resize
from novasim.compute.agents import Agents
from novasim.context import RequestContext
from novasim.db import actions, hosts, instance_pages, instances, migrations
from novasim.objects import NEW, Instance, Migration

LOG = logging.getLogger(__name__)
_MOVE = ("resize", "migrate")


class Resumption(NamedTuple):
    """Something to take up: a server on one of our hosts, and its move where it is in one."""
    host: str
    instance_uuid: str
    migration: Migration | None
    run: Callable[[Agents, RequestContext, Instance, Migration | None], None]
    actions: tuple[str, ...]


def plan(agents: Agents) -> list[Resumption]:
    """What to take up; read it before the agents answer messages."""
    mine = set(agents.hosts)
    moves: dict[str, Migration] = {}
    servers: list[Instance] = []
    for part in hosts.chunks(agents.hosts):
        moves |= {move.instance_uuid: move for move in agents.db.read(migrations.in_progress_on, part)}
        servers += agents.db.read(instance_pages.on_hosts, part, True)
    found = []
    for server in servers:
        entry = _BY_TASK.get(server.task_state or "")
        move = moves.get(server.uuid)
        if entry is not None and (not entry.needs_move or move is not None):
            found.append(Resumption(server.host or "", server.uuid, move, entry.run, entry.actions))
    for move in moves.values():
        rule = _BY_STEP.get((move.status, move.step))
        if rule is not None and getattr(move, rule.end) in mine:
            found.append(Resumption(getattr(move, rule.end), move.instance_uuid, move, rule.run, rule.actions))
    return found


def resume(agents: Agents, entry: Resumption) -> None:
    """Take up one entry; what goes wrong is logged, and is for the conductor's recovery or the next start."""
    try:
        request = agents.db.read(actions.newest_request, entry.instance_uuid, entry.actions)
        ctxt = context.admin_context(request)
        ctxt.addressed_host = entry.host
        instance = agents.db.read(instances.get, entry.instance_uuid)
        LOG.info("Taking up %s on %s: %s/%s, %s", instance.uuid, entry.host, instance.vm_state, instance.task_state,
                 entry.migration and (entry.migration.status, entry.migration.step))
        entry.run(agents, ctxt, instance, entry.migration)
    except exceptions.InstanceNotFound:
        LOG.info("%s was deleted meanwhile", entry.instance_uuid)
    except Exception:
        LOG.exception("Could not take up %s on %s", entry.instance_uuid, entry.host)


def _build(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    lifecycle.build(agents, ctxt, instance, {}, {})


def _resize(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    assert move is not None
    if move.source_compute == ctxt.addressed_host:
        resize.resize_instance(agents, ctxt, instance, {}, move, msgspec.to_builtins(instance.flavor(NEW)))


def _undo_move(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    """The copy was under way when the process ended: the server stays here, as it was (spec 8.12)."""
    assert move is not None
    error = exceptions.InstanceFaultRollback("The compute service was restarted while it moved the disks")
    resize.undo(agents, ctxt, instance, move, "compute_resize_instance", error)


def _finish(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    assert move is not None
    resize.finish_resize(agents, ctxt, "", instance, move)


def _complete(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    assert move is not None
    resize.complete_resize(agents, ctxt, "", instance, move)


def _confirm(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    assert move is not None
    resize.confirm_resize(agents, ctxt, instance, move, (move.step,))


def _revert(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    assert move is not None
    resize.revert_resize(agents, ctxt, instance, move, (move.step,))


def _finish_revert(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    assert move is not None
    resize.finish_revert_resize(agents, ctxt, instance, move, (move.step,))


def _delete(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    lifecycle.terminate_instance(agents, ctxt, instance)


def _power(operation: Callable[[Agents, RequestContext, Instance], None]
           ) -> Callable[[Agents, RequestContext, Instance, Migration | None], None]:
    return lambda agents, ctxt, instance, _: operation(agents, ctxt, instance)


class _Entry(NamedTuple):
    run: Callable[[Agents, RequestContext, Instance, Migration | None], None]
    actions: tuple[str, ...]
    needs_move: bool = False


class _Step(NamedTuple):
    end: str
    run: Callable[[Agents, RequestContext, Instance, Migration | None], None]
    actions: tuple[str, ...]


# By task_state of a server on our host. A server in resize_prep without a move, or building without a host, is the
# conductor's to recover.
_BY_TASK = {
    states.SPAWNING: _Entry(_build, ("create",)),
    states.DELETING: _Entry(_delete, ("delete", "forceDelete")),
    states.POWERING_ON: _Entry(_power(power.start_instance), ("start",)),
    states.POWERING_OFF: _Entry(_power(power.stop_instance), ("stop",)),
    **dict.fromkeys(states.REBOOT_TASKS, _Entry(_power(power.reboot_instance), ("reboot",))),
    states.RESIZE_PREP: _Entry(_resize, _MOVE, True),
    states.RESIZE_MIGRATING: _Entry(_undo_move, _MOVE, True),
    states.RESIZE_MIGRATED: _Entry(_finish, _MOVE, True),
    states.RESIZE_FINISH: _Entry(_complete, _MOVE, True),
}
# By status and step of a move, at the end that has to act; the server may be on the other one.
_BY_STEP = {
    (states.CONFIRMING, None): _Step("source_compute", _confirm, ("confirmResize",)),
    (states.CONFIRMING, resize.ON_SOURCE): _Step("source_compute", _confirm, ("confirmResize",)),
    (states.REVERTING, None): _Step("dest_compute", _revert, ("revertResize",)),
    (states.REVERTING, resize.ON_DEST): _Step("dest_compute", _revert, ("revertResize",)),
    (states.REVERTING, resize.DEST_DONE): _Step("source_compute", _finish_revert, ("revertResize",)),
    (states.REVERTING, resize.ON_SOURCE): _Step("source_compute", _finish_revert, ("revertResize",)),
}
