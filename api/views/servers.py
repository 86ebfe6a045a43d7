"""How a server is shown: one table of fields, each with the versions and the eyes it is for."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from novasim import states
from novasim.api.answers import LINKS, MAP, Part, Shape, optional
from novasim.api.views import links, times
from novasim.api.wsgi import Request
from novasim.db.instance_extra import Extra
from novasim.objects import Flavor, Instance


class Facts(NamedTuple):
    """A server and what else is told of it."""
    request: Request
    instance: Instance
    status: str
    flavor: Flavor
    extra_specs: dict[str, str]
    zone: str
    groups: list[str]
    host_status: str
    fault: dict[str, Any] | None
    is_admin: bool
    addresses: dict[str, list[dict[str, Any]]]
    security_groups: list[dict[str, str]]
    image_properties: dict[str, str]
    extra: Extra
    tags: list[str]


Getter = Callable[[Facts], Any]
SHOW, DETAIL, UPDATE = "show", "detail", "update"
_OMIT = object()


class Field(NamedTuple):
    """A key of the answer. ``views`` are those that have it; UPDATE has all of SHOW's from 2.75 on."""
    key: str
    get: Getter
    since: int = 1
    until: int = 999
    admin: bool = False
    views: tuple[str, ...] = (SHOW, DETAIL)
    shape: Shape = str


def host_id(project_id: str | None, host: str | None) -> str:
    """The name of a host that tells a project which of its servers share one, and nothing else."""
    return hashlib.sha224(f"{project_id}{host}".encode()).hexdigest() if host else ""


def _flavor_link(facts: Facts) -> dict[str, Any]:
    flavorid = facts.flavor.flavorid
    return {"id": flavorid, "links": [links.bookmark(facts.request, f"/flavors/{flavorid}")]}


def _flavor_embedded(facts: Facts) -> dict[str, Any]:
    flavor = facts.flavor
    return {"vcpus": flavor.vcpus, "ram": flavor.memory_mb, "disk": flavor.root_gb, "ephemeral": flavor.ephemeral_gb,
            "swap": flavor.swap, "original_name": flavor.name, "extra_specs": facts.extra_specs}


def _image(facts: Facts) -> Any:
    image = facts.instance.image_ref
    return {"id": image, "links": [links.bookmark(facts.request, f"/images/{image}")]} if image else ""


def _image_embedded(facts: Facts) -> Any:
    image = _image(facts)
    return image and image | {"properties": facts.image_properties}


def _progress(facts: Facts) -> Any:
    return facts.instance.progress or 0 if facts.status in states.PROGRESS_STATUSES else _OMIT


def _fault(facts: Facts) -> Any:
    fault = facts.fault
    if fault is None or facts.status not in ("ERROR", "DELETED"):
        return _OMIT
    shown = {"code": fault["code"], "created": times.seconds(fault["created_at"]), "message": fault["message"]}
    if fault["details"] and (facts.is_admin or fault["code"] != 500):
        shown["details"] = fault["details"]
    return shown


