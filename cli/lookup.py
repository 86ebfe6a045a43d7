"""From what people type to what the API wants: servers, flavors and images by id or by name.

An id is tried first and the name only then, so a name can never hide the thing whose id it equals.
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from novasim.cli.client import ApiError, Client
from novasim.cli.errors import CliError

# The compute API lists images up to 2.35; later only an image service would.
IMAGES_VERSION = "2.1"
# From here on a server group has one policy, with rules.
GROUPS_VERSION = "2.64"


def server(client: Client, wanted: str, status: str | None = None) -> dict[str, Any]:
    """Return the server whose id or name is `wanted`, in the caller's project first, then in all.

    :param status: look among the servers of this status only; soft-deleted ones are found in no other way by name
    :raises CliError: there is none, or there are several of that name
    """
    if _is_uuid(wanted):
        found = _or_none(client, f"/servers/{wanted}", "server")
        if found:
            return found
    query = {"name": f"^{re.escape(wanted)}$", "status": status}
    named = _named(client.pages("/servers/detail", "servers", query), wanted)
    if not named:
        named = _named(_servers_of_all(client, query), wanted)
    return _the_one(named, "server", wanted, "See: novasim list --all-tenants")


def server_id(client: Client, wanted: str) -> str:
    """Return the id of the server `wanted`; an id is taken as it is, since the server may be deleted by now.

    :raises CliError: no server has this name, or several have
    """
    return wanted if _is_uuid(wanted) else server(client, wanted)["id"]


def flavor(client: Client, wanted: str) -> dict[str, Any]:
    """Return the flavor whose id or name is `wanted`.

    :raises CliError: there is none, or there are several of that name
    """
    found = _or_none(client, f"/flavors/{wanted}", "flavor")
    if found:
        return found
    named = _named(client.pages("/flavors/detail", "flavors", {"is_public": "None"}), wanted)
    return _the_one(named, "flavor", wanted, "See: novasim flavor-list --all")


def image_id(client: Client, wanted: str) -> str:
    """Return the id of the image whose id or name is `wanted`; the server checks ids itself.

    :raises CliError: there is none, or there are several of that name
    """
    if _is_uuid(wanted):
        return wanted
    images = client.request("GET", "/images", exactly=IMAGES_VERSION).body["images"]
    names = " or ".join(sorted({image["name"] for image in images}))
    return _the_one(_named(images, wanted), "image", wanted, f"There is: {names or 'none at all'}")["id"]


def network_id(client: Client, wanted: str) -> str:
    """Return the id of the network whose name is `wanted`.

    :raises CliError: there is none, or there are several of that name
    """
    named = client.get("/network/v2.0/networks", {"name": wanted})["networks"]
    return _the_one(named, "network", wanted, "See: GET /network/v2.0/networks")["id"]


def hypervisor(client: Client, wanted: str) -> dict[str, Any]:
    """Return the hypervisor with the id, or of the host, `wanted`.

    :raises CliError: there is none, or there are several of that name
    """
    every = list(client.pages("/os-hypervisors/detail", "hypervisors"))
    found = [one for one in every if wanted in (str(one["id"]), one["hypervisor_hostname"])]
    return _the_one(found, "hypervisor", wanted, "See: novasim hypervisor-list")


def aggregate(client: Client, wanted: str) -> dict[str, Any]:
    """Return the aggregate whose id or name is `wanted`.

    :raises CliError: there is none, or there are several of that name
    """
    every = client.get("/os-aggregates")["aggregates"]
    found = [one for one in every if str(one["id"]) == wanted] or _named(every, wanted)
    return _the_one(found, "aggregate", wanted, "See: novasim aggregate-list")


def server_group(client: Client, wanted: str) -> dict[str, Any]:
    """Return the server group whose id or name is `wanted`; by name, one of the caller's project.

    :raises CliError: there is none, or there are several of that name
    """
    if _is_uuid(wanted):
        found = _or_none(client, f"/os-server-groups/{wanted}", "server_group", GROUPS_VERSION)
        if found:
            return found
    named = _named(client.get("/os-server-groups", version=GROUPS_VERSION)["server_groups"], wanted)
    return _the_one(named, "server group", wanted, "See: novasim server-group-list")


def flavor_names(client: Client) -> dict[str, str]:
    """Return the names of all flavors by their ids."""
    return {one["id"]: one["name"] for one in client.pages("/flavors", "flavors", {"is_public": "None"})}


def flavor_name(of_server: dict[str, Any], names: dict[str, str]) -> str:
    """Return the name of a server's flavor; from 2.47 on the server carries it, below that only the id."""
    shown = of_server["flavor"]
    return shown.get("original_name") or names.get(shown.get("id"), shown.get("id"))


def _or_none(client: Client, path: str, key: str, version: str | None = None) -> dict[str, Any] | None:
    try:
        return client.get(path, version=version)[key]
    except ApiError as error:
        if error.status in (400, 404):
            return None
        raise


def _servers_of_all(client: Client, query: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    try:
        yield from client.pages("/servers/detail", "servers", {**query, "all_tenants": True})
    except ApiError as error:
        if error.status != 403:
            raise


def _named(items: Iterable[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [item for item in items if item["name"] == name]


def _the_one(found: list[dict[str, Any]], what: str, wanted: str, remedy: str) -> dict[str, Any]:
    if not found:
        raise CliError(f"there is no {what} '{wanted}'. {remedy}")
    if len(found) > 1:
        ids = ", ".join(str(one["id"]) for one in found)
        raise CliError(f"{len(found)} {what}s are called '{wanted}'. Give one of their ids: {ids}")
    return found[0]


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
