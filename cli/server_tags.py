"""Tags of servers: words to find them by."""

import argparse
from urllib.parse import quote

from novasim.cli import lookup
from novasim.cli.command import Command, Lister, Table

VERSION = "2.26"


class _OfServer(Command):
    several = "+"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server and the tags."""
        parser.add_argument("server", metavar="SERVER", help="id or name of the server")
        if self.several:
            parser.add_argument("tags", metavar="TAG", nargs=self.several, help="a tag")

    def path(self, parsed_args: argparse.Namespace) -> str:
        """Return where the server's tags are."""
        return f"/servers/{lookup.server(self.client, parsed_args.server)['id']}/tags"

    def each(self, parsed_args: argparse.Namespace, method: str) -> None:
        """Send a request for one tag after the other."""
        path = self.path(parsed_args)
        for tag in parsed_args.tags:
            self.client.request(method, f"{path}/{quote(tag, safe='')}", version=VERSION)


class List(Lister):
    """List the tags of a server."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server."""
        parser.add_argument("server", metavar="SERVER", help="id or name of the server")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for them."""
        server_id = lookup.server(self.client, parsed_args.server)["id"]
        return ("Tag",), [(tag,) for tag in self.client.get(f"/servers/{server_id}/tags", version=VERSION)["tags"]]


class Add(_OfServer):
    """Put tags on a server."""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Put one after the other."""
        self.each(parsed_args, "PUT")
        self.say(f"{parsed_args.server} has got {', '.join(parsed_args.tags)}")


class Set(_OfServer):
    """Put tags in the place of those that a server has."""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Put them all at once."""
        self.client.request("PUT", self.path(parsed_args), {"tags": parsed_args.tags}, version=VERSION)
        self.say(f"{parsed_args.server} has {', '.join(parsed_args.tags)}")


class Delete(_OfServer):
    """Take tags from a server."""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Take one after the other."""
        self.each(parsed_args, "DELETE")
        self.say(f"{parsed_args.server} is without {', '.join(parsed_args.tags)}")


class DeleteAll(_OfServer):
    """Take all tags from a server."""

    several = ""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Take them all at once."""
        self.client.request("DELETE", self.path(parsed_args), version=VERSION)
        self.say(f"{parsed_args.server} has no tags any more")
