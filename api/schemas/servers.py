"""Bodies of POST and PUT on servers and their metadata."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import (
    BOOLEAN,
    DESCRIPTION,
    HOST,
    METADATA,
    NAME,
    Schema,
    Versions,
    closed,
    whole_number,
)
from novasim.api.schemas.server_tags import TAG, TAGS

_STRING = {"type": "string"}
_NAME_ONLY = {"type": "string", "minLength": 1, "maxLength": 255}
DISK_CONFIG = {"type": "string", "enum": ["AUTO", "MANUAL"]}
FLAVOR_REF = {"type": ["string", "integer"], "minLength": 1}
# The name of the guest itself; from 2.94 with a domain.
_HOSTNAME = {"type": "string", "minLength": 2, "maxLength": 63, "pattern": r"^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$"}
_FQDN = {"type": "string", "minLength": 2, "maxLength": 255, "pattern": r"^[a-zA-Z0-9]+[a-zA-Z0-9-.]*[a-zA-Z0-9]+$"}

_HINTS = {"type": "object", "properties": {
    "different_host": {"oneOf": [{"type": "string", "format": "uuid"},
                                 {"type": "array", "items": {"type": "string", "format": "uuid"}}]},
    "same_host": {"oneOf": [{"type": "string", "format": "uuid"},
                            {"type": "array", "items": {"type": "string", "format": "uuid"}}]},
    "group": {"type": "string", "format": "uuid"}, "query": {"type": ["string", "object"]},
    "target_cell": _NAME_ONLY, "build_near_host_ip": {"type": "string"}, "cidr": {"type": "string"},
    "different_cell": {"type": ["string", "array"]}}, "additionalProperties": True}

_IP = {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}
_NETWORK = {"fixed_ip": _IP, "port": {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]},
            "uuid": {"type": "string", "format": "uuid"}}


def _networks(**more: Any) -> dict[str, Any]:
    return {"type": "array", "items": closed(_NETWORK | more)}


def _or_words(networks: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [networks, {"type": "string", "enum": ["none", "auto"]}]}


_TEXT_255 = {"type": ["string", "null"], "maxLength": 255}
_DEVICE: dict[str, Any] = {
    "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
    "destination_type": {"type": "string", "enum": ["volume", "local"]},
    "boot_index": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"}, "delete_on_termination": BOOLEAN,
    "volume_size": whole_number(1), "uuid": _NAME_ONLY, "image_id": _NAME_ONLY, "snapshot_id": _NAME_ONLY,
    "volume_id": _NAME_ONLY, "connection_info": _STRING, "no_device": {},
    **dict.fromkeys(("guest_format", "device_name", "device_type", "disk_bus"), _TEXT_255)}


def _disks(**more: Any) -> dict[str, Any]:
    return {"block_device_mapping_v2": {"type": "array", "items": closed(_DEVICE | more)}}


_CREATE: dict[str, Any] = {
    "name": NAME, "flavorRef": FLAVOR_REF, "imageRef": _STRING, "adminPass": _STRING, "metadata": METADATA,
    "networks": _networks(), "OS-DCF:diskConfig": DISK_CONFIG,
    "accessIPv4": {"type": "string", "format": "ipv4"}, "accessIPv6": {"type": "string", "format": "ipv6"},
    "personality": {"type": "array", "items": closed(
        {"path": _STRING, "contents": {"type": "string", "format": "base64"}}, "path", "contents")},
    "availability_zone": _NAME_ONLY, "block_device_mapping": {"type": "array", "items": {"type": "object"}},
    **_disks(), "config_drive": BOOLEAN,
    "key_name": _NAME_ONLY, "min_count": whole_number(1, 1000), "max_count": whole_number(1, 1000),
    "return_reservation_id": BOOLEAN,
    "security_groups": {"type": "array", "items": {"type": "object", "properties": {"name": _NAME_ONLY}}},
    "user_data": {"type": "string", "format": "base64", "maxLength": 65535},
}
_CERTIFICATES = {"type": ["array", "null"], "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 50,
                 "uniqueItems": True}

# From a version on: fields added (a schema), or dropped (None).
_CREATE_CHANGES: list[tuple[int, dict[str, Any]]] = [
    # The tags of networks were lost between 2.37 and 2.41, those of disks from 2.33 on.
    (19, {"description": DESCRIPTION}), (32, {"networks": _networks(tag=TAG), **_disks(tag=TAG)}), (33, _disks()),
    (37, {"networks": _or_words(_networks())}), (42, {"networks": _or_words(_networks(tag=TAG)), **_disks(tag=TAG)}),
    (52, {"tags": TAGS}), (57, {"personality": None}),
    (63, {"trusted_image_certificates": _CERTIFICATES}),
    (67, _disks(tag=TAG, volume_type=_TEXT_255)), (74, {"host": HOST, "hypervisor_hostname": HOST}),
    (90, {"hostname": _HOSTNAME}), (94, {"hostname": _FQDN}),
]
_UPDATE: dict[str, Any] = {
    "name": NAME, "OS-DCF:diskConfig": DISK_CONFIG, "accessIPv4": {"type": "string", "format": "ipv4"},
    "accessIPv6": {"type": "string", "format": "ipv6"},
}
_UPDATE_CHANGES: list[tuple[int, dict[str, Any]]] = [
    (19, {"description": DESCRIPTION}), (90, {"hostname": _HOSTNAME}), (94, {"hostname": _FQDN}),
    (104, {"pinned_availability_zone": _NAME_ONLY | {"type": ["string", "null"]}})]


_REBUILD: dict[str, Any] = _UPDATE | {
    "imageRef": _NAME_ONLY, "adminPass": _STRING, "metadata": METADATA, "preserve_ephemeral": BOOLEAN,
    "personality": _CREATE["personality"],
}
_REBUILD_CHANGES: list[tuple[int, dict[str, Any]]] = [
    (19, {"description": DESCRIPTION}), (54, {"key_name": _NAME_ONLY | {"type": ["string", "null"]}}),
    (57, {"personality": None, "user_data": _CREATE["user_data"] | {"type": ["string", "null"]}}),
    (63, {"trusted_image_certificates": _CERTIFICATES}), (90, {"hostname": _HOSTNAME}), (94, {"hostname": _FQDN})]


def _steps(first: dict[str, Any], changes: list[tuple[int, dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    """The whole set of fields at each version that changes it."""
    steps, fields = [(1, first)], first
    for since, change in changes:
        fields = {name: schema for name, schema in (fields | change).items() if schema is not None}
        steps.append((since, fields))
    return steps


def _rebuild(since: int, fields: dict[str, Any]) -> dict[str, Any]:
    return closed({"rebuild": closed(fields, "imageRef")}, "rebuild")


def _create(since: int, fields: dict[str, Any]) -> dict[str, Any]:
    required = ("name", "flavorRef", "networks") if since >= 37 else ("name", "flavorRef")
    return closed({"server": closed(fields, *required), "os:scheduler_hints": _HINTS,
                   "OS-SCH-HNT:scheduler_hints": _HINTS}, "server")


CREATE = Versions(*((since, _create(since, fields)) for since, fields in _steps(_CREATE, _CREATE_CHANGES)))
UPDATE = Versions(*((since, closed({"server": closed(fields)}, "server"))
                    for since, fields in _steps(_UPDATE, _UPDATE_CHANGES)))
REBUILD = Versions(*((since, _rebuild(since, fields)) for since, fields in _steps(_REBUILD, _REBUILD_CHANGES)))
METADATA_ALL = Schema(closed({"metadata": METADATA}, "metadata"))
METADATA_ONE = Schema(closed({"meta": METADATA | {"minProperties": 1, "maxProperties": 1}}, "meta"))
