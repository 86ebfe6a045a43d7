"""Host aggregates: hosts that belong together, and what holds for them."""

import argparse
from typing import Any

from novasim.cli import lookup
from novasim.cli.command import Command, Lister, Record, ShowOne, Table, cells
from novasim.cli.errors import UsageError

COLUMNS = {"ID": "id", "Name": "name", "Availability Zone": "availability_zone", "Hosts": "hosts",
           "Metadata": "metadata"}


class List(Lister):
    """List aggregates."""

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for the aggregates."""
        rows = self.client.get("/os-aggregates")["aggregates"]
        return tuple(COLUMNS), [cells(row.get(field) for field in COLUMNS.values()) for row in rows]


class Create(ShowOne):
    """Create an aggregate."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add its name and zone."""
        parser.add_argument("name", metavar="NAME", help="its name")
        parser.add_argument("zone", metavar="ZONE", nargs="?", help="availability zone that its hosts are in")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Create it and show it."""
        fields = {"name": parsed_args.name} | ({"availability_zone": parsed_args.zone} if parsed_args.zone else {})
        return _described(self.client.post("/os-aggregates", {"aggregate": fields})["aggregate"])


class _OfOne(ShowOne):
    """What names an aggregate and shows it afterwards."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the aggregate."""
        parser.add_argument("aggregate", metavar="AGGREGATE", help="id or name of the aggregate")

    def act(self, parsed_args: argparse.Namespace, name: str, **content: Any) -> Record:
        """Perform an action and show the aggregate."""
        found = lookup.aggregate(self.client, parsed_args.aggregate)
        return _described(self.client.post(f"/os-aggregates/{found['id']}/action", {name: content})["aggregate"])


class Show(_OfOne):
    """Show an aggregate."""

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Find the aggregate and show all its fields."""
        return _described(lookup.aggregate(self.client, parsed_args.aggregate))


class Update(_OfOne):
    """Change the name or the availability zone of an aggregate."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what to change."""
        super().add_arguments(parser)
        parser.add_argument("--name", help="new name")
        parser.add_argument("--availability-zone", metavar="ZONE", help="new zone of its hosts")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Send the change and show what holds now."""
        wanted = {"name": parsed_args.name, "availability_zone": parsed_args.availability_zone}
        fields = {name: value for name, value in wanted.items() if value is not None}
        if not fields:
            raise UsageError("aggregate-update: nothing to change. Give --name or --availability-zone")
        found = lookup.aggregate(self.client, parsed_args.aggregate)
        answer = self.client.request("PUT", f"/os-aggregates/{found['id']}", {"aggregate": fields})
        return _described(answer.body["aggregate"])


class AddHost(_OfOne):
    """Add a host to an aggregate."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the host."""
        super().add_arguments(parser)
        parser.add_argument("host", metavar="HOST", help="name of the host")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Add it."""
        return self.act(parsed_args, "add_host", host=parsed_args.host)


class RemoveHost(AddHost):
    """Remove a host from an aggregate."""

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Remove it."""
        return self.act(parsed_args, "remove_host", host=parsed_args.host)


class SetMetadata(_OfOne):
    """Set or unset metadata of an aggregate."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the keys."""
        super().add_arguments(parser)
        parser.add_argument("metadata", metavar="KEY[=VALUE]", nargs="+", help="key=value, or key to unset")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Change the keys."""
        pairs = (text.partition("=") for text in parsed_args.metadata)
        return self.act(parsed_args, "set_metadata",
                        metadata={key: value if equals else None for key, equals, value in pairs})


class Delete(Command):
    """Delete an aggregate that has no hosts."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the aggregate."""
        parser.add_argument("aggregate", metavar="AGGREGATE", help="id or name of the aggregate")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete it."""
        self.client.delete(f"/os-aggregates/{lookup.aggregate(self.client, parsed_args.aggregate)['id']}")
        self.say(f"aggregate {parsed_args.aggregate} is deleted")


def _described(aggregate: dict[str, Any]) -> Record:
    names = sorted(aggregate)
    return names, cells(aggregate[name] for name in names)
