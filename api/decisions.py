"""Why a host was chosen or was not: what schedulers noted (``scheduler/decisions.py``), host by host in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api.answers import answers
from novasim.api.wsgi import Request
from novasim.sim import journal

if TYPE_CHECKING:
    from novasim.api.app import Api

DIRECTORY = "decisions"
# What the record of a decision has for this module only.
_COLUMNS = ("steps", "drops", "placed", "rounds")


@answers({"decisions": [{...: Any}]})
def show(api: Api, request: Request, request_id: str) -> Any:
    """Every decision of the schedulers on a request, the oldest first: one an attempt.

    :raises NotFound: when none was made, or it was forgotten meanwhile
    """
    request.authorize("os-simulator:decisions")
    found = journal.read(Path(api.conf.state_path) / DIRECTORY, request_id)
    if not found:
        raise exceptions.NotFound(f"No decision on request {request_id} is recorded")
    return {"decisions": [told(record) for record in found]}


def told(record: dict[str, Any]) -> dict[str, Any]:
    """The record of a decision without columns."""
    servers = [_server(uuid, one) for uuid, one in zip(record["instance_uuids"], record["rounds"], strict=False)]
    return {key: value for key, value in record.items() if key not in _COLUMNS} | {
        "filters": list(_filters(record)), "servers": servers,
        "servers_left_out": record["placed"] - len(servers)}


def _names(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Host and hypervisor; the latter are not noted where they have the same names."""
    hosts = columns["hosts"]
    return [{"host": host, "node": node} for host, node in zip(hosts, columns.get("nodes", hosts), strict=True)]


def _filters(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each step in its order: how many hosts it dropped and left, and which, with the reason."""
    left = record["candidates"]
    for name, dropped in record["steps"].items():
        left -= dropped
        hosts = [host | {"reason": drop["text"] % values} for drop in record["drops"] if drop["by"] == name
                 for host, values in zip(_names(drop), zip(*drop["values"], strict=True), strict=True)]
        yield {"name": name, "dropped": dropped, "left": left, "hosts": hosts, "hosts_left_out": dropped - len(hosts)}


def _server(uuid: str, one: dict[str, Any]) -> dict[str, Any]:
    """How one server's host was found: the heaviest hosts with all numbers, and the draw."""
    hosts = [name | {"weight": weight, "weighers": [_weigher(weigher, at) for weigher in one["weighers"]]}
             for at, (name, weight) in enumerate(zip(_names(one), one["weights"], strict=True))]
    subset = one["subset"]
    [chosen] = _names(one["chosen"])
    return {"instance_uuid": uuid, "weighed": one["weighed"], "hosts": hosts,
            "hosts_left_out": one["weighed"] - len(hosts),
            "subset": {"size": subset["size"], "drawn": subset["drawn"], "hosts": _names(subset)}, "chosen": chosen}


def _weigher(columns: dict[str, Any], at: int) -> dict[str, Any]:
    factor, normalized = columns["multiplier"], columns["normalized"][at]
    factor = factor[at] if isinstance(factor, list) else factor
    return {"name": columns["name"], "raw": columns["raw"][at], "normalized": normalized, "multiplier": factor,
            "weighted": factor * normalized}
