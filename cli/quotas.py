"""Quotas and limits: how much a project may have, and how much it has."""

import argparse
from typing import Any

from novasim.cli.command import Lister, Record, ShowOne, Table, cells
from novasim.cli.errors import UsageError

KEYS = ("instances", "cores", "ram")
# Limits with what is used of them; all other limits stand alone.
USED = {
    "maxTotalInstances": "totalInstancesUsed",
    "maxTotalCores": "totalCoresUsed",
    "maxTotalRAMSize": "totalRAMUsed",
    "maxServerGroups": "totalServerGroupsUsed",
}


class Show(ShowOne):
    """Show the quotas of a project."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the project."""
        parser.add_argument("project", metavar="PROJECT", nargs="?", help="id of the project, default: yours")
        parser.add_argument("--user", help="quotas of this user in the project")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Ask for the quotas."""
        project = parsed_args.project or self.client.project()
        quotas = self.client.get(f"/os-quota-sets/{project}", {"user_id": parsed_args.user})["quota_set"]
        return _described(quotas)


class Update(ShowOne):
    """Change the quotas of a project."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the project and its new limits."""
        parser.add_argument("project", metavar="PROJECT", help="id of the project")
        _add_sizes(parser)
        parser.add_argument("--user", help="limits of this user in the project")
        parser.add_argument("--force", action="store_true", help="even below what is in use")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Send the new limits and show what holds now."""
        wanted = _wanted(parsed_args, "quota-update")
        if parsed_args.force:
            wanted["force"] = True
        answer = self.client.request("PUT", f"/os-quota-sets/{parsed_args.project}", {"quota_set": wanted},
                                     query={"user_id": parsed_args.user})
        return _described(answer.body["quota_set"])


class ClassShow(ShowOne):
    """Show the limits of a class of projects."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the class."""
        parser.add_argument("name", metavar="CLASS", help="name of the class; 'default' holds for every project")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Ask for the limits."""
        return _described(self.client.get(f"/os-quota-class-sets/{parsed_args.name}")["quota_class_set"])


class ClassUpdate(ShowOne):
    """Change the limits of a class of projects."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the class and its new limits."""
        parser.add_argument("name", metavar="CLASS", help="name of the class; 'default' holds for every project")
        _add_sizes(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Send the new limits and show what holds now."""
        wanted = _wanted(parsed_args, "quota-class-update")
        answer = self.client.request("PUT", f"/os-quota-class-sets/{parsed_args.name}", {"quota_class_set": wanted})
        return _described(answer.body["quota_class_set"])


class Limits(Lister):
    """Show your limits and what is used of them."""

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for the limits."""
        absolute = self.client.get("/limits")["limits"]["absolute"]
        names = [name for name in absolute if name not in USED.values()]
        return ("Name", "Used", "Max"), [(name, absolute.get(USED.get(name, "")), absolute[name])
                                         for name in sorted(names)]


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--instances", type=int, metavar="N", help="number of servers; -1 is unlimited")
    parser.add_argument("--cores", type=int, metavar="N", help="number of vCPUs; -1 is unlimited")
    parser.add_argument("--ram", type=int, metavar="MB", help="memory in MB; -1 is unlimited")


def _wanted(parsed_args: argparse.Namespace, verb: str) -> dict[str, Any]:
    wanted = {key: getattr(parsed_args, key) for key in KEYS if getattr(parsed_args, key) is not None}
    if not wanted:
        raise UsageError(f"{verb}: nothing to change. Give --instances, --cores or --ram")
    return wanted


def _described(quotas: dict[str, Any]) -> Record:
    names = sorted(quotas)
    return names, cells(quotas[name] for name in names)
