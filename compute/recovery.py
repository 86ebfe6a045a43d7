"""What agents do when they start: take up what the last one left (spec 8.12).

The plan is read before the first message is taken, so what it finds in the middle of a hop belongs to nobody alive.
Each entry is driven on from the state in the database, or undone; messages still queued find the state moved on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from novasim import context, exceptions, states
from novasim.compute import (
    deferred_delete,
    evacuate,
    lifecycle,
    live_migrate,
    periodics,
    power,
    rebuild,
    resize,
    shelve,
    snapshot,
)
from novasim.compute.agents import Agents
from novasim.compute.virt.driver import GUEST
from novasim.context import RequestContext
from novasim.db import actions, hosts, instance_pages, instances, migrations
from novasim.objects import NEW, Instance, Migration

LOG = logging.getLogger(__name__)
# Where a guest runs whose power_state says so; what is in error is left to its user.
_RUN = (states.ACTIVE, states.RESIZED, states.RESCUED)
_MOVE, _LIVE = ("resize", "migrate"), ("live-migration",)


class Resumption(NamedTuple):
    """Something to take up: a server on one of our hosts, and its move where it is in one."""
    host: str
    instance_uuid: str
    migration: Migration | None
    run: Callable[[Agents, RequestContext, Instance, Migration | None], None]
    actions: tuple[str, ...]


def plan(agents: Agents, names: Sequence[str]) -> list[Resumption]:
    """What the agents of these hosts have to take up; read it before they answer messages."""
    mine = set(names)
    moves: dict[str, Migration] = {}
    servers: list[Instance] = []
    held: list[Migration] = []
    for part in hosts.chunks(names):
        moves |= {move.instance_uuid: move for move in agents.db.read(migrations.in_progress_on, part)}
        held += agents.db.read(migrations.held_on, part)
        servers += agents.db.read(instance_pages.on_hosts, part, True)
    found = []
    for server in servers:
        entry = _BY_TASK.get(server.task_state or "")
        move = moves.get(server.uuid)
        # A server that is being evacuated from here is not this host's to rebuild.
        leaving = move is not None and move.migration_type == states.EVACUATION and server.task_state != states.DELETING
        if entry is not None and not leaving and (not entry.needs_move or move is not None):
            found.append(Resumption(server.host or "", server.uuid, move, entry.run, entry.actions))
    for move in [*moves.values(), *held]:
        rule = _BY_STEP.get((move.status, move.step))
        if rule is not None and getattr(move, rule.end) in mine:
            found.append(Resumption(getattr(move, rule.end), move.instance_uuid, move, rule.run, rule.actions))
    return found


def resume(agents: Agents, entry: Resumption) -> None:
    """Take up one entry; what goes wrong is logged, and is for the conductor's recovery or the next start."""
    agents.lives.act_as(entry.host, _resume, agents, entry)


def _resume(agents: Agents, entry: Resumption) -> None:
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


def resume_guests(agents: Agents, names: Sequence[str]) -> None:
    """Start the guests that ran when their host went down, where the configuration asks for it (spec 8.12)."""
    if not agents.conf.resume_guests_state_on_host_boot:
        return
    off = {(guest.host, guest.instance_uuid) for guest in agents.driver.list_guests(names)
           if guest.role == GUEST and guest.power_state in (states.SHUTDOWN, states.CRASHED)}
    for part in hosts.chunks(names):
        for server in agents.db.read(instance_pages.on_hosts, part):
            ran = server.power_state == states.RUNNING and server.vm_state in _RUN and server.task_state is None
            if ran and (server.host, server.uuid) in off:
                try:
                    agents.driver.power_on(server.host or "", server.uuid)
                    LOG.info("Guest %s on %s runs again", server.uuid, server.host)
                except exceptions.HypervisorError:
                    LOG.exception("Guest %s on %s cannot be started", server.uuid, server.host)


def clear_away(agents: Agents, names: Sequence[str]) -> None:
    """What became of servers while their hosts were away: nothing may stay that is elsewhere now, or gone."""
    try:
        evacuate.destroy_evacuated(agents, names)
        periodics.cleanup_leftovers(agents, names)
    except Exception:
        LOG.exception("Could not look for what is left over")


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


