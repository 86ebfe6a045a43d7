"""What happened to a request: each hop of it through the services, as the cluster's journal has it."""

import argparse
import datetime
from collections.abc import Sequence
from typing import Any

from novasim.cli import lookup
from novasim.cli.client import Client
from novasim.cli.command import Lister, Table
from novasim.cli.errors import CliError, UsageError

COLUMNS = ("Time (ms)", "Service", "Host", "What", "State", "Migration")
JOURNAL = "/os-simulator/journal"


class Trace(Lister):
    """Show the way of a request through the services."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add which request."""
        parser.add_argument("request_id", metavar="REQUEST_ID", nargs="?", help="id that each command prints")
        parser.add_argument("--last", metavar="SERVER", help="the last request that changed this server")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Read the journal."""
        if bool(parsed_args.request_id) == bool(parsed_args.last):
            raise UsageError("trace: which request? Give either its id, or --last SERVER")
        request_id = parsed_args.request_id or last_request(self.client, parsed_args.last)
        found = hops(self.client, request_id)
        if not found:
            raise CliError(f"the journal knows nothing of {request_id}. See: novasim instance-action-list")
        return COLUMNS, timeline(found)


def last_request(client: Client, server: str) -> str:
    """Return the id of the last request that changed `server`, given by id or name.

    :raises CliError: there is no such server, or it has no actions
    """
    server_id = lookup.server_id(client, server)
    actions = client.get(f"/servers/{server_id}/os-instance-actions", version="2.21")["instanceActions"]
    if not actions:
        raise CliError(f"nothing was asked of '{server}' so far. See: novasim list")
    return actions[0]["request_id"]


def hops(client: Client, request_id: str) -> list[dict[str, Any]]:
    """Return the journal of a request, oldest hop first."""
    return client.get(JOURNAL, {"request_id": request_id})["hops"]


def timeline(found: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return one row of COLUMNS for each hop; times are milliseconds since the first."""
    begin = _time(found[0])
    return [(f"{(_time(hop) - begin).total_seconds() * 1000:.1f}", hop["service"], hop.get("host") or "",
             _what(hop), _state(hop), hop.get("migration_status") or "") for hop in found]


def _time(hop: dict[str, Any]) -> datetime.datetime:
    return datetime.datetime.fromisoformat(hop["time"])


def _what(hop: dict[str, Any]) -> str:
    """The step; where a message is sent, also its version, whether an answer is awaited, and where to."""
    if not hop.get("version"):
        return hop["what"]
    where = ".".join(filter(None, [hop.get("topic"), hop.get("server")]))
    return f"{hop['what']} {hop['version']} ({hop['kind']}) -> {where}"


def _state(hop: dict[str, Any]) -> str:
    if not hop.get("vm_state"):
        return ""
    return f"{hop['vm_state']}/{hop.get('task_state') or '-'}"
