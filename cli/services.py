"""Services: who runs where, who is up, and who takes new servers."""

import argparse

from novasim.cli.command import Command, Lister, Table, cells

COLUMNS = {
    "ID": "id",
    "Binary": "binary",
    "Host": "host",
    "Zone": "zone",
    "Status": "status",
    "State": "state",
    "Updated At": "updated_at",
    "Disabled Reason": "disabled_reason",
}
# Until 2.52 a service is named by its host and binary, as people name it; later only by its uuid.
BY_HOST = "2.1"


class List(Lister):
    """List services."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add filters."""
        parser.add_argument("--host", help="only those on this host")
        parser.add_argument("--binary", help="only this kind, such as nova-compute")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for the services."""
        query = {"host": parsed_args.host, "binary": parsed_args.binary}
        rows = self.client.get("/os-services", query)["services"]
        return tuple(COLUMNS), [cells(row.get(field) for field in COLUMNS.values()) for row in rows]


class _Change(Command):
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the service."""
        parser.add_argument("host", metavar="HOST", help="host of the service")
        parser.add_argument("binary", metavar="BINARY", nargs="?", default="nova-compute",
                            help="kind of service (default nova-compute)")

    def change(self, how: str, **fields: str) -> None:
        """Send one of the calls that change a service, and say what it is now."""
        body = {name: value for name, value in fields.items() if value is not None}
        answer = self.client.request("PUT", f"/os-services/{how}", body, exactly=BY_HOST)
        service = answer.body["service"]
        self.say(f"{service['binary']} on {service['host']} is {service['status']}")


class Enable(_Change):
    """Let a service take new servers again."""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Enable it."""
        self.change("enable", host=parsed_args.host, binary=parsed_args.binary)


class Disable(_Change):
    """Keep new servers away from a service."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the reason."""
        super().add_arguments(parser)
        parser.add_argument("--reason", help="why, shown with the service")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Disable it."""
        self.change("disable" if parsed_args.reason is None else "disable-log-reason", host=parsed_args.host,
                    binary=parsed_args.binary, disabled_reason=parsed_args.reason)
