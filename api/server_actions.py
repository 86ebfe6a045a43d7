"""POST /servers/{id}/action: one table from the name of an action to its schema, its right and its function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from novasim import exceptions, states
from novasim.api import delete, guards, lock, power, resize
from novasim.api.schemas import Versions
from novasim.api.schemas import server_actions as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import actions, endings, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api


def _resize(request: Request, instance: Instance, body: dict[str, Any]) -> None:
    disk = body.get("OS-DCF:diskConfig")
    resize.resize(request, instance, str(body["flavorRef"]), None if disk is None else disk == "AUTO")


def _migrate(request: Request, instance: Instance, body: Any) -> None:
    host = body.get("host") if request.version >= 56 and isinstance(body, dict) else None
    if host is not None:
        request.authorize("os-migrate-server:migrate:host", instance)
    resize.migrate(request, instance, host)


def _settled(settle: Callable[..., None], action: str) -> Callable[[Request, Instance, Any], None]:
    """Confirm and revert begin alike: lock, state, a move that waits, for a confirm also a source that is up."""
    def begin(request: Request, instance: Instance, _body: Any) -> None:
        guards.check(request, instance, action)
        migration = resize.waiting_migration(request.api, instance)
        if settle is resize.confirm:
            guards.check_host_up(request.api, instance, migration.source_compute)
        settle(request.api, request.context, instance, migration)
        request.noted = True
    return begin


def _reset_state(request: Request, instance: Instance, body: dict[str, Any]) -> None:
    def transaction(tx: Transaction) -> Instance:
        vm_state = {"active": states.ACTIVE, "error": states.ERROR}[body["state"]]
        instances.update(tx, instance.uuid)
        now = instances.get(tx, instance.uuid, with_metadata=False)
        move = migrations.in_progress(tx, instance.uuid)
        if move is not None:
            # A server that is neither moving nor waiting must not hold room on two hosts.
            # Once a revert has begun, the destination's guest goes whatever happens here.
            endings.abandon(tx, now, move, vm_state, move.status == states.REVERTING and move.step is not None)
        instances.update(tx, instance.uuid, vm_state=vm_state, task_state=None)
        quotas.rollback(tx, instance.uuid)
        actions.start(tx, request.context, instance.uuid, "resetState")
        return guards.reread(tx, instance)

    request.note(f"state reset to {body['state']}", request.api.db.write(transaction))


def _lock(request: Request, instance: Instance, body: Any) -> None:
    lock.lock(request, instance, body.get("locked_reason") if request.version >= 73 and body else None)


class Action(NamedTuple):
    """One action: how its body looks, the rule that allows it, what it does, what a success answers."""
    schema: Versions
    rule: str
    perform: Callable[[Request, Instance, Any], None]
    status: int = 202


ACTIONS = {
    "resize": Action(bodies.RESIZE, "servers:resize", _resize),
    "migrate": Action(bodies.MIGRATE, "os-migrate-server:migrate", _migrate),
    "confirmResize": Action(bodies.plain("confirmResize"), "servers:confirm_resize",
                            _settled(resize.confirm, "confirmResize"), 204),
    "revertResize": Action(bodies.plain("revertResize"), "servers:revert_resize",
                           _settled(resize.revert, "revertResize")),
    "os-start": Action(bodies.plain("os-start"), "servers:start",
                       lambda request, instance, _: power.change(request, instance, power.START)),
    "os-stop": Action(bodies.plain("os-stop"), "servers:stop",
                      lambda request, instance, _: power.change(request, instance, power.STOP)),
    "reboot": Action(bodies.REBOOT, "servers:reboot",
                     lambda request, instance, body: power.reboot(request, instance, body["type"].upper())),
    "lock": Action(bodies.LOCK, "os-lock-server:lock", _lock),
    "unlock": Action(bodies.plain("unlock"), "os-lock-server:unlock",
                     lambda request, instance, _: lock.unlock(request, instance)),
    "os-resetState": Action(bodies.RESET_STATE, "os-admin-actions:reset_state", _reset_state),
    "forceDelete": Action(bodies.plain("forceDelete"), "os-deferred-delete:force",
                          lambda request, instance, _: delete.delete(request, instance)),
}


def dispatch(api: Api, request: Request, server_id: str) -> Response:
    """Find the action that the body's one key names, and perform it."""
    body = request.json()
    if len(body) != 1:
        raise exceptions.MalformedRequestBody()
    name, content = next(iter(body.items()))
    action = ACTIONS.get(name)
    if action is None:
        raise exceptions.Invalid(f"There is no such action: {name}")
    action.schema.check(body, request.version)
    instance = guards.find(request, server_id, with_metadata=False)
    request.authorize(action.rule, instance)
    action.perform(request, instance, content)
    return Response(action.status)
