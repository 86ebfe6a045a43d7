"""What the agents of a process do by the clock, each for all their hosts at once (spec 8.10, 8.11)."""

from __future__ import annotations

import collections
import logging
from collections.abc import Callable
from datetime import timedelta

from novasim import context, quota, states
from novasim.compute import power, tracker
from novasim.compute.agents import OVERTAKEN, Agents
from novasim.compute.virt.driver import BACKUP, GUEST, Guest
from novasim.db import actions, hosts, instance_pages, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import NEW, OLD, Instance, Migration

LOG = logging.getLogger(__name__)


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
        for move in agents.db.read(migrations.unconfirmed, part, before):
            _confirm(agents, move)


def _confirm(agents: Agents, move: Migration) -> None:
    ctxt = context.admin_context()

    def begin(tx: Transaction) -> Instance:
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
            if instance.task_state is None and power_state != instance.power_state:
                # The list is old by now: the one guest is asked again.
                _sync(agents, instance, agents.driver.power_state(instance.host or "", instance.uuid))


# What a guest's power makes of a server that is in a vm_state: (vm_state, power_states) that stop it.
_STOPS = {
    states.ACTIVE: (states.SHUTDOWN, states.CRASHED, states.POWER_SUSPENDED),
    states.STOPPED: (states.RUNNING, states.POWER_PAUSED, states.POWER_SUSPENDED),
    states.PAUSED: (states.SHUTDOWN, states.CRASHED),
}


def _sync(agents: Agents, instance: Instance, power_state: int) -> None:
    if power_state == instance.power_state:
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
        power.stop_instance(agents, ctxt, instance)


def cleanup_leftovers(agents: Agents) -> None:
    """Destroy guests and copies that belong to no server any more (spec 8.11, 12.3 #56)."""
    guests = agents.driver.list_guests(agents.hosts)
    by_server: dict[str, list[Guest]] = collections.defaultdict(list)
    for guest in guests:
        by_server[guest.instance_uuid].append(guest)
    for part in hosts.chunks(sorted(by_server)):
        live = agents.db.read(instance_pages.live, part)
        moves = agents.db.read(migrations.unsettled, part)
        for guest in (guest for uuid in part for guest in by_server[uuid]):
            if _is_leftover(guest, live.get(guest.instance_uuid), moves):
                LOG.warning("Removing %s %s from %s: it belongs to no server", guest.role, guest.instance_uuid,
                            guest.host)
                agents.driver.remove(guest)


def _is_leftover(guest: Guest, instance: Instance | None, moves: set[tuple[str, str]]) -> bool:
    """A copy for a revert stays as long as its move is not settled, even one that failed: it may be the last."""
    if instance is None:
        return True
    unsettled = (guest.instance_uuid, guest.host) in moves
    if guest.role == BACKUP:
        return not unsettled
    return instance.host not in (None, guest.host) and instance.task_state is None and not unsettled


def tasks(agents: Agents) -> list[tuple[Callable[[Agents], None], float]]:
    """The periodic tasks with their spacing in seconds, as configured now."""
    conf = agents.conf
    return [(report_state, conf.report_interval),
            (update_available_resource, conf.update_resources_interval),
            (confirm_resizes, conf.resize_confirm_interval),
            (sync_power_states, conf.sync_power_state_interval),
            (cleanup_leftovers, conf.running_deleted_instance_poll_interval)]

