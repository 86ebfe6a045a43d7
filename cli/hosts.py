"""The machines of the simulator: how many there are, and what happens to them."""

import argparse

from novasim.cli.command import Command, Lister, Table, cells, positive

COLUMNS = {
    "Host": "host",
    "Profile": "profile",
    "State": "state",
    "Service": "service_state",
    "Status": "service_status",
    "Fleet": "fleet",
}
# Asked for at a time, so that none of the requests takes long.
STEP = 1000


class List(Lister):
    """List the machines of the simulator."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add filters."""
        parser.add_argument("--state", help="only those that are up, crashed or frozen")
        parser.add_argument("--fleet", help="only those that this process plays")
        parser.add_argument("--limit", type=positive, metavar="N", help="at most so many")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for the machines."""
        query = {"state": parsed_args.state, "fleet": parsed_args.fleet}
        rows = self.client.pages("/os-simulator/hosts", "hosts", query, parsed_args.limit)
        return tuple(COLUMNS), [cells(row.get(field) for field in COLUMNS.values()) for row in rows]


class Scale(Command):
    """Make so many machines; those that nothing is on go first where there are more."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add how many, and what new ones are like."""
        parser.add_argument("count", type=positive, metavar="N", help="how many machines there are to be")
        parser.add_argument("--profile", metavar="NAME", help="shape of new ones: small, medium, large or huge "
                                                              "(default: as the cluster was started)")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Scale in steps."""
        profile = {"profile": parsed_args.profile} if parsed_args.profile else {}
        had = sum(fleet["hosts"] for fleet in self.client.get("/os-simulator/fleets")["fleets"])
        wanted = parsed_args.count
        for count in [*(range(had + STEP, wanted, STEP) if wanted > had else range(had - STEP, wanted, -STEP)), wanted]:
            self.client.post("/os-simulator/hosts", {"scale": {"count": count} | profile})
        self.say(f"{wanted} hosts; there were {had}")


class _Act(Command):
    action, done = "", ""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the machines."""
        parser.add_argument("hosts", metavar="HOST", nargs="+", help="a name, or a range such as cmp-[0001-0050]")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Send the action."""
        self.client.post("/os-simulator/hosts/action", {self.action: {"hosts": parsed_args.hosts}})
        self.say(f"{', '.join(parsed_args.hosts)}: {self.done}")


class Crash(_Act):
    """End agents at once, with all that they are at; their queues stay."""

    action, done = "crash", "crashed"


class Revive(_Act):
    """Start agents that had crashed; they take up what they left."""

    action, done = "revive", "up"


class Freeze(_Act):
    """Let agents stand still: no heartbeat, no answer, nothing given up."""

    action, done = "freeze", "frozen"


class Thaw(_Act):
    """Let agents that are frozen go on where they stand."""

    action, done = "thaw", "up"


class Remove(_Act):
    """Take machines away that nothing is on."""

    action, done = "remove", "removed"
