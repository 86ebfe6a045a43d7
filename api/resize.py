"""The API's part of a resize, a cold migration, a confirm and a revert (spec 5): check, take the state in one
transaction, send the first message, answer. A cold migration is a resize to the flavor the server has.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from novasim import exceptions, quota, states
from novasim.api import guards
from novasim.api.wsgi import Request
from novasim.context import RequestContext
from novasim.db import actions, flavors, hosts, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import NEW, OLD, Flavor, Instance, Migration

if TYPE_CHECKING:
    from novasim.api.app import Api

RESIZE, MIGRATE, CONFIRM, REVERT = "resize", "migrate", "confirmResize", "revertResize"


Found = tuple[Instance, dict[str, Any]]


def with_new_flavor(request: Request, server_id: str, body: dict[str, Any]) -> Found:
    """A server, and beside it the flavor that it is to have."""
    context = request.context
    named = flavors.NAMED if context.is_admin else flavors.NAMED_FOR
    return guards.find_beside(request, server_id, named, flavorid=str(body["flavorRef"]), project=context.project_id)


def with_present_flavor(request: Request, server_id: str, _body: Any) -> Found:
    """A server, and beside it its flavor with the extra specs, which no snapshot holds."""
    return guards.find_beside(request, server_id, flavors.PRESENT)


def with_waiting_move(request: Request, server_id: str, _body: Any) -> Found:
    """A server, and beside it the move that waits for a confirm or a revert."""
    return guards.find_beside(request, server_id, migrations.WAITING)


def resize(request: Request, instance: Instance, body: dict[str, Any], beside: dict[str, Any]) -> None:
    """Begin to give a server another flavor.

    :param beside: of :func:`with_new_flavor`
    :raises FlavorNotUsable, CannotResizeToSameFlavor, CannotResizeDisk, AutoDiskConfigDisabledByImage,
        FlavorMemoryTooSmall, FlavorDiskTooSmall: 400
    :raises InstanceIsLocked, InstanceInvalidState, ServiceUnavailable: 409
    :raises OverQuota: 403
    """
    guards.check(request, instance, RESIZE)
    disk = body.get("OS-DCF:diskConfig")
    auto_disk_config = None if disk is None else disk == "AUTO"
    if auto_disk_config and instance.system_metadata.get("image_auto_disk_config", "").lower() == "disabled":
        raise exceptions.AutoDiskConfigDisabledByImage(image=instance.image_ref)
    new, is_up = flavors.with_host(beside)
    if new is None:
        raise exceptions.FlavorNotUsable(flavor_id=body["flavorRef"])
    _check_flavor(request.api, instance, new)
    guards.require_up(instance, instance.host, is_up)
    _start(request, instance, RESIZE, new, {}, auto_disk_config)


def migrate(request: Request, instance: Instance, body: Any, beside: dict[str, Any]) -> None:
    """Begin to move a server to another host: to the body's ``host``, or where the scheduler likes.

    :param beside: of :func:`with_present_flavor`
    :raises ComputeHostUnknown, CannotMigrateToSameHost: 400
    :raises InstanceIsLocked, InstanceInvalidState, ServiceUnavailable: 409
    """
    host = body.get("host") if request.version >= 56 and isinstance(body, dict) else None
    if host is not None:
        request.authorize("os-migrate-server:migrate:host", instance)
    guards.check(request, instance, MIGRATE)
    present, is_up = flavors.with_host(beside)
    guards.require_up(instance, instance.host, is_up)
    where: dict[str, Any] = {}
    if host is not None:
        if not request.api.db.read(hosts.nodes, host):
            raise exceptions.ComputeHostUnknown(host=host)
        if host == instance.host:
            raise exceptions.CannotMigrateToSameHost()
        where = {"requested_destination": {"host": host}}
    _start(request, instance, MIGRATE, present or instance.flavor(), where)


def _check_flavor(api: Api, instance: Instance, new: Flavor) -> None:
    """See that a server can have a flavor (spec 5.2, 5.3)."""
    image = instance.system_metadata
    # The API's cell has looked at this already, with a server that it may not have changed yet (spec 5.3).
    if new.id == instance.instance_type_id and api.conf.cells.cell_type != "compute":
        raise exceptions.CannotResizeToSameFlavor()
    if new.disabled:
        raise exceptions.FlavorNotUsable(flavor_id=new.flavorid)
    if new.root_gb == 0 and instance.flavor().root_gb != 0:
        raise exceptions.CannotResizeDisk(reason="Resize to zero disk flavor is not allowed.")
    if new.memory_mb < int(image.get("image_min_ram", 0)):
        raise exceptions.FlavorMemoryTooSmall()
    least = int(image.get("image_min_disk", 0))
    if new.root_gb and new.root_gb < least:
        raise exceptions.FlavorDiskTooSmall(flavor_size=new.root_gb, image_min_disk=least)


def ignored_hosts(api: Api, instance: Instance, action: str) -> list[str]:
    """Hosts that the scheduler must leave out: the server's own, by the truth table of spec 5.6."""
    ignored = [] if api.conf.allow_resize_to_same_host else [instance.host or ""]
    if action == MIGRATE and not api.conf.allow_migrate_to_same_host:
        ignored.append(instance.host or "")
    return ignored


