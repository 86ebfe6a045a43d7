"""The tour: a small cluster of its own, one server, and every hop of a resize, a revert and a migration.

It is a check as well: what must be true after each step is known, and anything else fails the tour.
"""

import argparse
import dataclasses
from typing import Any, TextIO

from novasim.cli import lookup, poll, process, trace
from novasim.cli.client import Client
from novasim.cli.command import Command, positive, print_table
from novasim.cli.errors import CliError

# The journal is written by several services, and its last lines come a moment after the server's state:
# these are the messages without which a request did not go the whole way, and what its migration has come to.
MOVE = ("migrate_server", "select_destinations", "prep_resize", "resize_instance", "finish_resize")
HOPS = {
    "resize": (*MOVE, "finished"),
    "migrate": (*MOVE, "finished"),
    "confirmResize": ("confirm_resize", "confirmed"),
    "revertResize": ("revert_resize", "finish_revert_resize", "reverted"),
}
JOURNAL_LOOKS = 20


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing to ask of the server."""

    title: str
    verb: str
    flavor: str | None = None
    shown: bool = False


TOUR = (
    Step("Resize it to m1.medium", "resize", "m1.medium", shown=True),
    Step("Confirm the resize", "confirmResize", shown=True),
    Step("Resize it to m1.large", "resize", "m1.large"),
    Step("Revert the resize", "revertResize", shown=True),
    Step("Migrate it to another host", "migrate", shown=True),
    Step("Confirm the migration", "confirmResize"),
)
FIRST_FLAVOR = "m1.small"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the server is and what it has."""

    host: str
    flavor: str

    def __str__(self) -> str:
        return f"{self.flavor} on {self.host}"


class Demo(Command):
    """Start a cluster, resize, revert and migrate a server, show every hop of it, and stop the cluster."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what the cluster is to be like."""
        parser.add_argument("--hosts", type=positive, default=3, metavar="N", help="hosts (default 3)")
        parser.add_argument("--stages", default="demo", metavar="NAME",
                            help="how long the hypervisors' work takes (default demo: short, but to be seen)")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Run the tour."""
        if parsed_args.hosts < 2:
            raise CliError("a resize moves a server to another host, so one is not enough. Give --hosts 2")
        arguments = ["--hosts", str(parsed_args.hosts), "--stages", parsed_args.stages]
        self.say(f"Starting a cluster of {parsed_args.hosts} simulated hosts")
        with process.own_cluster(arguments) as cluster, cluster.client() as client:
            Tour(client, self.app.stdout, self.app.stderr).play()
        self.say("\nThe tour is over; the cluster is stopped and its files are removed."
                 "\nStart one that stays with: novasim up")


class Tour:
    """Plays the steps with one server and checks where it is after each."""

    def __init__(self, client: Client, stdout: TextIO, stderr: TextIO) -> None:
        self._client = client
        self._stdout = stdout
        self._stderr = stderr
        self._flavors = {name: flavor_id for flavor_id, name in lookup.flavor_names(client).items()}

    def play(self) -> None:
        """Boot the server and take it through all steps.

        :raises CliError: something is not as it must be
        """
        server_id, place = self._boot()
        home = place
        for step in TOUR:
            self._say(f"\n{step.title}")
            now = self._ask(server_id, step)
            self._check(step, home, place, now)
            if step.flavor or step.verb == "migrate":
                home = place
            place = now
            self._say(f"The server is {now}")
        self._client.delete(f"/servers/{server_id}")
        poll.follow_delete(self._client, server_id, lambda server: None)

    def _boot(self) -> tuple[str, Place]:
        self._say(f"\nBoot a server of flavor {FIRST_FLAVOR}")
        body = {"server": {"name": "demo", "flavorRef": self._flavors[FIRST_FLAVOR],
                           "imageRef": lookup.image_id(self._client, "cirros")}}
        answer = self._client.request("POST", "/servers", body)
        server = self._follow(answer.body["server"]["id"], "create", answer.request_id)
        place = self._place(server)
        self._say(f"The server is {place}")
        return server["id"], place

    def _ask(self, server_id: str, step: Step) -> Place:
        value = {"flavorRef": self._flavors[step.flavor]} if step.flavor else None
        request_id = self._client.action(server_id, step.verb, value)
        server = self._follow(server_id, step.verb, request_id)
        found = self._journal(step, request_id or "")
        if step.shown:
            print_table(trace.COLUMNS, trace.timeline(found), self._stdout)
        return self._place(server)

    def _follow(self, server_id: str, verb: str, request_id: str | None) -> dict[str, Any]:
        with poll.progress(self._stderr, verb) as show:
            return poll.follow(self._client, server_id, verb, request_id, show)

    def _journal(self, step: Step, request_id: str) -> list[dict[str, Any]]:
        missing: list[str] = []
        for _try, _look in zip(range(JOURNAL_LOOKS), poll.pauses(longest=poll.SHORTEST_S), strict=False):
            found = trace.hops(self._client, request_id)
            there = {word for hop in found for word in (hop.get("method"), hop.get("migration_status"))}
            missing = [word for word in HOPS[step.verb] if word not in there]
            if not missing:
                return found
        raise CliError(f"{step.title}: the journal of {request_id} lacks {', '.join(missing)}. "
                       "See it with: novasim trace")

    def _place(self, server: dict[str, Any]) -> Place:
        names = {flavor_id: name for name, flavor_id in self._flavors.items()}
        return Place(server["OS-EXT-SRV-ATTR:host"], lookup.flavor_name(server, names))

    def _check(self, step: Step, home: Place, before: Place, now: Place) -> None:
        """After a move it is elsewhere, after confirm it stays there, after revert it is back as it was."""
        if step.verb == "revertResize":
            right, wanted = now == home, str(home)
        elif step.verb == "confirmResize":
            right, wanted = now == before, str(before)
        else:
            flavor = step.flavor or before.flavor
            right = now.flavor == flavor and now.host != before.host
            wanted = f"{flavor} on another host than {before.host}"
        if not right:
            raise CliError(f"{step.title}: the server is {now} where it should be {wanted}. This is a bug")

    def _say(self, text: str) -> None:
        self._stdout.write(f"{text}\n")
        self._stdout.flush()
