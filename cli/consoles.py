"""What a server tells of itself: its console, and how it is doing."""

import argparse

from novasim.cli import lookup
from novasim.cli.command import Command, Record, ShowOne, cells, natural

# One form of diagnostics for all hypervisors; a resource of its own for consoles.
DIAGNOSTICS_VERSION, CONSOLES_VERSION = "2.48", "2.6"


def _server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("server", metavar="SERVER", help="id or name of the server")


class Log(Command):
    """Print what a server has written to its console."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server and how much."""
        _server(parser)
        parser.add_argument("--length", type=natural, metavar="N", help="the last N lines only")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Ask its host."""
        server = lookup.server(self.client, parsed_args.server)
        asked = {} if parsed_args.length is None else {"length": parsed_args.length}
        self.say(self.client.post(f"/servers/{server['id']}/action", {"os-getConsoleOutput": asked})["output"])


class Vnc(ShowOne):
    """Open a VNC console of a server: print its URL. Nobody listens there."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server."""
        _server(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Ask for it."""
        server = lookup.server(self.client, parsed_args.server)
        shown = self.client.post(f"/servers/{server['id']}/remote-consoles", {
            "remote_console": {"protocol": "vnc", "type": "novnc"}}, CONSOLES_VERSION)["remote_console"]
        return tuple(shown), cells(shown.values())


class Diagnostics(ShowOne):
    """Show how a server is doing (admin)."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server."""
        _server(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Ask its host."""
        server = lookup.server(self.client, parsed_args.server)
        shown = self.client.get(f"/servers/{server['id']}/diagnostics", version=DIAGNOSTICS_VERSION)
        names = sorted(shown)
        return names, cells(shown[name] for name in names)