def _start(request: Request, instance: Instance, action: str, flavor: Flavor, where: dict[str, Any],
           auto_disk_config: bool | None = None) -> None:
    api, context = request.api, request.context
    deltas = quota.upsize_deltas(instance.flavor(), flavor) if action == RESIZE else {}
    more = {} if auto_disk_config is None else {"auto_disk_config": auto_disk_config}

    def begin(tx: Transaction) -> tuple[Instance, list[str]]:
        now = guards.take(tx, instance, task_state=states.RESIZE_PREP, progress=0,
                          task_request_id=context.request_id, **more)
        reservations = quotas.reserve(tx, now, deltas, api.quota_defaults, api.conf.reservation_expire)
        actions.start(tx, context, instance.uuid, action)
        return now, reservations

    with guards.lost_races(api, instance, action):
        now, reservations = api.db.write(begin)
    request.note(f"{action} accepted", now)
    hint = {"filter_properties": {"ignore_hosts": ignored_hosts(api, now, action)} | where}
    guards.send(api.conductor.migrate_server, context, undo=guards.undo_task(request, now, states.RESIZE_PREP),
                instance=now, scheduler_hint=hint, live=False, rebuild=False, flavor=flavor, block_migration=None,
                disk_over_commit=None, reservations=reservations)


def settle(action: str) -> Callable[[Request, Instance, Any, dict[str, Any]], None]:
    """A confirm or a revert; they begin alike: lock, state, a move that waits, for a confirm also a source that is up.

    :raises InstanceIsLocked, ServiceUnavailable: 409
    :raises InstanceInvalidState: when another request has decided over it since the server was looked at; 409
    :raises InstanceNotResized: when no move waits: it is being confirmed; 400
    """
    def begin(request: Request, instance: Instance, _body: Any, beside: dict[str, Any]) -> None:
        guards.check(request, instance, action)
        migration, source_is_up = migrations.with_source(beside)
        if migration is None:
            raise exceptions.InstanceNotResized()
        if action == CONFIRM:
            guards.require_up(instance, migration.source_compute, source_is_up)
        elif request.actions is states.ACTIONS_2014:
            check_flavors(request.api, migration)
        (confirm if action == CONFIRM else revert)(request.api, request.context, instance, migration)
        request.noted = True
    return begin


