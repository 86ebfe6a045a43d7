"""What the agents of a process do by the clock, each for all their hosts at once (spec 8.10, 8.11)."""

from __future__ import annotations

import collections
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from novasim import config, context, exceptions, quota, states
from novasim.compute import deferred_delete, evacuate, power, resize, shelve, tracker
from novasim.compute.agents import OVERTAKEN, Agents
from novasim.compute.virt.driver import BACKUP, GUEST, Guest
from novasim.db import actions, hosts, instance_pages, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import NEW, OLD, Instance, Migration

LOG = logging.getLogger(__name__)
# Seconds between two runs of what has no interval of its own.
PASS_S = 60


def report_state(agents: Agents) -> None:
    """The heartbeat of all hosts, in few statements."""
    agents.db.write(hosts.heartbeat, agents.hosts, hosts.COMPUTE)


def update_available_resource(agents: Agents) -> None:
    """The audit of spec 8.8."""
    tracker.audit(agents)


def confirm_resizes(agents: Agents) -> None:
    """Confirm what has waited longer than resize_confirm_window (spec 8.10)."""
    window = agents.conf.resize_confirm_window
    if not window:
        return
    before = agents.clock.now() - timedelta(seconds=window)
    for part in hosts.chunks(agents.hosts):
        agents.each(_confirm, agents.db.read(migrations.unconfirmed, part, before))


def _confirm(agents: Agents, move: Migration) -> None:
    ctxt = context.admin_context()
    since = agents.clock.now() - timedelta(seconds=config.down_after(agents.conf))

    def begin(tx: Transaction) -> Instance:
        if not hosts.is_up(tx, move.source_compute or "", since):
            # Only the source can confirm. The move waits for it, and can still be reverted (spec 12.2 #20).
            raise exceptions.MigrationStatusConflict(f"the source {move.source_compute} is down")
        instance = instances.get(tx, move.instance_uuid, with_metadata=False)
        # Whatever is being done to the server goes before; the next look comes back to it.
        instances.update(tx, instance.uuid, {"vm_state": (states.RESIZED,), "task_state": (None,)})
        migrations.advance(tx, move.id, (states.FINISHED,), states.CONFIRMING)
        deltas = quota.downsize_deltas(instance.flavor(OLD), instance.flavor(NEW))
        quotas.reserve(tx, instance, deltas, {}, agents.conf.reservation_expire)
        actions.start(tx, ctxt, instance.uuid, "confirmResize")
        return instance

    try:
        instance = agents.db.write(begin)
    except OVERTAKEN as reason:
        LOG.info("Move %s is not confirmed now: %s", move.uuid, reason)
        return
    LOG.info("Confirming move %s of %s by itself", move.uuid, move.instance_uuid)
    agents.compute.confirm_resize(ctxt, move.source_compute, instance=instance, reservations=[], migration=move)


def sync_power_states(agents: Agents) -> None:
    """Compare what the database says of guests' power with what is, and let the user's last word win (spec 8.11)."""
    actual = {(guest.host, guest.instance_uuid): guest.power_state for guest in agents.driver.list_guests(agents.hosts)
              if guest.role == GUEST}
    for part in hosts.chunks(agents.hosts):
        for instance in agents.db.read(instance_pages.on_hosts, part):
            power_state = actual.get((instance.host or "", instance.uuid), states.NOSTATE)
            if instance.task_state is None and _is_off_course(instance, power_state):
                # The list is old by now: the one guest is asked again.
                _sync(agents, instance, agents.driver.power_state(instance.host or "", instance.uuid))


# What a guest's power makes of a server that is in a vm_state: (vm_state, power_states) that stop it.
_STOPS = {
    states.ACTIVE: (states.SHUTDOWN, states.CRASHED, states.POWER_SUSPENDED),
    states.STOPPED: (states.RUNNING, states.POWER_PAUSED, states.POWER_SUSPENDED),
    states.PAUSED: (states.SHUTDOWN, states.CRASHED),
}


def _is_off_course(instance: Instance, power_state: int) -> bool:
    """A power state that is no news still is not what the server should be in, where stopping it has failed."""
    return power_state != instance.power_state or power_state in _STOPS.get(instance.vm_state or "", ())


def _sync(agents: Agents, instance: Instance, power_state: int) -> None:
    if not _is_off_course(instance, power_state):
        return
    ctxt = context.admin_context()
    ctxt.addressed_host = instance.host
    stop = power_state in _STOPS.get(instance.vm_state or "", ())

    def note(tx: Transaction) -> None:
        same = {"task_state": (None,), "host": (instance.host,), "vm_state": (instance.vm_state,),
                "power_state": (instance.power_state,)}
        begun = {"task_state": states.POWERING_OFF, "task_request_id": ctxt.request_id} if stop else {}
        instances.update(tx, instance.uuid, same, power_state=power_state, **begun)
        if stop:
            actions.start(tx, ctxt, instance.uuid, "stop")

    try:
        agents.db.write(note)
    except OVERTAKEN as reason:
        LOG.info("Power state of %s is not written now: %s", instance.uuid, reason)
        return
    LOG.warning("Guest %s on %s is in power state %s, not %s", instance.uuid, instance.host, power_state,
                instance.power_state)
    if stop:
        instance.task_request_id = ctxt.request_id
        power.run(agents, ctxt, instance, "stop_instance")


