"""Why a host was chosen or was not: the schedulers' last decision on a request or a server, filter by filter."""

import argparse
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from cliff.formatters import base

from novasim.cli import lookup
from novasim.cli.client import ApiError, Client
from novasim.cli.command import SHOW_FORMATTERS, Nested, Record, ShowOne, cells, positive, print_table
from novasim.cli.errors import CliError

DECISIONS = "/os-simulator/decisions"
# Of a server's requests, so many of the newest are asked for: most actions choose no host.
REQUESTS_TRIED = 20
FIELDS = ("request_id", "attempt", "time", "host", "instance_uuids", "flavor", "candidates", "summary", "rejected",
          "chosen", "alternates", "filters", "servers", "servers_left_out", "seed")


class Tables(base.SingleFormatter):
    """A decision for people: what was asked and what came of it, then a table a question."""

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        """No options of its own."""

    def emit_one(self, column_names: Sequence[str], data: Sequence[Any], stdout: TextIO,
                 _parsed_args: argparse.Namespace) -> None:
        """Write the decision."""
        decision = {name: value.machine_readable() if isinstance(value, Nested) else value
                    for name, value in zip(column_names, data, strict=True)}
        width = shutil.get_terminal_size().columns
        for line in headline(decision):
            stdout.write(f"{wrapped(line, width)}\n")
        print_table(("Step", "Dropped", "Left"), [(step["name"], step["dropped"], step["left"])
                                                  for step in decision.get("filters", ())], stdout)
        for server in decision.get("servers", ()):
            stdout.write(f"{wrapped(drawing(server), width)}\n")
            print_table(("Host", "Weight", "Weigher", "Raw", "Normalized", "Weighted"), list(scores(server)), stdout)
        for line in (*reasons(decision), *left_out(decision)):
            stdout.write(f"{wrapped(line, width)}\n")


class Explain(ShowOne):
    """Show why the scheduler chose which host for a request or a server, or why none."""

    formatters = SHOW_FORMATTERS | {"table": Tables}

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add which decision."""
        parser.add_argument("what", metavar="REQUEST|SERVER", help="id of a request (req-...), or id or name of a "
                                                                   "server, for its newest request that chose a host")
        parser.add_argument("--attempt", type=positive, metavar="N",
                            help="the Nth decision on the request; default: the last one")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Read the decisions and take one."""
        what = parsed_args.what
        found = of_request(self.client, what) if what.startswith("req-") else of_server(self.client, what)
        if not found:
            raise CliError(f"no decision of a scheduler is recorded for '{what}'. See: novasim trace")
        attempt = parsed_args.attempt or len(found)
        if attempt > len(found):
            raise CliError(f"there was no attempt {attempt}, only {len(found)}")
        decision = found[attempt - 1] | {"attempt": f"{attempt} of {len(found)}"}
        names = [name for name in FIELDS if name in decision]
        return names, cells(decision[name] for name in names)


def of_request(client: Client, request_id: str) -> list[dict[str, Any]]:
    """Return the decisions on a request, oldest first; none when there is none."""
    try:
        return client.get(f"{DECISIONS}/{request_id}")["decisions"]
    except ApiError as error:
        if error.status == 404:
            return []
        raise


def of_server(client: Client, server: str) -> list[dict[str, Any]]:
    """Return the decisions on the newest request of a server that needed one.

    :raises CliError: there is no such server
    """
    server_id = lookup.server_id(client, server)
    actions = client.get(f"/servers/{server_id}/os-instance-actions", version="2.21")["instanceActions"]
    return next(filter(None, (of_request(client, action["request_id"]) for action in actions[:REQUESTS_TRIED])), [])


def wrapped(line: str, width: int) -> str:
    """Return a line as several that fit; names stay whole."""
    return textwrap.fill(line, max(width, 40), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def headline(decision: dict[str, Any]) -> Iterator[str]:
    """Give what was asked and what came of it."""
    flavor, count = decision["flavor"], len(decision["instance_uuids"])
    yield f"{decision['request_id']}, attempt {decision['attempt']}"
    yield f"decided at {decision['time']} UTC"
    yield (f"{count} server{'s' if count > 1 else ''} of {flavor['name']} ({flavor['memory_mb']} MB, "
           f"{flavor['vcpus']} VCPUs, {flavor['disk_gb']} GB)")
    yield "-> " + (f"{decision['rejected']} {decision['summary']}" if "rejected" in decision
                   else f"{', '.join(one['host'] for one in decision['chosen'])} of {decision['candidates']} hosts")
    if decision.get("alternates"):
        yield f"   to be tried next: {', '.join(one['host'] for one in decision['alternates'])}"


def drawing(server: dict[str, Any]) -> str:
    """Return how one server's host was found among those that were weighed."""
    size = server["subset"]["size"]
    how = "the best" if size == 1 else f"drawn as number {server['subset']['drawn'] + 1} of the best {size}"
    return (f"{server['instance_uuid'] or 'the server'}: {server['chosen']['host']}, {how}, "
            f"{server['weighed']} were weighed")


def scores(server: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Give for each host a row for each weigher that counted for some host; the host stands in its first one."""
    hosts = server["hosts"]
    counted = [number for number, weigher in enumerate(hosts[0]["weighers"])
               if any(host["weighers"][number]["weighted"] for host in hosts)]
    for host in hosts:
        names = host["host"], f"{host['weight']:.3f}"
        for number in counted:
            yield (*names, *score(host["weighers"][number]))
            names = "", ""
        if not counted:
            yield (*names, "", "", "", "")


def score(weigher: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return how a weigher's word came about: its name, raw value, normalised, and times its multiplier."""
    times = "" if weigher["multiplier"] == 1 else f" (x {weigher['multiplier']:g})"
    return (weigher["name"].removesuffix("Weigher"), f"{weigher['raw']:.10g}", f"{weigher['normalized']:.3f}",
            f"{weigher['weighted']:.3f}{times}")


def reasons(decision: dict[str, Any]) -> Iterator[str]:
    """Give for each step that dropped hosts its reasons, each with the hosts that it is told of."""
    for step in decision.get("filters", ()):
        if step["hosts"]:
            yield f"{step['name']} dropped"
        hosts: dict[str, list[str]] = {}
        for host in step["hosts"]:
            hosts.setdefault(host["reason"], []).append(host["host"])
        for reason, names in hosts.items():
            yield f"  {', '.join(names)}: {reason}"


def left_out(decision: dict[str, Any]) -> Iterator[str]:
    """Give a sentence for each part that the record is too short for."""
    for step in decision.get("filters", ()):
        if step["hosts_left_out"]:
            yield f"Not shown: {step['hosts_left_out']} hosts that {step['name']} dropped"
    if decision.get("servers_left_out"):
        yield f"Not shown: the weights for {decision['servers_left_out']} more servers of the request"
