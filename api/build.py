"""Creating servers: everything the request names must exist and fit; then rows, quota and actions appear together in
one transaction, and the conductor is told to have them built.
"""

from __future__ import annotations

import re
import secrets
import string
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from novasim import exceptions, quota, states
from novasim.api import (
    availability_zones,
    block_devices,
    guards,
    images,
    passwords,
    requested_networks,
    schemas,
    server_addresses,
)
from novasim.api.wsgi import Request
from novasim.db import actions, endings, flavors, groups, hosts, instance_extra, instances, keypairs, quotas, tags
from novasim.db.engine import Transaction
from novasim.db.ports import NETWORK_ALLOCATED
from novasim.objects import CURRENT, Flavor, Instance, InstanceGroup

if TYPE_CHECKING:
    from novasim.api.app import Api

_LOWER = string.ascii_lowercase + string.digits


class Plan(NamedTuple):
    """A create request, looked up and checked."""
    body: dict[str, Any]
    flavor: Flavor
    image: dict[str, Any]
    zone: str | None
    filter_properties: dict[str, Any]
    low: int
    high: int
    networks: list[requested_networks.Wanted]
    security_groups: list[str] | None
    extra: instance_extra.Extra


def build(request: Request, body: dict[str, Any]) -> tuple[list[Instance], str]:
    """Create the servers of a request.

    :returns: the servers (first one first), and their administrator's password
    :raises Invalid: 400, naming what cannot be had
    :raises OverQuota: 403
    """
    api, context = request.api, request.context
    plan = _plan(request, body)
    reservation_id = "r-" + "".join(secrets.choice(_LOWER) for _ in range(8))
    password = plan.body.get("adminPass") or passwords.generate()

    def begin(tx: Transaction) -> list[Instance]:
        group = _group(tx, request, plan)
        count = _affordable(tx, api, context.project_id, plan)
        # The quota first: what it refuses must not cost the work of making it.
        quotas.use(tx, context.project_id, context.user_id, quota.boot_deltas(plan.flavor, count), api.quota_defaults)
        servers = [_instance(request, plan, reservation_id, number) for number in range(count)]
        instances.create(tx, servers)
        uuids = [server.uuid for server in servers]
        instance_extra.create(tx, uuids, plan.extra)
        tags.create(tx, uuids, plan.body.get("tags", []))
        if group is not None:
            groups.add_members(tx, group, context.user_id, uuids, api.quota_defaults)
        requested_networks.allocate(tx, servers, plan.networks, plan.security_groups,
                                    plan.zone or api.conf.default_availability_zone)
        for server in servers:
            actions.start(tx, context, server.uuid, "create")
        return [guards.reread(tx, server) for server in servers]

    servers = api.db.write(begin)
    for server in servers:
        request.note("create accepted", server)

    def undo(_error: Exception) -> None:
        for server in servers:
            api.db.write(endings.erase, server.uuid)

    guards.send(api.conductor.build_instances, context, undo=undo, instances=servers, image=plan.image,
                filter_properties=plan.filter_properties, admin_password=password,
                injected_files=[[item["path"], item["contents"]] for item in plan.body.get("personality", [])],
                requested_networks=None, security_groups=["default"], block_device_mapping=[], legacy_bdm=False)
    return servers, password


def _plan(request: Request, whole: dict[str, Any]) -> Plan:
    body = whole["server"]
    check_limits(request, body)
    check_key(request, body)
    low = int(body.get("min_count", 1))
    high = int(body.get("max_count", low))
    if low > high:
        raise exceptions.Invalid("min_count must be <= max_count")
    if high > 1 and body.get("hostname"):
        raise exceptions.Invalid("hostname cannot be given when several servers are created")
    flavor = _flavor(request, body)
    image = _image(request, block_devices.check(body, flavor))
    check_fit(flavor, image)
    hints = whole.get("os:scheduler_hints") or whole.get("OS-SCH-HNT:scheduler_hints") or {}
    zone, forced = _placement(request, body)
    groups, wanted = requested_networks.default_or(request, body), requested_networks.read(request, body, high)
    listed = {name: value if isinstance(value, list) else [value] for name, value in hints.items()}
    extra = instance_extra.Extra(body.get("trusted_image_certificates"), listed)
    return Plan(body, flavor, image, zone, {"scheduler_hints": hints} | forced, low, high, wanted, groups, extra)