def _settle(api: Api, context: RequestContext, instance: Instance, migration: Migration, action: str, status: str,
            deltas: dict[str, int]) -> tuple[Instance, Migration, list[str]]:
    """Take the decision over a move, in one transaction: the first of two requests wins."""
    task = states.ACTIONS[action].sets

    def begin(tx: Transaction) -> tuple[Instance, Migration, list[str]]:
        values = {} if task is None else {"task_state": task}
        now = guards.take(tx, instance, task_request_id=context.request_id, **values)
        try:
            migrations.advance(tx, migration.id, (states.FINISHED,), status)
        except exceptions.MigrationStatusConflict as error:
            raise exceptions.InstanceInvalidState(action=action, instance_uuid=instance.uuid, attr="migration_status",
                                                  state=error.kwargs["actual"]) from error
        moved = msgspec.structs.replace(migration, status=status, updated_at=tx.now)
        reservations = quotas.reserve(tx, now, deltas, api.quota_defaults, api.conf.reservation_expire)
        actions.start(tx, context, instance.uuid, action)
        return now, moved, reservations

    with guards.lost_races(api, instance, action):
        return api.db.write(begin)


def confirm(api: Api, context: RequestContext, instance: Instance, migration: Migration) -> None:
    """Make a move final: the source is told to forget the server. The caller has checked lock and rights.

    :raises InstanceInvalidState: when the move does not wait any more
    :raises MessagingUnavailable: when the source could not be told; the move waits again then
    """
    deltas = quota.downsize_deltas(instance.flavor(OLD), instance.flavor(NEW))
    now, moved, reservations = _settle(api, context, instance, migration, CONFIRM, states.CONFIRMING, deltas)
    _note(api, context, "confirmResize accepted", now, moved)
    guards.send(api.compute.confirm_resize, context, moved.source_compute, undo=_unconfirm(api, context, now, moved),
                instance=now, migration=moved, reservations=reservations)


def check_flavors(api: Api, migration: Migration) -> None:
    """What a revert of 2014 needs beside what servers remember of their flavors.

    :raises Invalid: when one of the move's flavors was deleted (spec 3.4)
    """
    rows = api.db.read(flavors.by_ids, [migration.old_instance_type_id, migration.new_instance_type_id])
    if any(flavor.deleted for flavor in rows.values()):
        raise exceptions.Invalid("Flavor used by the instance could not be found.")


def revert(api: Api, context: RequestContext, instance: Instance, migration: Migration) -> None:
    """Take a move back: the destination is told to give the server up. The caller has checked lock and rights.

    :raises InstanceInvalidState: when the move does not wait any more
    :raises MessagingUnavailable: when the destination could not be told; the agents' recovery goes on with it
    """
    deltas = quota.revert_deltas(instance.flavor(OLD), instance.flavor(NEW))
    now, moved, reservations = _settle(api, context, instance, migration, REVERT, states.REVERTING, deltas)
    _note(api, context, "revertResize accepted", now, moved)
    guards.send(api.compute.revert_resize, context, moved.dest_compute, instance=now, migration=moved,
                reservations=reservations)


def _note(api: Api, context: RequestContext, what: str, instance: Instance, migration: Migration) -> None:
    api.journal.write(what, context.request_id, kind="http", instance_uuid=instance.uuid, vm_state=instance.vm_state,
                      task_state=instance.task_state, migration_status=migration.status,
                      method=f"POST /servers/{instance.uuid}/action")


def _unconfirm(api: Api, context: RequestContext, instance: Instance,
               migration: Migration) -> Callable[[Exception], None]:
    def undo(error: Exception) -> None:
        def transaction(tx: Transaction) -> None:
            instances.update(tx, instance.uuid, task_request_id=None)
            # Only while no agent has begun: it may have the message after all.
            migrations.advance(tx, migration.id, (states.CONFIRMING,), states.FINISHED, (None,))
            quotas.rollback(tx, instance.uuid)
            actions.fail(tx, context.request_id, instance.uuid)
            actions.add_fault(tx, instance.uuid, error)

        with contextlib.suppress(exceptions.InstanceNotFound, exceptions.MigrationStatusConflict):
            api.db.write(transaction)
    return undo
