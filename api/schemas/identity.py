"""Bodies of Identity v3. Properties that clients send by habit are taken as long as they say nothing."""

from __future__ import annotations

import functools
from typing import Any

from novasim.api import schemas
from novasim.api.schemas import closed

# Nearly all of them hold secrets.
Schema = functools.partial(schemas.Schema, secret=True)
_TEXT: dict[str, Any] = {"type": "string", "maxLength": 255}
_ID: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 64}
_NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"[\S]+"}
_PASSWORD: dict[str, Any] = {"type": "string", "maxLength": 4096}
_DESCRIPTION: dict[str, Any] = {"type": ["string", "null"], "maxLength": 65535}
_FLAG: dict[str, Any] = {"type": "boolean"}
_NO_OPTIONS = {"options": {"type": "object", "maxProperties": 0}}
_NO_TAGS = {"tags": {"type": "array", "maxItems": 0}}
_TIME = {"type": ["string", "null"], "maxLength": 64}


def _object(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    """An object with at least these."""
    return {"type": "object", "properties": properties, "required": list(required), **more}


def _named(**more: Any) -> dict[str, Any]:
    """Something that is meant by its id, or by its name."""
    return _object({"id": _ID, "name": _NAME, **more}, anyOf=[{"required": ["id"]}, {"required": ["name"]}])


_DOMAIN = _named()
# A name alone says nothing: it is unique within a domain.
_IN_DOMAIN = _named(domain=_DOMAIN) | {"anyOf": [{"required": ["id"]}, {"required": ["name", "domain"]}]}
_USER = _IN_DOMAIN | {"properties": _IN_DOMAIN["properties"] | {"password": _PASSWORD}}
_METHODS = {
    "password": _object({"password": _object({"user": _USER | {"required": ["password"]}}, "user")}, "password"),
    "token": _object({"token": _object({"id": {"type": "string"}}, "id")}, "token"),
    "application_credential": _object({"application_credential": _object(
        {"id": _ID, "name": _NAME, "secret": _PASSWORD, "user": _IN_DOMAIN}, "secret",
        anyOf=[{"required": ["id"]}, {"required": ["name", "user"]}])}, "application_credential"),
}
_SCOPE = {"anyOf": [
    {"type": "string", "enum": ["unscoped"]},
    _object({"unscoped": {}}, "unscoped"), _object({"system": _object({"all": {"enum": [True]}}, "all")}, "system"),
    _object({"project": _IN_DOMAIN}, "project"), _object({"domain": _DOMAIN}, "domain")]}
AUTH = Schema(_object({"auth": _object({
    "identity": _object({"methods": {"type": "array", "items": {"type": "string"}, "minItems": 1}}, "methods"),
    "scope": _SCOPE}, "identity")}, "auth"))


@functools.cache
def method(name: str) -> schemas.Schema:
    """What must stand under ``identity`` for a method."""
    return Schema(_METHODS[name])


def _pair(one: str, properties: dict[str, Any], *required: str) -> tuple[schemas.Schema, schemas.Schema]:
    """The bodies that create a thing and that change it."""
    return (Schema(closed({one: closed(properties, *required)}, one)), Schema(closed({one: closed(properties)}, one)))


_NULL_ID = _ID | {"type": ["string", "null"]}
PROJECT = _pair("project", {
    "name": _NAME, "description": _DESCRIPTION, "enabled": _FLAG, "domain_id": _ID, "parent_id": _NULL_ID,
    "is_domain": {"enum": [False]}, **_NO_OPTIONS, **_NO_TAGS}, "name")
DOMAIN = _pair("domain", {
    "name": _NAME, "description": _DESCRIPTION, "enabled": _FLAG, **_NO_OPTIONS, **_NO_TAGS}, "name")
USER = _pair("user", {
    "name": _NAME, "description": _DESCRIPTION, "enabled": _FLAG, "domain_id": _ID, "default_project_id": _NULL_ID,
    # What is older than assignments of roles: it gives no rights.
    "project_id": _NULL_ID,
    "email": _TEXT | {"type": ["string", "null"]}, "password": _PASSWORD | {"type": ["string", "null"]},
    **_NO_OPTIONS}, "name")
ROLE = _pair("role", {"name": _NAME, "description": _DESCRIPTION, "domain_id": {"type": "null"}, **_NO_OPTIONS}, "name")
PASSWORD = Schema(closed({"user": closed({"password": _PASSWORD, "original_password": _PASSWORD}, "password",
                                         "original_password")}, "user"))
APPLICATION_CREDENTIAL = Schema(closed({"application_credential": closed({
    "name": _NAME, "description": _DESCRIPTION, "secret": _PASSWORD | {"type": ["string", "null"]},
    "expires_at": _TIME, "unrestricted": _FLAG, "project_id": _ID,
    "roles": {"type": "array", "items": _named()},
    "access_rules": {"type": ["array", "null"], "maxItems": 0}}, "name")}, "application_credential"))
