"""Instance actions: what was asked of a server, when, and how each step of it ended."""

import argparse

from cliff.columns import FormattableColumn

from novasim.cli import lookup
from novasim.cli.command import Lister, Record, ShowOne, Table, cells

COLUMNS = {
    "Action": "action",
    "Request ID": "request_id",
    "Message": "message",
    "User ID": "user_id",
    "Project ID": "project_id",
    "Start Time": "start_time",
}
# Actions of deleted servers are shown since 2.21; the events to owners since 2.51.
LIST_VERSION = "2.21"
EVENTS_VERSION = "2.51"
SERVER_HELP = "id or name of the server; the id if it is deleted"


class List(Lister):
    """List what was asked of a server, newest first."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server."""
        parser.add_argument("server", metavar="SERVER", help=SERVER_HELP)

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for the actions."""
        server_id = lookup.server_id(self.client, parsed_args.server)
        answer = self.client.get(f"/servers/{server_id}/os-instance-actions", version=LIST_VERSION)
        rows = answer["instanceActions"]
        return tuple(COLUMNS), [cells(row.get(field) for field in COLUMNS.values()) for row in rows]


class Show(ShowOne):
    """Show one action of a server with its events."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server and the request."""
        parser.add_argument("server", metavar="SERVER", help=SERVER_HELP)
        parser.add_argument("request_id", metavar="REQUEST_ID", help="id of the request that asked for it")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Ask for the action."""
        server_id = lookup.server_id(self.client, parsed_args.server)
        action = self.client.get(f"/servers/{server_id}/os-instance-actions/{parsed_args.request_id}",
                                 version=EVENTS_VERSION)["instanceAction"]
        shown = {name: value for name, value in action.items() if name != "links"}
        shown["events"] = Events(action.get("events"))
        names = sorted(shown)
        return names, cells(shown[name] for name in names)


class Events(FormattableColumn):
    """The events of an action: a line each for people, all there is for programs."""

    def human_readable(self) -> str:
        """Return the lines, first event first."""
        lines = [" ".join([event["event"], event["result"] or "unfinished", event["start_time"],
                           event["finish_time"] or ""]) for event in self._value or ()]
        return "\n".join(reversed(lines))
