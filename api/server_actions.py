"""POST /servers/{id}/action: one table from the name of an action to its schema, its right and its function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from novasim import exceptions
from novasim.api import (
    attach_interfaces,
    console_output,
    crash_dump,
    deferred_delete,
    delete,
    evacuate,
    floating_ips,
    gone,
    guards,
    live_migrate,
    lock,
    microversion,
    power,
    rebuild,
    remote_consoles,
    reset_state,
    resize,
    shelve,
    snapshot,
)
from novasim.api.answers import Answers, Shape, answers, since, until
from novasim.api.schemas import Versions, servers
from novasim.api.schemas import attach_interfaces as interfaces
from novasim.api.schemas import floating_ips as floating_ip_bodies
from novasim.api.schemas import remote_consoles as consoles
from novasim.api.schemas import server_actions as bodies
from novasim.api.wsgi import HttpError, Request, Response
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api


def _migrate_live(request: Request, instance: Instance, body: dict[str, Any]) -> None:
    if body["host"] is not None:
        request.authorize("os-migrate-server:migrate_live:host", instance)
    live_migrate.live_migrate(request, instance, body)


def _power(verb: power.Verb) -> Callable[[Request, Instance, Any], None]:
    return lambda request, instance, _: power.change(request, instance, verb)


def _rescue(request: Request, instance: Instance, body: dict[str, Any] | None) -> Response:
    given = body or {}
    password = power.rescue(request, instance, given.get("adminPass"), given.get("rescue_image_ref"))
    return Response(200, {"adminPass": password})


def _change_password(request: Request, instance: Instance, body: dict[str, Any]) -> None:
    power.change(request, instance, power.CHANGE_PASSWORD, new_pass=body["adminPass"])


def _unshelve(request: Request, instance: Instance, body: Any) -> None:
    where = body if request.version >= 77 and body else {}
    if where.get("host") is not None:
        request.authorize("os-shelve:unshelve_to_host", instance)
    shelve.unshelve(request, instance, where)


def _lock(request: Request, instance: Instance, body: Any) -> None:
    lock.lock(request, instance, body.get("locked_reason") if request.version >= 73 and body else None)


def _inject_network_info(request: Request, instance: Instance, _body: Any) -> None:
    """A simulated guest asks nobody for its addresses: there is nothing to put into it."""
    guards.check(request, instance, "injectNetworkInfo")


def _console(protocol: str) -> Callable[[Request, Instance, Any], Response]:
    return lambda request, instance, body: remote_consoles.action(request, instance, protocol, body)


def _find(request: Request, server_id: str, _body: Any) -> tuple[Instance]:
    return (guards.find(request, server_id, with_metadata=False),)


class Action(NamedTuple):
    """One action: how its body looks, the rule that allows it, what it does, what a success answers, the last and
    first version that have it, the shape of the answer; and what finds its server, and beside it what it hands over to
    ``perform`` as well."""
    schema: Versions
    rule: str
    perform: Callable[..., Response | None]
    status: int = 202
    until: int = microversion.MAX
    since: int = microversion.MIN
    answer: Shape = None
    find: Callable[[Request, str, Any], tuple[Any, ...]] = _find


_IMAGE_ID = (until(44, None), since(45, {"image_id": str}))
_PASSWORD = {"adminPass": str}
_CONSOLE = {"console": {"type": str, "url": str}}
ACTIONS = {
    "resize": Action(bodies.RESIZE, "servers:resize", resize.resize, find=resize.with_new_flavor),
    "migrate": Action(bodies.MIGRATE, "os-migrate-server:migrate", resize.migrate, find=resize.with_present_flavor),
    "os-migrateLive": Action(bodies.MIGRATE_LIVE, "os-migrate-server:migrate_live", _migrate_live),
    "evacuate": Action(bodies.EVACUATE, "os-evacuate", evacuate.evacuate, 200,
                       answer=(until(13, _PASSWORD), since(14, None))),
    "confirmResize": Action(bodies.plain("confirmResize"), "servers:confirm_resize",
                            resize.settle(resize.CONFIRM), 204, find=resize.with_waiting_move),
    "revertResize": Action(bodies.plain("revertResize"), "servers:revert_resize",
                           resize.settle(resize.REVERT), find=resize.with_waiting_move),
    "os-start": Action(bodies.plain("os-start"), "servers:start", _power(power.START)),
    "os-stop": Action(bodies.plain("os-stop"), "servers:stop", _power(power.STOP)),
    "reboot": Action(bodies.REBOOT, "servers:reboot",
                     lambda request, instance, body: power.reboot(request, instance, body["type"].upper())),
    "pause": Action(bodies.plain("pause"), "os-pause-server:pause", _power(power.PAUSE)),
    "unpause": Action(bodies.plain("unpause"), "os-pause-server:unpause", _power(power.UNPAUSE)),
    "suspend": Action(bodies.plain("suspend"), "os-suspend-server:suspend", _power(power.SUSPEND)),
    "resume": Action(bodies.plain("resume"), "os-suspend-server:resume", _power(power.RESUME)),
    "rescue": Action(bodies.RESCUE, "os-rescue", _rescue, 200, answer=_PASSWORD),
    "unrescue": Action(bodies.plain("unrescue"), "os-unrescue", _power(power.UNRESCUE)),
    "changePassword": Action(bodies.CHANGE_PASSWORD, "os-admin-password", _change_password),
    "rebuild": Action(servers.REBUILD, "servers:rebuild", rebuild.rebuild, answer={"server": rebuild.SHAPE}),
    "createImage": Action(bodies.CREATE_IMAGE, "servers:create_image", snapshot.create_image, answer=_IMAGE_ID),
    "createBackup": Action(bodies.CREATE_BACKUP, "os-create-backup", snapshot.create_backup, answer=_IMAGE_ID),
    "shelve": Action(bodies.plain("shelve"), "os-shelve:shelve",
                     lambda request, instance, _: shelve.shelve(request, instance)),
    "shelveOffload": Action(bodies.plain("shelveOffload"), "os-shelve:shelve_offload",
                            lambda request, instance, _: shelve.shelve_offload(request, instance)),
    "unshelve": Action(bodies.UNSHELVE, "os-shelve:unshelve", _unshelve),
    "addFixedIp": Action(interfaces.ADD_FIXED_IP, "os-multinic:add", attach_interfaces.add_fixed_ip, until=43),
    "removeFixedIp": Action(interfaces.REMOVE_FIXED_IP, "os-multinic:remove", attach_interfaces.remove_fixed_ip,
                            until=43),
    "addFloatingIp": Action(floating_ip_bodies.ADD, "os-floating-ips:add", floating_ips.add, until=43),
    "removeFloatingIp": Action(floating_ip_bodies.REMOVE, "os-floating-ips:remove", floating_ips.remove, until=43),
    "addSecurityGroup": Action(interfaces.ADD_SECURITY_GROUP, "os-security-groups:add",
                               attach_interfaces.add_security_group),
    "removeSecurityGroup": Action(interfaces.REMOVE_SECURITY_GROUP, "os-security-groups:remove",
                                  attach_interfaces.remove_security_group),
    "lock": Action(bodies.LOCK, "os-lock-server:lock", _lock),
    "unlock": Action(bodies.plain("unlock"), "os-lock-server:unlock",
                     lambda request, instance, _: lock.unlock(request, instance)),
    "injectNetworkInfo": Action(bodies.plain("injectNetworkInfo"), "os-admin-actions:inject_network_info",
                                _inject_network_info),
    "os-resetState": Action(bodies.RESET_STATE, "os-admin-actions:reset_state", reset_state.reset),
    "forceDelete": Action(bodies.plain("forceDelete"), "os-deferred-delete:force",
                          lambda request, instance, _: delete.delete(request, instance, "forceDelete")),
    "restore": Action(bodies.plain("restore"), "os-deferred-delete:restore",
                      lambda request, instance, _: deferred_delete.restore(request, instance)),
    "os-getConsoleOutput": Action(bodies.GET_CONSOLE_OUTPUT, "os-console-output", console_output.get_console_output,
                                  200, answer={"output": str}),
    **{name: Action(schema, "os-remote-consoles", _console(protocol), 200, until=5, answer=_CONSOLE)
       for name, (protocol, schema) in consoles.ACTIONS.items()},
    "trigger_crash_dump": Action(bodies.plain("trigger_crash_dump"), "servers:trigger_crash_dump",
                                 crash_dump.trigger_crash_dump, since=17),
}


def of_action(action: Action) -> Answers:
    """What is known of an action, as of any route."""
    return Answers({action.status: action.answer}, _ERRORS, (action.schema,))


_ERRORS = frozenset({409, 501, 503})


@answers(None, 202, _ERRORS, [action.schema for action in ACTIONS.values()])
def dispatch(api: Api, request: Request, server_id: str) -> Response:
    """Find the action that the body's one key names, and perform it."""
    body = request.json()
    if len(body) != 1:
        raise exceptions.MalformedRequestBody()
    name, content = next(iter(body.items()))
    action = ACTIONS.get(name)
    if name in gone.ACTIONS:
        raise HttpError(410, gone.ACTIONS[name])
    if action is None:
        raise exceptions.Invalid(f"There is no such action: {name}")
    if not action.since <= request.version <= action.until:
        raise HttpError(404, "The resource could not be found.")
    action.schema.check(body, request.version)
    instance, *beside = action.find(request, server_id, content)
    request.authorize(action.rule, instance)
    return action.perform(request, instance, content, *beside) or Response(action.status)
