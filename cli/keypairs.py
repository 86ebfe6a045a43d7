"""Key pairs: one's own, made here or brought along; with --user those of somebody else."""

import argparse
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from novasim.cli.command import Command, Lister, Record, ShowOne, Table, cells, positive
from novasim.cli.errors import UsageError

# Has types of keys and other users' key pairs; its names hold no dots.
VERSION = "2.10"
PAGES_VERSION = "2.35"
COLUMNS = {"Name": "name", "Type": "type", "Fingerprint": "fingerprint"}


def _user(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", metavar="USER", help="id of the user whose it is (admin), default: you")


def _path(name: str) -> str:
    return f"/os-keypairs/{quote(name, safe='')}"


class Add(Command):
    """Create a key pair and print its private key, or keep a public key that is there."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add its name and what it is made of."""
        parser.add_argument("name", metavar="NAME", help="its name")
        parser.add_argument("--pub-key", metavar="FILE", help="a public key to keep; - reads standard input")
        parser.add_argument("--key-type", choices=("ssh", "x509"), default="ssh", help="default: ssh")
        _user(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Create it; what is printed of it cannot be had again."""
        fields = {"name": parsed_args.name, "type": parsed_args.key_type, "user_id": parsed_args.user,
                  "public_key": _read(parsed_args.pub_key)}
        body = {"keypair": {name: value for name, value in fields.items() if value is not None}}
        made = self.client.post("/os-keypairs", body, VERSION)["keypair"]
        if "private_key" in made:
            self.say(made["private_key"].rstrip("\n"))


def _read(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        return sys.stdin.read() if name == "-" else Path(name).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read as a public key: {error}") from error


class List(Lister):
    """List key pairs."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add which ones."""
        parser.add_argument("--limit", type=positive, metavar="N", help="at most so many")
        parser.add_argument("--marker", metavar="NAME", help="begin after this one")
        _user(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for one page after the other."""
        query = {"user_id": parsed_args.user, "marker": parsed_args.marker}
        rows = self.client.pages("/os-keypairs", "keypairs", query, parsed_args.limit, PAGES_VERSION)
        return tuple(COLUMNS), [[row["keypair"][field] for field in COLUMNS.values()] for row in rows]


class Show(ShowOne):
    """Show a key pair."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add its name."""
        parser.add_argument("name", metavar="NAME", help="its name")
        _user(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Show all its fields."""
        found: dict[str, Any] = self.client.get(
            _path(parsed_args.name), {"user_id": parsed_args.user}, VERSION)["keypair"]
        names = sorted(found)
        return names, cells(found[name] for name in names)


class Delete(Command):
    """Delete a key pair. Servers that were made with it keep its name."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add its name."""
        parser.add_argument("name", metavar="NAME", help="its name")
        _user(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete it."""
        self.client.request("DELETE", _path(parsed_args.name), query={"user_id": parsed_args.user}, version=VERSION)
        self.say(f"key pair {parsed_args.name} is deleted")
