"""Server groups: servers that are to share a host, or are not to."""

import argparse
from typing import Any

from novasim.cli import lookup
from novasim.cli.command import Command, Lister, Record, ShowOne, Table, cells, key_value, natural, positive

COLUMNS = {"ID": "id", "Name": "name", "Project": "project_id", "User": "user_id", "Policy": "policy",
           "Rules": "rules", "Members": "members"}


class List(Lister):
    """List server groups."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add which ones."""
        parser.add_argument("--all-projects", action="store_true", help="those of all projects (admin)")
        parser.add_argument("--limit", type=positive, metavar="N", help="at most so many")
        parser.add_argument("--offset", type=natural, metavar="N", default=0, help="without the first N")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for one page after the other, until there are no more or enough."""
        rows: list[dict[str, Any]] = []
        while parsed_args.limit is None or len(rows) < parsed_args.limit:
            page = self.client.get("/os-server-groups", {
                "all_projects": parsed_args.all_projects or None, "offset": parsed_args.offset + len(rows) or None,
                "limit": parsed_args.limit and parsed_args.limit - len(rows)}, lookup.GROUPS_VERSION)["server_groups"]
            if not page:
                break
            rows += page
        return tuple(COLUMNS), [cells(row.get(field) for field in COLUMNS.values()) for row in rows]


class Show(ShowOne):
    """Show a server group."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the group."""
        parser.add_argument("group", metavar="GROUP", help="id or name of the server group")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Find the group and show all its fields."""
        return _described(lookup.server_group(self.client, parsed_args.group))


class Create(ShowOne):
    """Create a server group. Servers join it with: boot --hint group=ID."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add its name and policy."""
        parser.add_argument("name", metavar="NAME", help="its name")
        parser.add_argument("policy", metavar="POLICY",
                            help="affinity, anti-affinity, soft-affinity or soft-anti-affinity")
        parser.add_argument("--rule", type=key_value, action="append", default=[], metavar="KEY=VALUE",
                            help="a rule of the policy: max_server_per_host=N for anti-affinity")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Create it and show it."""
        fields = {"name": parsed_args.name, "policy": parsed_args.policy}
        rules = {"rules": dict(parsed_args.rule)} if parsed_args.rule else {}
        return _described(self.client.post(
            "/os-server-groups", {"server_group": fields | rules}, lookup.GROUPS_VERSION)["server_group"])


class Delete(Command):
    """Delete server groups. Their servers live on."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the groups."""
        parser.add_argument("groups", metavar="GROUP", nargs="+", help="id or name of a server group")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete one after the other."""
        for group in parsed_args.groups:
            self.client.delete(f"/os-server-groups/{lookup.server_group(self.client, group)['id']}")
            self.say(f"server group {group} is deleted")


def _described(group: dict[str, Any]) -> Record:
    names = sorted(group)
    return names, cells(group[name] for name in names)
