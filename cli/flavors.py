"""Flavors and their extra specs."""

import argparse
from typing import Any

from novasim.cli import lookup
from novasim.cli.client import Client
from novasim.cli.command import Command, Lister, Record, ShowOne, Table, cells, key_value, natural, positive
from novasim.cli.errors import UsageError

COLUMNS = {
    "ID": "id",
    "Name": "name",
    "RAM (MB)": "ram",
    "Disk (GB)": "disk",
    "Ephemeral (GB)": "OS-FLV-EXT-DATA:ephemeral",
    "Swap (MB)": "swap",
    "VCPUs": "vcpus",
    "RXTX Factor": "rxtx_factor",
    "Is Public": "os-flavor-access:is_public",
}


class List(Lister):
    """List flavors."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what to include."""
        parser.add_argument("--all", action="store_true", help="private flavors too (admin)")
        parser.add_argument("--extra-specs", action="store_true", help="show their extra specs")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for the flavors."""
        query = {"is_public": "None" if parsed_args.all else None}
        flavors = list(self.client.pages("/flavors/detail", "flavors", query))
        if not parsed_args.extra_specs:
            return tuple(COLUMNS), [_row(flavor) for flavor in flavors]
        rows = [cells((*_row(flavor), extra_specs(self.client, flavor))) for flavor in flavors]
        return (*COLUMNS, "Extra Specs"), rows


class Show(ShowOne):
    """Show a flavor."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the flavor."""
        parser.add_argument("flavor", metavar="FLAVOR", help="id or name of the flavor")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Find the flavor and show all its fields."""
        return described(self.client, lookup.flavor(self.client, parsed_args.flavor))


class Create(ShowOne):
    """Create a flavor."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the shape of the flavor."""
        parser.add_argument("name", metavar="NAME", help="its name")
        parser.add_argument("id", metavar="ID", help="its id, or auto for a new uuid")
        parser.add_argument("ram", metavar="RAM", type=positive, help="memory in MB")
        parser.add_argument("disk", metavar="DISK", type=natural, help="root disk in GB")
        parser.add_argument("vcpus", metavar="VCPUS", type=positive, help="number of vCPUs")
        parser.add_argument("--ephemeral", type=natural, default=0, metavar="GB", help="second disk")
        parser.add_argument("--swap", type=natural, default=0, metavar="MB", help="swap disk")
        parser.add_argument("--rxtx-factor", type=float, default=1.0, metavar="F", help="network share")
        parser.add_argument("--is-public", type=_boolean, default=True, metavar="true|false",
                            help="whether all projects may use it (default true)")
        parser.add_argument("--property", type=key_value, action="append", default=[], metavar="KEY=VALUE",
                            help="an extra spec (repeatable)")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Create it, set its extra specs and show it."""
        flavor = self.client.post("/flavors", {"flavor": new_flavor(**_shape(parsed_args))})["flavor"]
        if parsed_args.property:
            self.client.post(_specs_path(flavor), {"extra_specs": dict(parsed_args.property)})
        return described(self.client, flavor)


class Delete(Command):
    """Delete a flavor. Servers that have it keep it."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the flavor."""
        parser.add_argument("flavor", metavar="FLAVOR", help="id or name of the flavor")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete it."""
        self.client.delete(f"/flavors/{lookup.flavor(self.client, parsed_args.flavor)['id']}")
        self.say(f"flavor {parsed_args.flavor} is deleted")


class Key(Command):
    """Set or unset extra specs of a flavor."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the flavor and its keys."""
        parser.add_argument("flavor", metavar="FLAVOR", help="id or name of the flavor")
        parser.add_argument("action", metavar="set|unset", choices=["set", "unset"], help="what to do")
        parser.add_argument("specs", metavar="KEY[=VALUE]", nargs="+", help="key=value, or key to unset")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Change the keys."""
        flavor = lookup.flavor(self.client, parsed_args.flavor)
        if parsed_args.action == "set":
            specs = dict(_pair(text) for text in parsed_args.specs)
            self.client.post(_specs_path(flavor), {"extra_specs": specs})
        else:
            for key in parsed_args.specs:
                self.client.delete(f"{_specs_path(flavor)}/{key.partition('=')[0]}")
        self.say(f"extra specs of {flavor['name']} are changed")


def new_flavor(name: str, ram: int, disk: int, vcpus: int, id: str | None = None, ephemeral: int = 0,
               swap: int = 0, rxtx_factor: float = 1.0, is_public: bool = True) -> dict[str, Any]:
    """Return the flavor as a create request has it: memory, swap in MB, disks in GB, id None for a uuid."""
    return {"name": name, "id": id, "ram": ram, "disk": disk, "vcpus": vcpus, "swap": swap,
            "rxtx_factor": rxtx_factor, "OS-FLV-EXT-DATA:ephemeral": ephemeral,
            "os-flavor-access:is_public": is_public}


def extra_specs(client: Client, flavor: dict[str, Any]) -> dict[str, str]:
    """Return the extra specs of a flavor, which carries them itself from 2.61 on."""
    if "extra_specs" in flavor:
        return flavor["extra_specs"]
    return client.get(_specs_path(flavor))["extra_specs"]


def described(client: Client, flavor: dict[str, Any]) -> Record:
    """Return the fields of a flavor, in alphabetical order, with its extra specs."""
    shown = {key: value for key, value in flavor.items() if key != "links"}
    shown["extra_specs"] = extra_specs(client, flavor)
    names = sorted(shown)
    return names, cells(shown[name] for name in names)


def _specs_path(flavor: dict[str, Any]) -> str:
    return f"/flavors/{flavor['id']}/os-extra_specs"


def _row(flavor: dict[str, Any]) -> tuple[Any, ...]:
    """A swap of 0 is an empty text below 2.75."""
    shown = {**flavor, "swap": flavor["swap"] or 0}
    return tuple(shown.get(field) for field in COLUMNS.values())


def _shape(given: argparse.Namespace) -> dict[str, Any]:
    names = ("name", "ram", "disk", "vcpus", "ephemeral", "swap", "rxtx_factor", "is_public")
    return {name: getattr(given, name) for name in names} | {"id": None if given.id == "auto" else given.id}


def _pair(text: str) -> tuple[str, str]:
    try:
        return key_value(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"flavor-key: {error}. Give the value to set") from None


def _boolean(text: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"'{text}' is neither true nor false")
    return known[text.lower()]