def plain(addresses: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Addresses without what extensions say of them."""
    return {network: [{"addr": one["addr"], "version": one["version"]} for one in of_network]
            for network, of_network in addresses.items()}


def _of(name: str, empty: Any = None) -> Getter:
    """An attribute of the row; ``empty`` in place of None."""
    if empty is None:
        return lambda facts: getattr(facts.instance, name)
    return lambda facts: empty if getattr(facts.instance, name) is None else getattr(facts.instance, name)


def _always(value: Any) -> Getter:
    return lambda facts: value


_ALL = (SHOW, DETAIL, UPDATE)
_IMAGE = {"id": str, "links": LINKS}
_FAULT = {"code": int, "created": str, "message": str, "details": optional(str)}
_FLAVOR = {"vcpus": int, "ram": int, "disk": int, "ephemeral": int, "swap": int, "original_name": str,
           "extra_specs": MAP}
ADDRESS = {"addr": str, "version": int}
ADDRESSES = {...: [ADDRESS | {"OS-EXT-IPS-MAC:mac_addr": str | None, "OS-EXT-IPS:type": str}]}
_ATTR = "OS-EXT-SRV-ATTR:"
FIELDS = [
    Field("id", _of("uuid"), views=_ALL),
    Field("name", _of("display_name", ""), views=_ALL),
    Field("status", lambda facts: facts.status, views=_ALL),
    Field("tenant_id", _of("project_id"), views=_ALL, shape=str | None),
    Field("user_id", _of("user_id"), views=_ALL, shape=str | None),
    Field("metadata", _of("metadata"), views=_ALL, shape=MAP),
    Field("hostId", lambda facts: host_id(facts.instance.project_id, facts.instance.host), views=_ALL),
    Field("image", _image, until=97, views=_ALL, shape=(_IMAGE, str)),
    Field("image", _image_embedded, since=98, views=_ALL, shape=(_IMAGE | {"properties": {...: Any}}, str)),
    Field("flavor", _flavor_link, until=46, views=_ALL, shape={"id": str, "links": LINKS}),
    Field("flavor", _flavor_embedded, since=47, views=_ALL, shape=_FLAVOR),
    Field("created", lambda facts: times.seconds(facts.instance.created_at), views=_ALL),
    Field("updated", lambda facts: times.seconds(facts.instance.updated_at or facts.instance.created_at), views=_ALL),
    Field("addresses", lambda facts: facts.addresses, shape=ADDRESSES),
    Field("addresses", lambda facts: plain(facts.addresses), views=(UPDATE,), shape={...: [ADDRESS]}),
    Field("accessIPv4", _of("access_ip_v4", ""), views=_ALL),
    Field("accessIPv6", _of("access_ip_v6", ""), views=_ALL),
    Field("links", lambda facts: links.both(facts.request, f"/servers/{facts.instance.uuid}"), views=_ALL, shape=LINKS),
    Field("OS-DCF:diskConfig", lambda facts: "AUTO" if facts.instance.auto_disk_config else "MANUAL", views=_ALL),
    Field("progress", _progress, views=_ALL, shape=optional(int)),
    Field("fault", _fault, views=_ALL, shape=optional(_FAULT)),
    Field("OS-EXT-AZ:availability_zone", lambda facts: facts.zone),
    Field("config_drive", _of("config_drive", "")),
    Field("key_name", _of("key_name"), shape=str | None),
    Field("security_groups", lambda facts: facts.security_groups or _OMIT,
          shape=optional([{"name": str}])),
    Field("os-extended-volumes:volumes_attached", _always([]), shape=[{...: Any}]),
    Field("OS-SRV-USG:launched_at", lambda facts: times.microseconds(facts.instance.launched_at), shape=str | None),
    Field("OS-SRV-USG:terminated_at", lambda facts: times.microseconds(facts.instance.terminated_at), shape=str | None),
    Field("OS-EXT-STS:task_state", _of("task_state"), shape=str | None),
    Field("OS-EXT-STS:vm_state", _of("vm_state"), shape=str | None),
    Field("OS-EXT-STS:power_state", _of("power_state", states.NOSTATE), shape=int),
    Field(_ATTR + "host", _of("host"), admin=True, shape=str | None),
    Field(_ATTR + "hypervisor_hostname", _of("node"), admin=True, shape=str | None),
    Field(_ATTR + "instance_name",
          lambda facts: facts.request.api.conf.instance_name_template % facts.instance.id, admin=True),
    Field(_ATTR + "reservation_id", _of("reservation_id"), since=3, admin=True, shape=str | None),
    Field(_ATTR + "launch_index", _of("launch_index", 0), since=3, admin=True, shape=int),
    Field(_ATTR + "hostname", _of("hostname"), since=3, until=89, admin=True, shape=str | None),
    Field(_ATTR + "hostname", _of("hostname"), since=90, shape=str | None),
    Field(_ATTR + "kernel_id", _always(""), since=3, admin=True, shape=str | None),
    Field(_ATTR + "ramdisk_id", _always(""), since=3, admin=True, shape=str | None),
    Field(_ATTR + "root_device_name", _of("root_device_name"), since=3, admin=True, shape=str | None),
    Field(_ATTR + "user_data", _of("user_data"), since=3, admin=True, shape=str | None),
    Field("locked", _of("locked"), since=9, views=_ALL, shape=bool),
    Field("host_status", lambda facts: facts.host_status, since=16, admin=True),
    Field("description", _of("display_description"), since=19, views=_ALL, shape=str | None),
    Field("tags", lambda facts: facts.tags, since=26, views=_ALL, shape=[str]),
    Field("trusted_image_certificates", lambda facts: facts.extra.trusted_certs, since=63, views=_ALL,
          shape=([str], None)),
    Field("server_groups", lambda facts: facts.groups, since=71, views=(SHOW, UPDATE), shape=[str]),
    Field("locked_reason", _of("locked_reason"), since=73, views=_ALL, shape=str | None),
    Field("pinned_availability_zone", _of("availability_zone"), since=96, shape=str | None),
    Field("scheduler_hints", lambda facts: facts.extra.scheduler_hints, since=100, shape={...: Any}),
]


def _part(field: Field, view: str) -> Part:
    since = max(field.since, 75) if view not in field.views else field.since
    part = optional(field.shape) if field.admin else field.shape
    inner = part if isinstance(part, Part) else Part(part)
    return Part(inner.shape, since, field.until, inner.optional)


def shape(view: str) -> dict[str, Shape]:
    """What a server looks like in a view."""
    found: dict[str, Shape] = {}
    for field in FIELDS:
        if view in field.views or (view == UPDATE and SHOW in field.views):
            found[field.key] = (*found.get(field.key, ()), _part(field, view))
    return found


BRIEF = {"id": str, "name": str, "links": LINKS}
CREATED = {"id": str, "links": LINKS, "OS-DCF:diskConfig": str, "security_groups": [{"name": str}], "adminPass": str}


@functools.cache
def _fields(view: str, version: int, is_admin: bool) -> tuple[tuple[str, Getter], ...]:
    wanted = SHOW if view == UPDATE and version >= 75 else view
    return tuple((field.key, field.get) for field in FIELDS
                 if wanted in field.views and field.since <= version <= field.until and (is_admin or not field.admin))


def server(facts: Facts, view: str) -> dict[str, Any]:
    """One server, without its wrapper."""
    shown = {key: get(facts) for key, get in _fields(view, facts.request.version, facts.is_admin)}
    return {key: value for key, value in shown.items() if value is not _OMIT}


def brief(request: Request, instance: Instance) -> dict[str, Any]:
    """One server of ``GET /servers``."""
    return {"id": instance.uuid, "name": instance.display_name or "",
            "links": links.both(request, f"/servers/{instance.uuid}")}


def created(request: Request, instance: Instance, admin_pass: str, groups: list[dict[str, str]]) -> dict[str, Any]:
    """The answer to a create.

    :param groups: the security groups that were asked for
    """
    return {"id": instance.uuid, "links": links.both(request, f"/servers/{instance.uuid}"),
            "OS-DCF:diskConfig": "AUTO" if instance.auto_disk_config else "MANUAL",
            "security_groups": groups, "adminPass": admin_pass}
