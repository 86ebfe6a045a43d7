"""How request bodies were checked in 2014: by hand, with texts of their own (spec 3.3-3.11).

Each function takes what was sent, whatever it is, and returns what the present-day handler expects. What is neither
checked nor known here is left to the handler's schema, but for keys that nobody knows: those were ignored.
"""

from __future__ import annotations

from typing import Any

from novasim import exceptions
from novasim.api import quota_sets, wsgi
from novasim.api.schemas import Schema

# Resources of a quota that came later.
LATER_QUOTAS = ("server_groups", "server_group_members")
UNPROCESSABLE = "Unable to process the contained instructions"


def prune(schema: Any, value: Any) -> Any:
    """A value without the keys that a JSON schema does not know of."""
    if isinstance(value, list):
        return [prune(schema.get("items", {}), item) for item in value]
    known = schema.get("properties") if isinstance(value, dict) else None
    if known is None:
        return value
    closed = schema.get("additionalProperties") is False
    return {key: prune(known.get(key, {}), item) for key, item in value.items() if key in known or not closed}


def schema_of(schema: Schema | None, body: Any) -> Any:
    """A body that is an object, pruned.

    :raises MalformedRequestBody: when it is none
    """
    if not isinstance(body, dict):
        raise exceptions.MalformedRequestBody()
    return body if schema is None else prune(schema.schema, body)


def _unprocessable() -> wsgi.HttpError:
    return wsgi.HttpError(422, UNPROCESSABLE)


def _wrapped(body: Any, key: str) -> dict[str, Any]:
    """What stands under the one key that a body must have."""
    content = body.get(key) if isinstance(body, dict) else None
    if not isinstance(content, dict):
        raise _unprocessable()
    return content


def _check_disk_config(content: dict[str, Any]) -> None:
    if content.get("OS-DCF:diskConfig", "AUTO") not in ("AUTO", "MANUAL"):
        raise exceptions.Invalid("OS-DCF:diskConfig must be either 'MANUAL' or 'AUTO'.")


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise exceptions.Invalid("Server name is not a string or unicode")
    if not value.strip():
        raise exceptions.Invalid("Server name is an empty string")
    return value.strip()


def create_server(body: Any) -> Any:
    server = _wrapped(body, "server")
    if "name" not in server:
        raise exceptions.Invalid("Server name is not defined")
    if "flavorRef" not in server:
        raise exceptions.Invalid("Missing flavorRef attribute")
    _check_disk_config(server)
    # In XML the hints stand inside of the server.
    hints = {key: server[key] for key in ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints") if key in server}
    return body | hints | {"server": server | {"name": _name(server["name"])}}


def update_server(body: Any) -> Any:
    server = _wrapped(body, "server")
    _check_disk_config(server)
    return {"server": server | ({"name": _name(server["name"])} if "name" in server else {})}


def update_service(body: Any) -> Any:
    # In XML the object has a name.
    body = body.get("service", body) if isinstance(body, dict) else None
    if not isinstance(body, dict) or "host" not in body or "binary" not in body:
        raise _unprocessable()
    return body


def disable_service(body: Any) -> Any:
    """With a reason."""
    body = update_service(body)
    reason = body.get("disabled_reason")
    if not isinstance(reason, str) or not 1 <= len(reason.strip()) <= 255:
        raise _unprocessable()
    return body | {"disabled_reason": reason.strip()}


def update_quota(body: Any) -> Any:
    if not isinstance(body, dict) or not isinstance(body.get("quota_set"), dict):
        raise exceptions.Invalid("Missing argument 'quota_set' in the request body")
    limits = {key: value for key, value in body["quota_set"].items() if key not in ("id", "tenant_id")}
    known = {*quota_sets.names(1), "force"} - {*LATER_QUOTAS}
    if not limits.keys() <= known:
        raise exceptions.Invalid(f"Bad key(s) {','.join(sorted(limits.keys() - known))} in quota_set")
    for key, value in limits.items():
        if key != "force" and isinstance(value, int | str) and str(value).startswith("-") and str(value) != "-1":
            raise exceptions.Invalid("Quota limit must be -1 or greater.")
    return {"quota_set": limits}


# Actions: each takes what stands under its name.


def ignored(_content: Any) -> Any:
    """A value that says nothing, whatever it is."""
    return None


def resize(content: Any) -> Any:
    if not isinstance(content, dict) or "flavorRef" not in content:
        raise exceptions.Invalid("Resize requests require 'flavorRef' attribute.")
    flavor_ref = str(content["flavorRef"])
    if not flavor_ref:
        raise exceptions.Invalid("Resize request has invalid 'flavorRef' attribute.")
    _check_disk_config(content)
    return content | {"flavorRef": flavor_ref}


def reboot(content: Any) -> Any:
    if not isinstance(content, dict) or "type" not in content:
        raise exceptions.Invalid("Missing argument 'type' for reboot")
    if not isinstance(content["type"], str):
        raise exceptions.Invalid("Argument 'type' for reboot must be a string")
    if content["type"].upper() not in ("HARD", "SOFT"):
        raise exceptions.Invalid("Argument 'type' for reboot is not HARD or SOFT")
    return {"type": content["type"].upper()}


def reset_state(content: Any) -> Any:
    if not isinstance(content, dict) or content.get("state") not in ("active", "error"):
        raise exceptions.Invalid("Desired state must be specified.  Valid states are: active, error")
    return content


def migrate_live(content: Any) -> Any:
    if not isinstance(content, dict) or not {"host", "block_migration", "disk_over_commit"} <= content.keys():
        raise exceptions.Invalid("host, block_migration and disk_over_commit must be specified for live migration.")
    return content
