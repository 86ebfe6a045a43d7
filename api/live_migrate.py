"""The API's part of a live migration: check, take the state, ask the conductor (spec 3.5, 6.1).

Up to 2.33 the request waits until a destination was found and its room is held, and what stood against it is the
answer; from 2.34 on it is the server's fault and a failed action and migration.
"""

from __future__ import annotations

import logging
from typing import Any

from novasim import exceptions, states
from novasim.api import guards, schemas
from novasim.api.wsgi import Request
from novasim.db import actions, hosts, instances, migrations
from novasim.db.engine import Transaction
from novasim.objects import Instance, Migration
from novasim.rpc.conductor import PRE_CHECK_FAILED

LOG = logging.getLogger(__name__)
ACTION = "live-migration"
# From these versions on: a named host is judged by the scheduler unless forced; nobody waits.
_JUDGED, _ASYNCHRONOUS = 30, 34


def live_migrate(request: Request, instance: Instance, body: dict[str, Any]) -> None:
    """Begin to move a server while it runs.

    :param body: ``host`` or None where the scheduler is to choose; ``block_migration``, where False says that the
        disks are shared; until 2.24 ``disk_over_commit``; from 2.30 to 2.67 ``force``, past the scheduler
    :raises ComputeHostUnknown, UnableToMigrateToSelf, Invalid: 400
    :raises InstanceIsLocked, InstanceInvalidState: 409
    """
    host, forced = body["host"], schemas.true(body.get("force", request.version < _JUDGED))
    if "force" in body and forced and host is None:
        raise exceptions.Invalid("Can't force to a non-provided destination")
    guards.check(request, instance, "os-migrateLive")
    check_host(request, instance, host)
    now = _begin(request, instance)
    judged = {"filter_properties": {"requested_destination": {"host": host}} if host else {}}
    question: dict[str, Any] = {
        "instance": now, "scheduler_hint": {"host": host} if forced else judged, "live": True, "rebuild": False,
        "flavor": None, "block_migration": _flag(body["block_migration"]),
        "disk_over_commit": _flag(body.get("disk_over_commit"))}
    if request.version < _ASYNCHRONOUS:
        return _wait(request, now, question, host)
    guards.send(request.api.conductor.migrate_server, request.context,
                undo=guards.undo_task(request, now, states.MIGRATING), **question)
    return None


def check_host(request: Request, instance: Instance, host: str | None) -> None:
    """
    :raises ComputeHostUnknown, UnableToMigrateToSelf: 400, for a host that cannot be a destination
    """
    if host is None:
        return
    if not request.api.db.read(hosts.nodes, host):
        raise exceptions.ComputeHostUnknown(host=host)
    if host == instance.host:
        raise exceptions.UnableToMigrateToSelf(instance_id=instance.uuid, host=host)


def _flag(value: Any) -> bool | None:
    """None for ``auto`` and for what was not said."""
    return None if value in (None, "auto") else schemas.true(value)


def _begin(request: Request, instance: Instance) -> Instance:
    def begin(tx: Transaction) -> Instance:
        instances.update(tx, instance.uuid, guards.expected("os-migrateLive", request.actions),
                         task_state=states.MIGRATING, progress=0, task_request_id=request.context.request_id)
        actions.start(tx, request.context, instance.uuid, ACTION)
        return guards.reread(tx, instance)

    with guards.lost_races(request.api, instance, "os-migrateLive"):
        now: Instance = request.api.db.write(begin)
    request.note(f"{ACTION} accepted", now)
    return now


def _wait(request: Request, instance: Instance, question: dict[str, Any], host: str | None) -> None:
    try:
        request.api.conductor.wait_for("migrate_server", request.context, **question)
    except PRE_CHECK_FAILED as error:
        raise exceptions.Invalid(error.text) from error
    except Exception as error:
        LOG.exception("Live migration of %s could not be asked for, or was not answered", instance.uuid)
        # If no conductor has begun, none will: it finds the server without the task.
        guards.undo_task(request, instance, states.MIGRATING)(error)
        where = f"host {host}" if host else "another host"
        raise exceptions.Invalid(f"Live migration of instance {instance.uuid} to {where} failed") from error


def force_complete(request: Request, instance: Instance, migration_id: int) -> None:
    """Bring a copy that is under way to its end (2.22).

    :raises MigrationNotFoundForInstance: 404
    :raises InvalidMigrationState: 400, when no copy is under way
    :raises InstanceIsLocked, InstanceInvalidState: 409
    """
    now, move = _interfere(request, instance, migration_id, (states.MIG_RUNNING,), "force_complete",
                           "live_migration_force_complete")
    guards.send(request.api.compute.live_migration_force_complete, request.context, move.source_compute,
                instance=now, migration=move)


def abort(request: Request, instance: Instance, migration_id: int) -> None:
    """End a live migration (2.24); one that waits or prepares, too, from 2.65 on.

    :raises MigrationNotFoundForInstance: 404
    :raises InvalidMigrationState: 400, when it cannot be ended any more, or not yet
    :raises InstanceIsLocked, InstanceInvalidState: 409
    """
    early = (states.QUEUED, states.PREPARING) if request.version >= 65 else ()
    now, move = _interfere(request, instance, migration_id, (*early, states.MIG_RUNNING), "abort live migration",
                           "live_migration_cancel")
    guards.send(request.api.compute.live_migration_abort, request.context, move.source_compute, instance=now,
                migration=move)


def _interfere(request: Request, instance: Instance, migration_id: int, statuses: tuple[str, ...], method: str,
               action: str) -> tuple[Instance, Migration]:
    """See that a live migration is in a fit state, and note who interferes with it.

    :param method: what refusals call it
    :param action: what the record of actions calls it
    """
    guards.check_lock(request, instance)

    def begin(tx: Transaction) -> tuple[Instance, Migration]:
        instances.update(tx, instance.uuid, {"task_state": (states.MIGRATING,)})
        move = migrations.of_instance(tx, migration_id, instance.uuid)
        if move.migration_type != states.LIVE_MIGRATION or move.status not in statuses:
            raise exceptions.InvalidMigrationState(migration_id=migration_id, instance_uuid=instance.uuid,
                                                   state=move.status, method=method)
        actions.start(tx, request.context, instance.uuid, action)
        return guards.reread(tx, instance), move

    request.api.db.read(migrations.of_instance, migration_id, instance.uuid)
    with guards.lost_races(request.api, instance, method):
        now, move = request.api.db.write(begin)
    request.note(f"{action} accepted", now, migration_status=move.status)
    return now, move
