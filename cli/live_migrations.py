"""Moving servers while they run, and away from hosts that are dead."""

import argparse
from typing import Any

from novasim.cli import lookup
from novasim.cli.client import ApiError
from novasim.cli.command import Command, Lister, Record, ShowOne, Table, cells
from novasim.cli.errors import CliError
from novasim.cli.server_actions import Action

COLUMNS = {
    "Id": "id",
    "Status": "status",
    "Source Compute": "source_compute",
    "Dest Compute": "dest_compute",
    "Total Memory Bytes": "memory_total_bytes",
    "Processed Memory Bytes": "memory_processed_bytes",
    "Remaining Memory Bytes": "memory_remaining_bytes",
    "Total Disk Bytes": "disk_total_bytes",
    "Processed Disk Bytes": "disk_processed_bytes",
    "Remaining Disk Bytes": "disk_remaining_bytes",
    "Created At": "created_at",
    "Updated At": "updated_at",
}
# Migrations are below their server since 2.23; from 2.65 on one can be aborted before it copies.
SHOWN, ABORTED, FORCED = "2.23", "2.65", "2.22"


class LiveMigration(Action):
    """Move a server to another host while it runs (admin)."""

    verb, said = "os-migrateLive", "live-migration"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add where to, and what to copy."""
        super().add_arguments(parser)
        parser.add_argument("host", metavar="HOST", nargs="?", help="where to; the scheduler chooses if not given")
        parser.add_argument("--block-migrate", action="store_true", help="copy the disks whatever the hosts share")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return host and what to copy; since 2.34 the answer does not wait for the choice of a host."""
        return {"host": parsed_args.host, "block_migration": parsed_args.block_migrate or "auto"}, "2.34"


class Evacuate(Action):
    """Make a server anew on another host, since its own is dead (admin)."""

    verb, said = "evacuate", "evacuate"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add where to."""
        super().add_arguments(parser)
        parser.add_argument("host", metavar="HOST", nargs="?", help="where to; the scheduler chooses if not given")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return the host, which the scheduler judges since 2.29."""
        return ({"host": parsed_args.host}, "2.29") if parsed_args.host else ({}, "2.14")


class HostEvacuate(Lister):
    """Evacuate all servers of a host that is dead (admin)."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the hosts."""
        parser.add_argument("host", metavar="HOST", help="name of the dead host")
        parser.add_argument("--target-host", metavar="HOST", help="where to; the scheduler chooses if not given")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for each of the servers; one that is refused does not keep the others waiting."""
        query = {"host": parsed_args.host, "all_tenants": True}
        servers = [one["id"] for one in self.client.pages("/servers", "servers", query)]
        if not servers:
            raise CliError(f"there are no servers on {parsed_args.host}")
        body = {"host": parsed_args.target_host} if parsed_args.target_host else {}
        return ("Server UUID", "Evacuate Accepted", "Error Message"), [self._ask(uuid, body) for uuid in servers]

    def _ask(self, uuid: str, body: dict[str, str]) -> tuple[str, bool, str]:
        try:
            self.client.action(uuid, "evacuate", body, "2.29")
        except ApiError as error:
            return uuid, False, error.message
        return uuid, True, ""


class List(Lister):
    """List the live migrations of a server that are in progress (admin)."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server."""
        parser.add_argument("server", metavar="SERVER", help="id or name of the server")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for them."""
        path = f"/servers/{lookup.server_id(self.client, parsed_args.server)}/migrations"
        rows = self.client.get(path, version=SHOWN)["migrations"]
        return tuple(COLUMNS), [cells(row.get(field) for field in COLUMNS.values()) for row in rows]


def _add_migration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("server", metavar="SERVER", help="id or name of the server")
    parser.add_argument("migration", metavar="MIGRATION", help="number of the migration, from server-migration-list")


class Show(ShowOne):
    """Show a live migration of a server that is in progress (admin)."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server and its migration."""
        _add_migration(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Ask for it."""
        server = lookup.server_id(self.client, parsed_args.server)
        shown = self.client.get(f"/servers/{server}/migrations/{parsed_args.migration}", version=SHOWN)["migration"]
        return tuple(sorted(shown)), cells(shown[key] for key in sorted(shown))


class Abort(Command):
    """Abort a live migration; the server stays where it is (admin)."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server and its migration."""
        _add_migration(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Ask for it."""
        server = lookup.server_id(self.client, parsed_args.server)
        answer = self.client.request("DELETE", f"/servers/{server}/migrations/{parsed_args.migration}", version=ABORTED)
        self.say(f"live-migration-abort of {parsed_args.server} accepted ({answer.request_id})")


class ForceComplete(Command):
    """Bring a live migration to its end, at the cost of the guest (admin)."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server and its migration."""
        _add_migration(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Ask for it."""
        server = lookup.server_id(self.client, parsed_args.server)
        answer = self.client.request("POST", f"/servers/{server}/migrations/{parsed_args.migration}/action",
                                     {"force_complete": None}, version=FORCED)
        self.say(f"live-migration-force-complete of {parsed_args.server} accepted ({answer.request_id})")
