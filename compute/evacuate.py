"""An evacuation as agents play it: the new host makes the guest anew, and the old one, once it is back, removes what it
still has (spec 8.12).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from novasim import context, exceptions, states
from novasim.compute import lifecycle
from novasim.compute.agents import OVERTAKEN, Agents, overtaken
from novasim.context import RequestContext
from novasim.db import actions, claims, hosts, instances, migrations
from novasim.db.engine import Transaction
from novasim.objects import TARGET_STATE, Instance, Migration

LOG = logging.getLogger(__name__)
EVENT = "compute_rebuild_instance"


def rebuild_instance(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration,
                     steps: tuple[str, ...] = (states.CLAIMED,)) -> None:
    """On the new host: make the guest from its image. The server stays the old host's until it is there.

    :param steps: which steps to begin from; recovery also takes over one that was begun
    """
    host = ctxt.addressed_host or ""

    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, {"task_state": (states.REBUILDING, states.REBUILD_SPAWNING)},
                         task_state=states.REBUILD_SPAWNING)
        migrations.advance(tx, migration.id, (states.PRE_MIGRATING,), states.PRE_MIGRATING, steps, step=states.ON_DEST)
        actions.start_event(tx, ctxt.request_id, instance.uuid, EVENT, host, again=states.ON_DEST in steps)
        return instances.get(tx, instance.uuid, with_metadata=False)

    try:
        now = agents.db.write(begin)
    except OVERTAKEN as reason:
        return overtaken(ctxt, instance, "rebuild_instance", reason)
    agents.note(ctxt, now, "evacuating", now.vm_state, states.REBUILD_SPAWNING, states.PRE_MIGRATING)
    stopped = states.STOPPED in (now.vm_state, now.system_metadata.get(TARGET_STATE))
    try:
        agents.driver.spawn(host, now.uuid, now.flavor())
        if stopped:
            agents.driver.power_off(host, now.uuid)
        vm_state = agents.db.write(_settle, ctxt, now, migration, stopped)
    except OVERTAKEN as reason:
        overtaken(ctxt, now, "rebuild_instance", reason)
        _remove(agents, host, migration)
    except Exception as error:
        _fail(agents, ctxt, now, migration, error)
    else:
        agents.note(ctxt, now, "evacuated", vm_state, None, states.DONE)


def _settle(tx: Transaction, ctxt: RequestContext, instance: Instance, migration: Migration, stopped: bool) -> str:
    vm_state = states.STOPPED if stopped else states.ACTIVE
    instances.update(tx, instance.uuid, {"task_state": (states.REBUILD_SPAWNING,)}, vm_state=vm_state, task_state=None,
                     host=migration.dest_compute, node=migration.dest_node, launched_at=tx.now, progress=100,
                     power_state=states.SHUTDOWN if stopped else states.RUNNING)
    migrations.advance(tx, migration.id, (states.PRE_MIGRATING,), states.DONE, (states.ON_DEST,), step=None)
    claims.settle_on_destination(tx, instance.uuid, migration.id)
    instances.replace_system_metadata(tx, instance.uuid, TARGET_STATE, {})
    actions.finish_event(tx, ctxt.request_id, instance.uuid, EVENT)
    return vm_state


def _remove(agents: Agents, host: str, migration: Migration) -> None:
    """What was made here is nobody's, unless another evacuation of the server has come here, or comes."""
    if not lifecycle.belongs_here(agents, host, migration.instance_uuid, without=migration.id):
        with contextlib.suppress(exceptions.HypervisorError):
            agents.driver.destroy(host, migration.instance_uuid)


def _fail(agents: Agents, ctxt: RequestContext, instance: Instance, migration: Migration, error: Exception) -> None:
    """The server stays the dead host's, in ERROR, from where it can be evacuated again."""
    LOG.warning("Evacuating %s to %s failed: %s", instance.uuid, ctxt.addressed_host, error)

    def record(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"task_state": (states.REBUILD_SPAWNING,)}, vm_state=states.ERROR,
                         task_state=None)
        migrations.advance(tx, migration.id, (states.PRE_MIGRATING,), states.MIG_ERROR, (states.ON_DEST,), step=None)
        claims.drop_move(tx, instance.uuid, migration.id)
        instances.replace_system_metadata(tx, instance.uuid, TARGET_STATE, {})
        actions.record_failure(tx, ctxt, instance.uuid, EVENT, error)

    _remove(agents, ctxt.addressed_host or "", migration)
    try:
        agents.db.insist(record)
    except OVERTAKEN as reason:
        overtaken(ctxt, instance, "rebuild_instance", reason)
        lifecycle.clean_if_gone(agents, ctxt, instance.uuid)
        return
    agents.note(ctxt, instance, "evacuation failed", states.ERROR, None, states.MIG_ERROR)


def destroy_evacuated(agents: Agents, names: Sequence[str] | None = None) -> None:
    """On hosts that are back: remove the guests of servers that were evacuated from them (spec 8.12). Only the records
    of evacuations say which: any other guest of a server that is elsewhere may be the half of a move.

    :param names: of the hosts; None: all that live
    """
    for part in hosts.chunks(agents.hosts if names is None else names):
        for move in agents.db.read(migrations.evacuated_from, part):
            ctxt = context.admin_context(move.request_id)
            ctxt.addressed_host = move.source_compute
            try:
                _complete(agents, ctxt, move)
            except OVERTAKEN as reason:
                LOG.info("Evacuation %s of %s left alone: %s", move.uuid, move.instance_uuid, reason)
            except Exception:
                LOG.exception("What %s left on %s stays for now", move.instance_uuid, move.source_compute)


def _complete(agents: Agents, ctxt: RequestContext, move: Migration) -> None:
    source = move.source_compute or ""
    try:
        instance = agents.db.read(instances.get, move.instance_uuid)
    except exceptions.InstanceNotFound:
        instance = Instance(uuid=move.instance_uuid)
    if not lifecycle.belongs_here(agents, source, move.instance_uuid):
        agents.driver.destroy(source, move.instance_uuid)
    agents.db.write(migrations.advance, move.id, (states.DONE,), states.COMPLETED)
    agents.note(ctxt, instance, "evacuated guest removed", instance.vm_state, instance.task_state, states.COMPLETED)