def check_key(request: Request, body: Mapping[str, Any]) -> None:
    """See that the caller has the key pair that a server is to be made with. A server that is made anew gets the key
    of who asks for that: keys are users', servers are projects'.

    :raises Invalid: when there is none
    """
    if body.get("key_name"):
        try:
            request.api.db.read(keypairs.get, request.context.user_id, body["key_name"])
        except exceptions.NotFound as error:
            raise exceptions.Invalid("Invalid key_name provided.") from error


def check_limits(request: Request, body: Mapping[str, Any]) -> None:
    """The limits that are no usage: of metadata and of files put into the server.

    :raises Forbidden: naming the one that is passed
    """
    files = body.get("personality", [])
    sizes = {"metadata_items": [len(body.get("metadata", {}))], "injected_files": [len(files)],
             "injected_file_path_bytes": [len(item["path"]) for item in files],
             "injected_file_content_bytes": [len(item["contents"]) * 3 // 4 for item in files]}
    if not any(max(values, default=0) for values in sizes.values()):
        return
    api, context = request.api, request.context
    limits = api.db.read(quotas.limits, context.project_id, api.quota_defaults, context.user_id)
    for name, values in sizes.items():
        most = limits[name]
        if most != quota.UNLIMITED and max(values, default=0) > most:
            raise exceptions.OverQuota(f"Quota exceeded, too many {name}: at most {most} are allowed")


def _flavor(request: Request, body: Mapping[str, Any]) -> Flavor:
    """The flavor, by its id or by a link that ends in it."""
    flavor_id = str(body["flavorRef"]).rstrip("/").rsplit("/", 1)[-1]
    try:
        flavor = request.api.db.read(flavors.get, flavor_id, request.context.viewer)
    except exceptions.FlavorNotFound as error:
        raise exceptions.FlavorNotUsable(flavor_id=flavor_id) from error
    if flavor.disabled:
        raise exceptions.FlavorNotUsable(flavor_id=flavor_id)
    return flavor


def _image(request: Request, image_id: str) -> dict[str, Any]:
    if not image_id:
        raise exceptions.ImageNotFoundForBoot()
    try:
        image = images.usable(request, image_id)
    except exceptions.ImageNotFound as error:
        raise exceptions.ImageNotFoundForBoot() from error
    return {key: value for key, value in image.items() if key not in images.OF_THE_ROW}


def check_fit(flavor: Flavor, image: Mapping[str, Any]) -> None:
    """
    :raises FlavorMemoryTooSmall, FlavorDiskTooSmall: when an image wants more than a flavor has
    """
    if flavor.memory_mb < image["min_ram"]:
        raise exceptions.FlavorMemoryTooSmall()
    if flavor.root_gb and flavor.root_gb < image["min_disk"]:
        raise exceptions.FlavorDiskTooSmall(flavor_size=flavor.root_gb, image_min_disk=image["min_disk"])


def _placement(request: Request, body: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The zone, and what binds the scheduler: ``zone:host:node`` forces a host past its filters, the fields ``host``
    and ``hypervisor_hostname`` of 2.74 name one that has to pass them."""
    api = request.api
    zone, host, node = (str(body.get("availability_zone") or "").split(":") + ["", ""])[:3]
    wanted_host, wanted_node = body.get("host", ""), body.get("hypervisor_hostname", "")
    if host or node:
        request.authorize("servers:create:forced_host")
    if wanted_host or wanted_node:
        request.authorize("servers:create:requested_destination")
        if host or node:
            raise exceptions.Invalid("A host in availability_zone and the fields host or hypervisor_hostname cannot be "
                                     "given together")
    zone = zone or api.conf.default_schedule_zone or ""
    if zone and not availability_zones.exists(api, zone):
        raise exceptions.AvailabilityZoneUnknown()
    if wanted_host or wanted_node:
        return zone or None, {"requested_destination": {"host": _host(api, wanted_host, wanted_node)}}
    if host or node:
        _host(api, host, node)
    forced = {"force_hosts": [host] if host else [], "force_nodes": [node] if node else []}
    return zone or None, {key: value for key, value in forced.items() if value}


def _host(api: Api, host: str, node: str) -> str:
    """The host that a host's name, a hypervisor's name or both mean.

    :raises ComputeHostUnknown: when there is none
    """
    for known in api.db.read(hosts.nodes, host or None, node or None):
        if not node or known.hypervisor_hostname == node:
            return known.host
    raise exceptions.ComputeHostUnknown(host=host or node)


def _group(tx: Transaction, request: Request, plan: Plan) -> InstanceGroup | None:
    """The server group of the hints, locked; before the quota, as wherever both are."""
    uuid = plan.filter_properties["scheduler_hints"].get("group")
    if uuid is None:
        return None
    try:
        return groups.lock(tx, uuid.lower(), request.context.viewer)
    except exceptions.InstanceGroupNotFound as error:
        raise exceptions.Invalid(error.text) from error


def _affordable(tx: Transaction, api: Api, project_id: str | None, plan: Plan) -> int:
    """How many servers the quota allows, at least the number that must be made: that is refused later if too many."""
    if plan.low == plan.high:
        return plan.high
    allowed, used = quotas.limits(tx, project_id, api.quota_defaults), quotas.usage(tx, project_id)
    room = [(allowed[name] - sum(used[name])) // amount for name, amount in quota.boot_deltas(plan.flavor).items()
            if amount and allowed[name] != quota.UNLIMITED]
    return max(plan.low, min([plan.high, *room]))


def _instance(request: Request, plan: Plan, reservation_id: str, number: int) -> Instance:
    body, context = plan.body, request.context
    several = f"-{number + 1}" if plan.high > 1 else ""
    name = body["name"] + several
    server_id = str(uuid.uuid4())
    columns: dict[str, Any] = instances.flavor_columns(plan.flavor) | server_addresses.access(body)
    return Instance(
        uuid=server_id, project_id=context.project_id, user_id=context.user_id, display_name=name,
        display_description=body.get("description") if request.version >= 19 else name,
        hostname=body.get("hostname") or default_hostname(name, server_id), image_ref=plan.image["id"],
        vm_state=states.BUILDING, task_state=states.SCHEDULING, task_request_id=context.request_id,
        power_state=states.NOSTATE, reservation_id=reservation_id, launch_index=number,
        availability_zone=plan.zone, key_name=body.get("key_name"), user_data=body.get("user_data"),
        root_device_name="/dev/vda",
        config_drive="True" if schemas.true(body.get("config_drive", False)) else None,
        auto_disk_config=_auto_disk_config(plan), metadata=body.get("metadata", {}),
        system_metadata=plan.flavor.to_sys(CURRENT) | images.remembered(plan.image) | (
            {NETWORK_ALLOCATED: "True"} if plan.networks else {}),
        **columns)


def _auto_disk_config(plan: Plan) -> bool:
    """What the request says; without it, what the image says."""
    asked = plan.body.get("OS-DCF:diskConfig")
    if asked == "AUTO":
        check_auto_disk_config(plan.image)
    return asked == "AUTO" if asked else schemas.true(plan.image["properties"].get("auto_disk_config", "False"))


def check_auto_disk_config(image: Mapping[str, Any]) -> None:
    """
    :raises AutoDiskConfigDisabledByImage: when an image does not let its disk be fitted to the flavor
    """
    if str(image["properties"].get("auto_disk_config", "")).lower() == "disabled":
        raise exceptions.AutoDiskConfigDisabledByImage(image=image["id"])


def default_hostname(name: str, server_id: str) -> str:
    """A host name made from a server's name; from its id when nothing of that is left."""
    return re.sub(r"[^a-z0-9.-]", "", re.sub(r"[ _]", "-", name.lower()))[:63].strip("-.") or f"server-{server_id}"
