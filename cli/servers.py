"""Servers: boot, list, show, rename and delete."""

import argparse
from typing import Any

from cliff.columns import FormattableColumn

from novasim.cli import lookup, nics, poll
from novasim.cli.command import Command, Lister, Record, ShowOne, Table, cells, key_value, positive
from novasim.cli.errors import CliError, UsageError, one_line

POWER = {0: "NOSTATE", 1: "Running", 3: "Paused", 4: "Shutdown", 6: "Crashed", 7: "Suspended"}
# What `list` shows, and short names for the longer fields of a server.
LIST_FIELDS = ("name", "status", "task_state", "power_state", "flavor", "host")
ALIASES = {
    "task_state": "OS-EXT-STS:task_state",
    "vm_state": "OS-EXT-STS:vm_state",
    "power_state": "OS-EXT-STS:power_state",
    "host": "OS-EXT-SRV-ATTR:host",
    "node": "OS-EXT-SRV-ATTR:hypervisor_hostname",
    "hypervisor_hostname": "OS-EXT-SRV-ATTR:hypervisor_hostname",
    "instance_name": "OS-EXT-SRV-ATTR:instance_name",
    "availability_zone": "OS-EXT-AZ:availability_zone",
    "launched_at": "OS-SRV-USG:launched_at",
    "terminated_at": "OS-SRV-USG:terminated_at",
}
TAGS_VERSION, FILTERS_VERSION = "2.52", "2.26"
# The names by which the API sorts, where they are not those that it shows.
SORT_KEYS = {"name": "display_name", "id": "uuid", "created": "created_at", "updated": "updated_at"}


class Boot(ShowOne):
    """Boot one or more new servers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what a new server needs."""
        parser.add_argument("name", metavar="NAME", help="name of the server")
        parser.add_argument("--flavor", required=True, help="id or name of its flavor")
        parser.add_argument("--image", required=True, help="id or name of its image")
        parser.add_argument("--nic", action="append", type=nics.nic, default=[], metavar="NIC", help=nics.HELP)
        parser.add_argument("--availability-zone", metavar="ZONE", help="where to build: ZONE or ZONE:HOST")
        parser.add_argument("--key-name", metavar="NAME", help="key pair that lets its user in")
        parser.add_argument("--tags", metavar="TAG,...", help="tags of the server")
        parser.add_argument("--hint", type=key_value, action="append", default=[], metavar="KEY=VALUE",
                            help="hint for the scheduler; the same key again makes a list")
        parser.add_argument("--meta", type=key_value, action="append", default=[], metavar="KEY=VALUE",
                            help="metadata of the server (repeatable)")
        parser.add_argument("--min-count", type=positive, metavar="N", help="build at least so many")
        parser.add_argument("--max-count", type=positive, metavar="N", help="build at most so many")
        parser.add_argument("--poll", action="store_true", help="wait until the server is up")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Boot, wait if asked to, and show the first server."""
        flavor = lookup.flavor(self.client, parsed_args.flavor)
        several = max(parsed_args.min_count or 1, parsed_args.max_count or 1) > 1
        image_id = lookup.image_id(self.client, parsed_args.image)
        body = new_server(parsed_args, flavor["id"], image_id, several)
        networks, version = nics.networks(self.client, parsed_args.nic)
        if parsed_args.tags:
            networks, version = networks or "auto", TAGS_VERSION
        if networks:
            body["server"]["networks"] = networks
        answer = self.client.request("POST", "/servers", body, version=version)
        if several:
            query = {"reservation_id": answer.body["reservation_id"]}
            ids = [one["id"] for one in self.client.pages("/servers/detail", "servers", query)]
        else:
            ids = [answer.body["server"]["id"]]
        if parsed_args.poll:
            with poll.progress(self.app.stderr, f"boot {parsed_args.name}") as show:
                for server_id in ids:
                    poll.follow(self.client, server_id, "create", answer.request_id, show)
        return described(self.client.get(f"/servers/{ids[0]}")["server"], flavor["name"],
                         {"servers": ids} if several else {})


class List(Lister):
    """List servers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add filters, paging, order and fields."""
        parser.add_argument("--all-tenants", action="store_true", help="servers of all projects (admin)")
        parser.add_argument("--status", help="only servers in this status")
        parser.add_argument("--host", help="only servers on this host (admin)")
        parser.add_argument("--name", metavar="REGEX", help="only servers whose name matches")
        parser.add_argument("--flavor", help="only servers of this flavor, by id or name")
        parser.add_argument("--tags", metavar="TAG,...", help="only servers that have all of these tags")
        parser.add_argument("--deleted", action="store_true", help="only deleted servers (admin)")
        parser.add_argument("--limit", type=int, metavar="N", help="at most so many (default: all)")
        parser.add_argument("--marker", metavar="SERVER", help="begin after this server")
        parser.add_argument("--sort", metavar="KEY[:DIR],...",
                            help="order by these keys, ascending unless DIR is desc (default: newest first)")
        parser.add_argument("--fields", metavar="FIELD,...", help="fields to show instead of the usual ones")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for the servers and pick their fields."""
        query = self._query(parsed_args)
        version = FILTERS_VERSION if parsed_args.tags else None
        servers = list(self.client.pages("/servers/detail", "servers", query, parsed_args.limit, version))
        fields = parsed_args.fields.split(",") if parsed_args.fields else list(LIST_FIELDS)
        unknown = [name for name in fields if servers and not any(_key(name) in one for one in servers)]
        if unknown and parsed_args.fields:
            raise UsageError(f"servers have no field {' or '.join(unknown)}. "
                             f"There are: {', '.join(sorted({*servers[0], *ALIASES}))}")
        names = {}
        if "flavor" in fields and any("original_name" not in one["flavor"] for one in servers):
            names = lookup.flavor_names(self.client)
        titles = ("ID", *(name.replace("_", " ").title() for name in fields))
        return titles, [cells((one["id"], *(_field(one, name, names) for name in fields))) for one in servers]

    def _query(self, given: argparse.Namespace) -> dict[str, Any]:
        query: dict[str, Any] = {name: getattr(given, name) for name in ("status", "host", "name", "tags")}
        query["all_tenants"] = True if given.all_tenants else None
        query["deleted"] = "True" if given.deleted else None
        if given.flavor:
            query["flavor"] = lookup.flavor(self.client, given.flavor)["id"]
        if given.marker:
            query["marker"] = lookup.server(self.client, given.marker)["id"]
        if given.sort:
            keys = [key.partition(":") for key in given.sort.split(",")]
            query["sort_key"] = [SORT_KEYS.get(key, key) for key, _colon, _direction in keys]
            query["sort_dir"] = [direction or "asc" for _key, _colon, direction in keys]
        return query


