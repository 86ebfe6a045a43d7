"""What images and members look like, as clients may ask for it and as bodies are checked against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim.api.answers import answers
from novasim.api.schemas import Schema, closed
from novasim.api.wsgi import HttpError, Request

if TYPE_CHECKING:
    from novasim.api.app import Api

_UUID = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"
_TIME = {"type": "string", "readOnly": True}
_TEXT = {"type": ["null", "string"], "maxLength": 255}
_SIZE = {"type": ["null", "integer"], "readOnly": True}
_LEAST = {"type": "integer", "minimum": 0, "maximum": 0x7FFFFFFF}
_LINK = {"type": "string", "readOnly": True}
# Most properties, tags or members of an image.
MOST = 128
TAG = {"type": "string", "maxLength": 255}
IMAGE: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "pattern": _UUID},
    "name": _TEXT,
    "status": {"type": "string", "readOnly": True, "enum": ["queued", "saving", "active", "killed", "deleted",
                                                            "uploading", "importing", "pending_delete", "deactivated"]},
    "visibility": {"type": "string", "enum": ["community", "public", "private", "shared"]},
    "protected": {"type": "boolean"},
    "os_hidden": {"type": "boolean"},
    "checksum": {"type": ["null", "string"], "readOnly": True, "maxLength": 32},
    "os_hash_algo": {"type": ["null", "string"], "readOnly": True, "maxLength": 64},
    "os_hash_value": {"type": ["null", "string"], "readOnly": True, "maxLength": 128},
    "owner": _TEXT,
    "size": _SIZE,
    "virtual_size": _SIZE,
    "container_format": {"type": ["null", "string"], "enum": [
        None, "ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]},
    "disk_format": {"type": ["null", "string"], "enum": [
        None, "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop", "luks"]},
    "created_at": _TIME, "updated_at": _TIME,
    "tags": {"type": "array", "items": TAG, "maxItems": MOST},
    "self": _LINK, "file": _LINK, "schema": _LINK,
    "direct_url": _LINK, "locations": {"type": "array", "readOnly": True},
    "min_ram": _LEAST, "min_disk": _LEAST,
}
_MEMBER: dict[str, Any] = {
    "created_at": _TIME, "updated_at": _TIME, "image_id": {"type": "string", "pattern": _UUID},
    "member_id": {"type": "string"}, "status": {"type": "string", "enum": ["pending", "accepted", "rejected"]},
    "schema": _LINK}
_ONE_IMAGE = {"name": "image", "properties": IMAGE, "additionalProperties": {"type": "string"},
              "links": [{"rel": "self", "href": "{self}"}, {"rel": "enclosure", "href": "{file}"},
                        {"rel": "describedby", "href": "{schema}"}]}
_ONE_MEMBER = {"name": "member", "properties": _MEMBER}


def _many(plural: str, one: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": plural, "properties": {plural: {"type": "array", "items": one}, "schema": {"type": "string"},
                                           **more},
            "links": [{"rel": "describedby", "href": "{schema}"}]}


_PAGES = {"first": {"type": "string"}, "next": {"type": "string"}}
_SCHEMAS = {"image": _ONE_IMAGE, "images": _many("images", _ONE_IMAGE, **_PAGES), "member": _ONE_MEMBER,
            "members": _many("members", _ONE_MEMBER)}

WRITABLE = frozenset(name for name, schema in IMAGE.items() if not schema.get("readOnly"))
# A property's text may be as long as a request allows; its name not.
BODY = Schema({"type": "object", "properties": {name: IMAGE[name] for name in sorted(WRITABLE)},
               "propertyNames": {"minLength": 1, "maxLength": 255}, "additionalProperties": {"type": "string"}})
NEW_MEMBER = Schema(closed({"member": {"type": "string", "minLength": 1, "maxLength": 255}}, "member"))
MEMBER_STATUS = Schema(closed({"status": _MEMBER["status"]}, "status"))


@answers({...: Any}, about="Show what images and members look like")
def show(api: Api, request: Request, name: str) -> Any:
    if name not in _SCHEMAS:
        raise HttpError(404, "The resource could not be found.")
    return _SCHEMAS[name]


@answers({"import-methods": {"description": str, "type": str, "value": [str]}})
def import_methods(api: Api, request: Request) -> Any:
    """Contents come by upload only."""
    return {"import-methods": {"description": "Import methods available.", "type": "array", "value": []}}
