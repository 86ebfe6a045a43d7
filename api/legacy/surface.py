"""What the API of 2014 had, as tables: its URLs and methods, and its actions of servers. What came later is not there.

A row says only where 2014 differs. The handler is that of api/routes.py at version 2.1, the schema of an action that of
api/server_actions.py.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import assisted_volume_snapshots, query, quota_sets, routes, server_actions, services
from novasim.api.legacy import bodies, faults
from novasim.api.microversion import Handler
from novasim.api.schemas import Schema, Versions
from novasim.api.schemas import aggregates as aggregate_bodies
from novasim.api.schemas import attach_interfaces as interface_bodies
from novasim.api.schemas import flavors as flavor_bodies
from novasim.api.schemas import hosts as host_bodies
from novasim.api.schemas import keypairs as keypair_bodies
from novasim.api.schemas import quota_sets as quota_bodies
from novasim.api.schemas import security_groups as group_rule_bodies
from novasim.api.schemas import server_external_events as event_bodies
from novasim.api.schemas import server_groups as group_bodies
from novasim.api.schemas import servers as server_bodies
from novasim.api.schemas import services as service_bodies
from novasim.api.schemas import volume_attachments as volume_bodies

if TYPE_CHECKING:
    from novasim.api.legacy.front import Request

VERSION = 1


@dataclasses.dataclass(frozen=True)
class Operation:
    """One method of a URL, or one action.

    :ivar check: from what was sent to what the handler expects
    :ivar schema: what the handler knows of the body; other keys are dropped
    :ivar errors: how errors are told
    :ivar query: parameter -> how it is read, and how it is refused
    :ivar view: what the answer is, made from that of ``/v2.1``
    :ivar actions: the operations of which the body's one key names one
    :ivar handler: where it is not that of the URL
    """
    check: Callable[[Any], Any] | None = None
    schema: Schema | Versions | None = None
    errors: faults.Faults = dataclasses.field(default_factory=dict)
    query: Mapping[str, tuple[Callable[[str], Any], str]] = dataclasses.field(default_factory=dict)
    view: Callable[[Request, Any], Any] | None = None
    actions: Mapping[str, Operation] | None = None
    handler: Handler | None = None

    def read(self, body: Any) -> tuple[Operation, dict[str, Any]]:
        """The operation that a body is for, and what the handler gets.

        :raises Invalid, HttpError: 400 or 422, when it is none
        """
        if self.actions is not None:
            if not isinstance(body, dict) or len(body) != 1:
                raise exceptions.MalformedRequestBody()
            [name] = body
            if name not in self.actions:
                raise exceptions.Invalid(f"There is no such action: {name}")
            return self.actions[name], self.actions[name]._read({name: body[name]}, name)
        return self, self._read(body)

    def _read(self, body: Any, action: str | None = None) -> dict[str, Any]:
        if self.check is not None:
            body = self.check(body) if action is None else {action: self.check(body[action])}
        schema = self.schema.at(VERSION) if isinstance(self.schema, Versions) else self.schema
        known: dict[str, Any] = bodies.schema_of(schema, body)
        return known


def _without(*names: str) -> Callable[[Request, Any], Any]:
    """A view without some keys, wherever they are."""
    def view(request: Request, body: Any) -> Any:
        if isinstance(body, list):
            return [view(request, item) for item in body]
        if not isinstance(body, dict):
            return body
        return {key: view(request, value) for key, value in body.items() if key not in names}
    return view


def _limits(request: Request, body: Any) -> Any:
    limits = _without("maxServerGroups", "maxServerGroupMembers", "totalServerGroupsUsed")(request, body)["limits"]
    return {"limits": limits | {"rate": request.api.rate_limits.shown(request.context.user_id)}}


def _whole(text: str) -> int:
    return query.whole(text.removeprefix("+"))


_PAGING = {"limit": (_whole, "limit param must be a positive integer")}
_PLAIN = Operation()
_SERVERS = Operation(query=_PAGING | {"changes-since": (query.moment, "Invalid changes-since value")})
_CREATE = Operation(bodies.create_server, server_bodies.CREATE, errors=faults.CREATE)
_HYPERVISOR = Operation(view=_without("state", "status", "disabled_reason"))
_QUOTA = _without(*bodies.LATER_QUOTAS)
_QUOTA_CLASS = Operation(schema=Schema(quota_bodies.update(quota_sets.names(VERSION), "quota_class_set")), view=_QUOTA)
_NOTHING = Operation(bodies.ignored)


def _one_of(schemas: Mapping[str, Schema]) -> Operation:
    """Actions that have nothing but their schemas."""
    return Operation(actions={name: Operation(schema=schema) for name, schema in schemas.items()})


_ACTIONS = {
    **dict.fromkeys(("addFixedIp", "removeFixedIp", "addFloatingIp", "removeFloatingIp", "addSecurityGroup",
                     "removeSecurityGroup"), _PLAIN),
    "changePassword": _PLAIN, "createBackup": _PLAIN, "createImage": _PLAIN,
    "evacuate": _PLAIN, "rebuild": _PLAIN, "rescue": _PLAIN,
    **dict.fromkeys(("os-getConsoleOutput", "os-getVNCConsole", "os-getSPICEConsole", "os-getRDPConsole"), _PLAIN),
    **dict.fromkeys(("forceDelete", "pause", "restore", "resume", "shelve", "shelveOffload", "suspend", "unpause",
                     "unrescue", "unshelve", "confirmResize", "revertResize"), _NOTHING),
    "resize": Operation(bodies.resize, errors=faults.RESIZE),
    "migrate": Operation(bodies.ignored, errors=faults.MIGRATE),
    "os-migrateLive": Operation(bodies.migrate_live),
    "lock": Operation(bodies.ignored, errors=faults.LOCK),
    "unlock": Operation(bodies.ignored, errors=faults.LOCK),
    "injectNetworkInfo": _NOTHING,
    "os-start": Operation(bodies.ignored, errors=faults.POWER),
    "os-stop": Operation(bodies.ignored, errors=faults.POWER),
    "reboot": Operation(bodies.reboot),
    "os-resetState": Operation(bodies.reset_state),
}
ACTIONS = {name: dataclasses.replace(operation, schema=server_actions.ACTIONS[name].schema)
           for name, operation in _ACTIONS.items() if name in server_actions.ACTIONS}

_METHODS: dict[str, dict[str, Operation]] = {
    "/extensions": {"GET": _PLAIN},
    "/extensions/{alias}": {"GET": _PLAIN},
    "/flavors": {"GET": Operation(query=_PAGING), "POST": Operation(schema=flavor_bodies.CREATE)},
    "/flavors/detail": {"GET": Operation(query=_PAGING)},
    "/flavors/{id}": {"GET": Operation(errors=faults.FLAVOR), "DELETE": _PLAIN},
    "/flavors/{id}/action": {"POST": _one_of(flavor_bodies.ACCESS)},
    "/flavors/{id}/os-extra_specs": {"GET": _PLAIN, "POST": Operation(schema=flavor_bodies.EXTRA_SPECS)},
    "/flavors/{id}/os-extra_specs/{key}": {"GET": _PLAIN, "PUT": _PLAIN, "DELETE": _PLAIN},
    "/flavors/{id}/os-flavor-access": {"GET": _PLAIN},
    "/images": {"GET": Operation(query=_PAGING)},
    "/images/detail": {"GET": Operation(query=_PAGING)},
    "/images/{id}": {"GET": _PLAIN, "DELETE": _PLAIN},
    "/images/{id}/metadata": {"GET": _PLAIN, "POST": _PLAIN, "PUT": _PLAIN},
    "/images/{id}/metadata/{key}": {"GET": _PLAIN, "PUT": _PLAIN, "DELETE": _PLAIN},
    "/limits": {"GET": Operation(view=_limits)},
    "/os-aggregates": {"GET": _PLAIN, "POST": Operation(schema=aggregate_bodies.CREATE)},
    "/os-aggregates/{id}": {"GET": _PLAIN, "PUT": Operation(schema=aggregate_bodies.UPDATE), "DELETE": _PLAIN},
    "/os-aggregates/{id}/action": {"POST": _one_of(aggregate_bodies.ACTIONS)},
    "/os-assisted-volume-snapshots": {"POST": Operation(schema=assisted_volume_snapshots.CREATE)},
    "/os-assisted-volume-snapshots/{id}": {"DELETE": _PLAIN},
    "/os-availability-zone": {"GET": _PLAIN},
    "/os-availability-zone/detail": {"GET": _PLAIN},
    "/os-hosts": {"GET": _PLAIN},
    "/os-hosts/{id}": {"GET": _PLAIN, "PUT": Operation(schema=host_bodies.UPDATE)},
    **{f"/os-hosts/{{id}}/{verb}": {"GET": _PLAIN} for verb in ("startup", "shutdown", "reboot")},
    "/os-floating-ip-pools": {"GET": _PLAIN},
    "/os-floating-ips": {"GET": _PLAIN, "POST": _PLAIN},
    "/os-floating-ips/{id}": {"GET": _PLAIN, "DELETE": _PLAIN},
    **{f"/os-hypervisors{path}": {"GET": _HYPERVISOR}
       for path in ("", "/detail", "/statistics", "/{id}", "/{id}/uptime", "/{id}/search", "/{id}/servers")},
    "/os-keypairs": {"GET": _PLAIN, "POST": Operation(schema=keypair_bodies.CREATE)},
    "/os-keypairs/{id}": {"GET": _PLAIN, "DELETE": _PLAIN},
    "/os-migrations": {"GET": _PLAIN},
    "/os-instance_usage_audit_log": {"GET": _PLAIN},
    "/os-instance_usage_audit_log/{id}": {"GET": _PLAIN},
    **{f"/{name}{path}": {"GET": _PLAIN} for name in ("os-networks", "os-tenant-networks") for path in ("", "/{id}")},
    "/os-quota-class-sets/{id}": {"GET": Operation(view=_QUOTA), "PUT": _QUOTA_CLASS},
    "/os-quota-sets/{id}": {
        "GET": Operation(view=_QUOTA), "PUT": Operation(bodies.update_quota, view=_QUOTA), "DELETE": _PLAIN},
    "/os-quota-sets/{id}/defaults": {"GET": Operation(view=_QUOTA)},
    "/os-security-group-rules": {"POST": Operation(schema=group_rule_bodies.RULE)},
    "/os-security-group-rules/{id}": {"DELETE": _PLAIN},
    "/os-security-groups": {"GET": _PLAIN, "POST": Operation(schema=group_rule_bodies.GROUP)},
    "/os-security-groups/{id}": {
        "GET": _PLAIN, "PUT": Operation(schema=group_rule_bodies.GROUP), "DELETE": _PLAIN},
    "/os-server-external-events": {"POST": Operation(schema=event_bodies.CREATE)},
    "/os-server-groups": {"GET": _PLAIN, "POST": Operation(schema=group_bodies.CREATE)},
    "/os-server-groups/{id}": {"GET": _PLAIN, "DELETE": _PLAIN},
    "/os-services": {"GET": _PLAIN},
    **{f"/os-services/{verb}": {"PUT": Operation(
        check, service_bodies.BY_NAME[verb], handler=functools.partial(services.update_by_name, service_id=verb))}
       for verb, check in (("enable", bodies.update_service), ("disable", bodies.update_service),
                           ("disable-log-reason", bodies.disable_service))},
    # PUT: for what is none of these actions.
    "/os-services/{id}": {"PUT": _PLAIN, "DELETE": _PLAIN},
    "/os-simple-tenant-usage": {"GET": _PLAIN},
    "/os-simple-tenant-usage/{id}": {"GET": _PLAIN},
    "/os-volumes_boot": {"POST": _CREATE},
    "/servers": {"GET": _SERVERS, "POST": _CREATE},
    "/servers/detail": {"GET": _SERVERS},
    "/servers/{id}": {"GET": _PLAIN, "PUT": Operation(bodies.update_server, server_bodies.UPDATE), "DELETE": _PLAIN},
    "/servers/{id}/action": {"POST": Operation(actions=ACTIONS)},
    "/servers/{id}/diagnostics": {"GET": _PLAIN},
    "/servers/{id}/ips": {"GET": _PLAIN},
    "/servers/{id}/ips/{network}": {"GET": _PLAIN},
    "/servers/{id}/metadata": {"GET": _PLAIN, **dict.fromkeys(
        ("POST", "PUT"), Operation(schema=server_bodies.METADATA_ALL))},
    "/servers/{id}/metadata/{key}": {
        "GET": _PLAIN, "PUT": Operation(schema=server_bodies.METADATA_ONE), "DELETE": _PLAIN},
    "/servers/{id}/os-instance-actions": {"GET": _PLAIN},
    "/servers/{id}/os-instance-actions/{request_id}": {"GET": Operation(errors=faults.INSTANCE_ACTION)},
    "/servers/{id}/os-interface": {"GET": _PLAIN, "POST": Operation(schema=interface_bodies.CREATE)},
    "/servers/{id}/os-interface/{id}": {"GET": _PLAIN, "DELETE": _PLAIN},
    "/servers/{id}/os-security-groups": {"GET": _PLAIN},
    "/servers/{id}/os-server-password": {"GET": _PLAIN, "DELETE": _PLAIN},
    "/servers/{id}/os-volume_attachments": {"GET": _PLAIN, "POST": Operation(schema=volume_bodies.CREATE)},
    "/servers/{id}/os-volume_attachments/{id}": {
        "GET": _PLAIN, "PUT": Operation(schema=volume_bodies.UPDATE), "DELETE": _PLAIN},
}


def _shape(path: str) -> str:
    """A path whatever its ids are called."""
    return re.sub(r"{\w+}", "{}", path)


Table = dict[str, dict[str, tuple[Handler, Operation]]]


def _operations() -> Table:
    """The table by the paths of api/routes.py, with its handlers; without what is not served."""
    table: Table = {path: {method: (row.handler, row) for method, row in methods.items() if row.handler}
                    for path, methods in _METHODS.items()}
    rows = {_shape(path): methods for path, methods in _METHODS.items()}
    for path, entries in routes.ROUTES.items():
        had = rows.get(_shape(path), {})
        table[path] = {method: (routes.pick(entries, method, VERSION), had[method])
                       for method in entries if method in had}
    return {path: methods for path, methods in table.items() if methods}


OPERATIONS = _operations()
TREE = routes.tree(OPERATIONS)