def offload_shelved(agents: Agents) -> None:
    """Take servers off their hosts that have been shelved for longer than shelved_offload_time (spec 8.11)."""
    if agents.conf.shelved_offload_time < 0:
        return
    before = agents.clock.now() - timedelta(seconds=agents.conf.shelved_offload_time)
    for part in hosts.chunks(agents.hosts):
        agents.each(shelve.offload_by_itself, agents.db.read(instance_pages.shelved, part, before))


def cleanup_leftovers(agents: Agents, names: Sequence[str] | None = None) -> None:
    """Destroy guests and copies that belong to no server any more, and make a copy that is all that a server at rest
    has its guest again (spec 8.11, 12.3 #56).

    :param names: on these hosts; None: on all that live
    """
    guests = agents.driver.list_guests(agents.hosts if names is None else names)
    by_server: dict[str, list[Guest]] = collections.defaultdict(list)
    for guest in guests:
        by_server[guest.instance_uuid].append(guest)
    for part in hosts.chunks(sorted(by_server)):
        live = agents.db.read(instance_pages.live, part)
        moves = agents.db.read(migrations.unsettled, part)
        moving = _ends(move for move in moves if move.status != states.MIG_ERROR)
        needed = moving | _settle_failed(agents, [move for move in moves if move.status == states.MIG_ERROR],
                                         by_server, live, moving)
        elsewhere = agents.db.read(migrations.held_by_destination, part)
        for guest in (guest for uuid in part for guest in by_server[uuid]):
            instance = live.get(guest.instance_uuid)
            lost = _is_lost(guest, instance, by_server[guest.instance_uuid], moving)
            if lost and instance is not None and instance.uuid not in elsewhere:
                ctxt = context.admin_context()
                ctxt.addressed_host = guest.host
                resize.put_back(agents, ctxt, instance)
            elif _is_leftover(guest, instance, moving, needed):
                LOG.warning("Removing %s %s from %s: it belongs to no server", guest.role, guest.instance_uuid,
                            guest.host)
                agents.driver.remove(guest)


Ends = set[tuple[str, str]]


def _ends(moves: Iterable[Migration]) -> Ends:
    return {(move.instance_uuid, host or "") for move in moves for host in (move.source_compute, move.dest_compute)}


def _settle_failed(agents: Agents, failed: list[Migration], by_server: dict[str, list[Guest]],
                   live: Mapping[str, Instance], moving: Ends) -> Ends:
    """Look which failed moves left a copy that may be the last one, and note the others in the database: only the host
    where the server is now can see that its guest is there, and the copy may be another process's.

    :returns: the ends of those that are still open
    """
    at_home = {uuid for uuid in {move.instance_uuid for move in failed} for guest in by_server[uuid]
               if guest.role == GUEST and _is_at_home(agents, guest.host, live.get(uuid), moving)}
    if done := [move.id for move in failed if move.instance_uuid in at_home]:
        agents.db.write(migrations.settle, done)
    return _ends(move for move in failed if move.instance_uuid not in at_home)


def _is_at_home(agents: Agents, host: str, instance: Instance | None, moving: Ends) -> bool:
    """A server at rest has its guest on this host, and one that is good: it runs, or the server is not in error."""
    if instance is None or instance.host != host or instance.task_state is not None or (instance.uuid, host) in moving:
        return False
    # The list of guests is older than what is known of the moves.
    power_state = agents.driver.power_state(host, instance.uuid)
    return power_state == states.RUNNING or (power_state != states.NOSTATE and instance.vm_state != states.ERROR)


def _is_lost(guest: Guest, instance: Instance | None, others: list[Guest], moving: Ends) -> bool:
    """The copy of a move that ended while this host was away, on the host where the server is now."""
    if instance is None or guest.role != BACKUP or instance.host != guest.host or instance.task_state is not None:
        return False
    has_guest = any(other.host == guest.host and other.role == GUEST for other in others)
    return not has_guest and (guest.instance_uuid, guest.host) not in moving


def _is_leftover(guest: Guest, instance: Instance | None, moving: Ends, needed: Ends) -> bool:
    """A copy for a revert stays as long as its move is not settled, even one that failed: it may be the last. A guest
    stays where its server is: anywhere else it would run twice."""
    if instance is None:
        return True
    end = (guest.instance_uuid, guest.host)
    if guest.role == BACKUP:
        return end not in needed
    if instance.vm_state == states.SHELVED_OFFLOADED and instance.task_state is None:
        return True
    return instance.host not in (None, guest.host) and instance.task_state is None and end not in moving


def tasks(agents: Agents) -> list[tuple[Callable[[Agents], None], float]]:
    """The periodic tasks with their spacing in seconds, as configured now."""
    conf = agents.conf
    return [(report_state, conf.report_interval),
            (update_available_resource, conf.update_resources_interval),
            (confirm_resizes, conf.resize_confirm_interval),
            (sync_power_states, conf.sync_power_state_interval),
            (offload_shelved, conf.shelved_poll_interval if conf.shelved_offload_time >= 0 else -1),
            # Also for hosts that were forced down while their agents were alive all along.
            (evacuate.destroy_evacuated, conf.running_deleted_instance_poll_interval),
            (cleanup_leftovers, conf.running_deleted_instance_poll_interval),
            (deferred_delete.reclaim_queued_deletes, min(conf.reclaim_instance_interval, PASS_S) or -1)]