def _give_up(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    assert move is not None
    resize.give_up(agents, ctxt, instance, move)


def _finish_revert(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    assert move is not None
    resize.finish_revert_resize(agents, ctxt, instance, move, (move.step,))


def _delete(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    lifecycle.terminate_instance(agents, ctxt, instance)


def _power(method: str) -> Callable[[Agents, RequestContext, Instance, Migration | None], None]:
    return lambda agents, ctxt, instance, _: power.run(agents, ctxt, instance, method)


def _forget_password(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    power.forget_password(agents, ctxt, instance)


def _soft_delete(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
    """A move that waited is confirmed first, by its source, which then asks for this."""
    if move is None:
        deferred_delete.soft_delete_instance(agents, ctxt, instance)


def _restore(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    deferred_delete.restore_instance(agents, ctxt, instance)


def _rebuild(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    # An evacuation goes through the same tasks, and is not this host's to go on with.
    if instance.task_request_id == ctxt.request_id:
        rebuild.rebuild_instance(agents, ctxt, instance, states.REBUILD_TASKS)


def _no_image(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    snapshot.break_off(agents, ctxt, instance)


def _shelve(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    shelve.shelve_instance(agents, ctxt, instance, None, states.SHELVE_TASKS)


def _offload(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    shelve.shelve_offload_instance(agents, ctxt, instance, (shelve.WAITING, shelve.BEGUN))


def _unshelve(agents: Agents, ctxt: RequestContext, instance: Instance, _: Migration | None) -> None:
    shelve.bring_up(agents, ctxt, instance)


_Hop = Callable[[Agents, RequestContext, Instance, Migration], None]


def _hop(hop: _Hop) -> Callable[[Agents, RequestContext, Instance, Migration | None], None]:
    """A hop that recovery runs as it is."""
    def run(agents: Agents, ctxt: RequestContext, instance: Instance, move: Migration | None) -> None:
        assert move is not None
        hop(agents, ctxt, instance, move)
    return run


def _begin_next(agents: Agents, ctxt: RequestContext, _: Instance, __: Migration | None) -> None:
    live_migrate.begin_next(agents, ctxt.addressed_host or "")


def _again(hop: Callable[..., None], step: str) -> Callable[[Agents, RequestContext, Instance, Migration | None], None]:
    """A hop that is begun once more from the step in which it broke off."""
    return lambda agents, ctxt, instance, move: hop(agents, ctxt, instance, move, (step,))


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
    states.POWERING_ON: _Entry(_power("start_instance"), ("start",)),
    states.POWERING_OFF: _Entry(_power("stop_instance"), ("stop",)),
    **dict.fromkeys(states.REBOOT_TASKS, _Entry(_power("reboot_instance"), ("reboot",))),
    states.PAUSING: _Entry(_power("pause_instance"), ("pause",)),
    states.UNPAUSING: _Entry(_power("unpause_instance"), ("unpause",)),
    states.SUSPENDING: _Entry(_power("suspend_instance"), ("suspend",)),
    states.RESUMING: _Entry(_power("resume_instance"), ("resume",)),
    states.RESCUING: _Entry(_power("rescue_instance"), ("rescue",)),
    states.UNRESCUING: _Entry(_power("unrescue_instance"), ("unrescue",)),
    states.UPDATING_PASSWORD: _Entry(_forget_password, ("changePassword",)),
    states.SOFT_DELETING: _Entry(_soft_delete, ("delete",)),
    states.RESTORING: _Entry(_restore, ("restore",)),
    **dict.fromkeys(states.REBUILD_TASKS, _Entry(_rebuild, ("rebuild",))),
    **dict.fromkeys((*states.SNAPSHOT_TASKS, *states.BACKUP_TASKS), _Entry(_no_image, ("createImage", "createBackup"))),
    **dict.fromkeys(states.SHELVE_TASKS, _Entry(_shelve, ("shelve",))),
    states.SHELVING_OFFLOADING: _Entry(_offload, ("shelve", "shelveOffload")),
    states.UNSHELVING: _Entry(_unshelve, ("unshelve",)),
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
    (states.MIG_ERROR, resize.ON_DEST): _Step("dest_compute", _give_up, ("revertResize",)),
    (states.REVERTING, resize.DEST_DONE): _Step("source_compute", _finish_revert, ("revertResize",)),
    (states.REVERTING, resize.ON_SOURCE): _Step("source_compute", _finish_revert, ("revertResize",)),
    (states.QUEUED, None): _Step("source_compute", _begin_next, _LIVE),
    (states.PREPARING, states.ON_DEST): _Step(
        "dest_compute", _again(live_migrate.pre_live_migration, states.ON_DEST), _LIVE),
    (states.PREPARING, states.DEST_DONE): _Step("source_compute", _hop(live_migrate.do_live_migration), _LIVE),
    (states.MIG_RUNNING, None): _Step("source_compute", _hop(live_migrate.break_down), _LIVE),
    (states.MIG_RUNNING, states.FORCED): _Step("source_compute", _hop(live_migrate.break_down), _LIVE),
    (states.POST_MIGRATING, states.ON_SOURCE): _Step("source_compute", _hop(live_migrate.post_live_migration), _LIVE),
    (states.POST_MIGRATING, states.SOURCE_DONE): _Step(
        "dest_compute", _hop(live_migrate.post_live_migration_at_destination), _LIVE),
    (states.POST_MIGRATING, states.ON_DEST): _Step(
        "dest_compute", _again(live_migrate.post_live_migration_at_destination, states.ON_DEST), _LIVE),
    (states.PRE_MIGRATING, states.CLAIMED): _Step("dest_compute", _hop(evacuate.rebuild_instance), ("evacuate",)),
    (states.PRE_MIGRATING, states.ON_DEST): _Step(
        "dest_compute", _again(evacuate.rebuild_instance, states.ON_DEST), ("evacuate",)),
}