class Show(ShowOne):
    """Show a server."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server."""
        parser.add_argument("server", metavar="SERVER", help="id or name of the server")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Find the server and show all its fields."""
        found = lookup.server(self.client, parsed_args.server)
        server = self.client.get(f"/servers/{found['id']}")["server"]
        names = {} if "original_name" in server["flavor"] else lookup.flavor_names(self.client)
        return described(server, lookup.flavor_name(server, names))


class Rename(Command):
    """Give a server another name."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server and its new name."""
        parser.add_argument("server", metavar="SERVER", help="id or name of the server")
        parser.add_argument("name", metavar="NAME", help="its new name")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Rename it."""
        found = lookup.server(self.client, parsed_args.server)
        self.client.request("PUT", f"/servers/{found['id']}", {"server": {"name": parsed_args.name}})
        self.say(f"{parsed_args.server} is now called {parsed_args.name}")


class Delete(Command):
    """Delete servers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the servers."""
        parser.add_argument("servers", metavar="SERVER", nargs="+", help="ids or names of the servers")
        parser.add_argument("--poll", action="store_true", help="wait until they are gone")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Delete as many of them as possible; those that cannot be deleted are named."""
        errors, ids = [], {}
        for wanted in parsed_args.servers:
            try:
                ids[wanted] = lookup.server(self.client, wanted)["id"]
                self.client.delete(f"/servers/{ids[wanted]}")
                self.say(f"delete of {wanted} accepted")
            except CliError as error:
                ids.pop(wanted, None)
                errors.append(error)
        for wanted, server_id in ids.items() if parsed_args.poll else ():
            with poll.progress(self.app.stderr, f"delete {wanted}") as show:
                poll.follow_delete(self.client, server_id, show)
        for refused in errors:
            self.app.stderr.write(f"novasim: {one_line(refused)}\n")
        return 1 if errors else 0


class Fault(FormattableColumn):
    """Why a server is in ERROR: the message for people, the traceback too for programs."""

    def human_readable(self) -> str:
        """Return the message."""
        return f"{self._value['message']} ({self._value['code']}, {self._value['created']})"


def new_server(given: argparse.Namespace, flavor_id: str, image_id: str, several: bool) -> dict[str, Any]:
    """Return the body of the request that boots.

    :param given: the arguments of boot
    :param several: more than one is wanted: ask for a reservation id, by which all of them can be found
    """
    server: dict[str, Any] = {
        "name": given.name,
        "flavorRef": flavor_id,
        "imageRef": image_id,
        "metadata": dict(given.meta),
        "key_name": given.key_name,
        "tags": given.tags.split(",") if given.tags else None,
        "availability_zone": given.availability_zone,
        "min_count": given.min_count,
        "max_count": given.max_count,
        "return_reservation_id": True if several else None,
    }
    given_keys = {key: value for key, value in server.items() if value not in (None, {})}
    body: dict[str, Any] = {"server": given_keys}
    if given.hint:
        body["os:scheduler_hints"] = _hints(given.hint)
    return body


def described(server: dict[str, Any], flavor: str, more: dict[str, Any] | None = None) -> Record:
    """Return the fields of a server, in alphabetical order, with its flavor and power state by name."""
    shown = {key: value for key, value in server.items() if key != "links"} | (more or {})
    shown["flavor"] = flavor
    if isinstance(server.get("image"), dict):
        shown["image"] = server["image"]["id"]
    state = server.get("OS-EXT-STS:power_state")
    if state is not None:
        shown["OS-EXT-STS:power_state"] = POWER.get(state, state)
    if "fault" in shown:
        shown["fault"] = Fault(shown["fault"])
    names = sorted(shown)
    return names, cells(shown[name] for name in names)


def _hints(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for key, value in pairs:
        before = hints.get(key)
        hints[key] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return hints


def _key(name: str) -> str:
    return ALIASES.get(name, name)


def _field(server: dict[str, Any], name: str, names: dict[str, str]) -> Any:
    if name == "flavor":
        return lookup.flavor_name(server, names)
    value: Any = server.get(_key(name))
    return POWER.get(value, value) if name == "power_state" else value
