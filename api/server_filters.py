"""What GET /servers can be narrowed to and sorted by: one table, for admins and for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from novasim import exceptions, states
from novasim.api import query
from novasim.api.query import Parameter
from novasim.api.wsgi import Request
from novasim.db import flavors, instance_pages


class Wanted(NamedTuple):
    """A page that was asked for; ``filters`` None when nothing can match."""
    filters: dict[str, Any] | None
    limit: int | None
    marker: str | None
    sort: list[tuple[str, str]]


_TAGS = ("tags", "tags-any", "not-tags", "not-tags-any")
PARAMETERS = {
    **query.PAGING, "sort_key": Parameter(many=True), "sort_dir": Parameter(query.direction, many=True),
    "all_tenants": Parameter(lambda text: query.boolean(text) if text else True),
    "name": Parameter(query.regular_expression), "status": Parameter(many=True), "flavor": Parameter(),
    "image": Parameter(), "host": Parameter(), "node": Parameter(), "hypervisor_hostname": Parameter(),
    "tenant_id": Parameter(), "project_id": Parameter(), "user_id": Parameter(), "deleted": Parameter(query.boolean),
    "uuid": Parameter(),
    "changes-since": Parameter(query.moment), "changes-before": Parameter(query.moment, 66),
    "reservation_id": Parameter(), "ip": Parameter(query.regular_expression),
    "ip6": Parameter(query.regular_expression), "locked": Parameter(query.boolean, 73),
    "availability_zone": Parameter(), "vm_state": Parameter(many=True), "task_state": Parameter(many=True),
    "power_state": Parameter(query.whole), "hostname": Parameter(), "key_name": Parameter(),
    "launch_index": Parameter(query.whole), "progress": Parameter(query.whole), "config_drive": Parameter(),
    "access_ip_v4": Parameter(), "access_ip_v6": Parameter(), "auto_disk_config": Parameter(query.boolean),
    **dict.fromkeys(_TAGS, Parameter(lambda text: [tag for tag in text.split(",") if tag], 26)),
    "description": Parameter(), "created_at": Parameter(),
    "launched_at": Parameter(), "terminated_at": Parameter(), "kernel_id": Parameter(), "ramdisk_id": Parameter(),
    "root_device_name": Parameter(), "soft_deleted": Parameter(),
}
# Parameter -> filter of db/instance_pages.py, where that takes the value as it is.
_DIRECT = {name: name for name in (
    "name", "host", "node", "user_id", "reservation_id", "availability_zone", "vm_state", "task_state", "power_state",
    "hostname", "key_name", "launch_index", "progress", "config_drive", "access_ip_v4", "access_ip_v6",
    "auto_disk_config", "uuid", "locked")} | {
    name: name.replace("-", "_") for name in _TAGS} | {
    "image": "image_ref", "hypervisor_hostname": "node", "changes-since": "changes_since",
    "changes-before": "changes_before"}
# What others than admins may use; the rest is dropped for them (spec 3.6), and from 2.83 on, some more.
_FOR_ALL = frozenset({"name", "status", "flavor", "image", "ip", "ip6", "changes-since", "changes-before",
                      "reservation_id", "locked", "access_ip_v4", "access_ip_v6", *_TAGS})
_FOR_ALL_LATER = frozenset({"availability_zone", "config_drive", "key_name", "power_state", "task_state", "vm_state",
                            "progress", "user_id"})
_ADDRESSES = {"ip": 4, "ip6": 6}


def read(request: Request) -> Wanted:
    """What the query of a list asks for.

    :raises ValidationError, Invalid: 400, naming the parameter
    :raises Forbidden: for deleted servers or all projects, to others than admins
    """
    values = query.read(request, PARAMETERS, strict_since=75)
    query.check_changes(values)
    deleted = _deleted(request, values)
    project = _project(request, values)
    if not request.context.is_admin:
        allowed = _FOR_ALL | (_FOR_ALL_LATER if request.version >= 83 else frozenset())
        values = {name: value for name, value in values.items() if name in allowed or name in query.PAGING
                  or name.startswith("sort_")}
    filters = {column: values[name] for name, column in _DIRECT.items() if name in values}
    filters |= {"deleted": deleted} | project
    if deleted is False and not (values.get("status") or values.get("vm_state") or values.get("soft_deleted")):
        # Who deleted them does not want to see them; they are found by their id, and by their status.
        filters["soft_deleted"] = False
    filters["addresses"] = [(values[name], version) for name, version in _ADDRESSES.items() if values.get(name)]
    # Without a network service no server has an address.
    matches = request.api.conf.network.enabled or not filters["addresses"]
    matches = _add_status(request, values, filters) and matches
    matches = _add_flavor(request, values, filters) and matches
    return Wanted(filters if matches else None, values.get("limit"), values.get("marker"), _sort(values))


def _deleted(request: Request, values: Mapping[str, Any]) -> bool | None:
    """Whether to list deleted servers; None for both kinds, as with changes-since."""
    if values.get("deleted") or "DELETED" in (name.upper() for name in values.get("status", [])):
        if not request.context.is_admin:
            raise exceptions.Forbidden("Only administrators may list deleted instances")
        return True
    if "deleted" not in values and "changes-since" in values:
        return None
    return False


def _project(request: Request, values: Mapping[str, Any]) -> dict[str, str | None]:
    """Without all_tenants it is the caller's own, whichever is named: so it has always been."""
    if not values.get("all_tenants"):
        return {"project_id": request.context.project_id}
    request.authorize("servers:index:get_all_tenants")
    named = values.get("project_id") or values.get("tenant_id")
    return {"project_id": named} if named else {}


def _add_status(request: Request, values: Mapping[str, Any], filters: dict[str, Any]) -> bool:
    asked = [name for name in values.get("status", []) if name]
    if not asked:
        return True
    known = [name for name in asked if states.states_of(name)]
    if len(known) < len(asked) and request.version >= 38:
        raise exceptions.Invalid(f"Invalid status value: {', '.join(sorted(set(asked) - set(known)))}")
    filters["status"] = known
    return bool(known)


def _add_flavor(request: Request, values: Mapping[str, Any], filters: dict[str, Any]) -> bool:
    if not values.get("flavor"):
        return True
    try:
        filters["instance_type_id"] = request.api.db.read(flavors.get, values["flavor"]).id
    except exceptions.FlavorNotFound:
        return False
    return True


def _sort(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    keys, directions = values.get("sort_key", []), values.get("sort_dir", [])
    if len(directions) > len(keys) and keys:
        raise exceptions.Invalid("Sort direction size exceeds sort key size")
    for key in keys:
        if key not in instance_pages.SORT_KEYS:
            raise exceptions.ValidationError(
                detail=f"Invalid input for query parameters sort_key. Value: {key}. {key!r} is no sort key")
    directions = [*directions, *["desc"] * (len(keys) - len(directions))]
    return list(zip(keys or ["created_at"][:len(directions)], directions, strict=False))
