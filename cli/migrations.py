"""Migrations: the record of every resize and move."""

import argparse

from novasim.cli import lookup
from novasim.cli.command import Lister, Table, cells

COLUMNS = {
    "ID": "id",
    "Type": "migration_type",
    "Status": "status",
    "Source": "source_compute",
    "Dest": "dest_compute",
    "Instance UUID": "instance_uuid",
    "Old Flavor": "old_instance_type_id",
    "New Flavor": "new_instance_type_id",
    "Created At": "created_at",
    "Updated At": "updated_at",
}
# The type of a migration is shown since 2.23.
VERSION = "2.23"


class List(Lister):
    """List migrations."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add filters."""
        parser.add_argument("--host", help="only those from or to this host")
        parser.add_argument("--status", help="only those in this status, such as finished or confirmed")
        parser.add_argument("--instance", metavar="SERVER", help="only those of this server, by id or name")
        parser.add_argument("--type", choices=["resize", "migration", "live-migration", "evacuation"],
                            help="only those of this type")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for the migrations."""
        wanted = parsed_args.instance
        query = {
            "host": parsed_args.host,
            "status": parsed_args.status,
            "migration_type": parsed_args.type,
            "instance_uuid": lookup.server_id(self.client, wanted) if wanted else None,
        }
        rows = self.client.get("/os-migrations", query, version=VERSION)["migrations"]
        return tuple(COLUMNS), [cells(row.get(field) for field in COLUMNS.values()) for row in rows]
