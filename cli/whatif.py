"""What another scheduler would do: on a trace, on a fleet that grows, on a running cluster without some hosts.

The answer is worked out by a process of its own, which runs the scheduler's code. What it has to know is handed to it
on its standard input: the arrivals of a trace as CSV, or what the REST API says of a cluster.
"""

import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from novasim.cli import trace_azure
from novasim.cli.client import Client
from novasim.cli.command import Lister, Table, positive
from novasim.cli.errors import CliError, UsageError
from novasim.cli.process import ENTRY, tied
from novasim.cli.replay_plan import flavor_of
from novasim.cli.settings import STATE_DIR, cluster_record

HEADER = "arrival_s,end_s,flavor,vcpus,memory_mb,disk_gb\n"
CONFIG = "novasim.conf"
# From here on a server shows the zone that it is bound to; the sizes of its flavor since 2.47.
ZONES_VERSION, GROUPS_VERSION = "2.96", "2.64"
# Later ones leave out what is used of a hypervisor.
HYPERVISORS_VERSION = "2.1"
# When the process is ended in the middle, multiprocessing puts away what it used, and would say so.
QUIET = ("-W", "ignore:resource_tracker")
FLEET_COLUMNS = ("id", "name", "flavor", "from", "to", "why")


def answer(arguments: Sequence[str], text: Iterable[str]) -> dict[str, Any]:
    """Return what the process says to these arguments, with `text` on its standard input.

    :raises UsageError: what is wrong with what it was told
    :raises CliError: it failed
    """
    command = tied([sys.executable, *QUIET, "-m", ENTRY, "whatif", *arguments])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            # Who found an argument to be wrong does not read to the end.
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.writelines(text)
            said = process.stdout.read()
        except BaseException:
            process.kill()
            raise
    try:
        found = json.loads(said)
    except ValueError:
        raise CliError(f"the what-if process ended with code {process.returncode} and said nothing. "
                       "Its errors are above") from None
    if "error" in found:
        raise UsageError(found["error"])
    return found


def arrivals(trace: pathlib.Path) -> Iterator[str]:
    """Give the lines of a trace as CSV: a file that is so already, or the folder of the Azure trace.

    :raises UsageError: it cannot be read
    """
    if not trace.is_dir():
        try:
            with trace.open(encoding="utf-8", errors="replace") as lines:
                yield from lines
        except OSError as error:
            raise UsageError(f"{trace} cannot be read: {error.strerror}. Give the folder of the Azure trace, "
                           f"or a CSV file with the columns {HEADER.strip()}") from error
        return
    try:
        sizes = {letter: "{name},{vcpus},{ram},{disk}".format(**flavor_of(shape))
                 for letter, shape in trace_azure.read_shapes(trace).items()}
        yield HEADER
        for vm in trace_azure.read_vms(trace):
            yield f"{vm.arrival_s},{'' if vm.end_s is None else vm.end_s},{sizes[vm.letter]}\n"
    except trace_azure.TraceError as error:
        raise UsageError(str(error)) from error


class _OfTrace(Lister):
    """The part that `run` and `grow` share: a trace against a fleet under each policy."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the trace, the fleet and the policies."""
        parser.add_argument("--trace", required=True, metavar="DIR|FILE", type=pathlib.Path,
                            help="folder of the Azure 2017 trace, or a CSV file: " + HEADER.strip())
        parser.add_argument("--hosts", type=positive, default=600, metavar="N", help="hosts (default 600)")
        parser.add_argument("--profile", default="large", metavar="NAME",
                            help="shape of the hosts, as novasim up has it (default large)")
        parser.add_argument("--policy", action="append", default=[], metavar="FILE",
                            help="YAML file of scheduler options, or spread or pack; may be given many times "
                                 "(default spread)")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="of all chance (default 0)")

    def ask(self, what: str, given: argparse.Namespace, *more: str) -> Table:
        """Return one row for each fact, one column for each policy."""
        policies = [word for name in given.policy or ["spread"] for word in ("--policy", name)]
        found = answer([what, "--hosts", str(given.hosts), "--profile", given.profile, "--seed", str(given.seed),
                        *policies, *more], arrivals(given.trace))["policies"]
        rows = [(name, *(one[name] for one in found)) for name in found[0] if name != "policy"]
        return ("", *(one["policy"] for one in found)), rows


class Run(_OfTrace):
    """Play the arrivals and departures of a trace under each policy, and compare.

    Writes whatif.csv, whatif.html (which needs no network) and timing.json. With the same seed the first two have
    the same bytes each time.
    """

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add where the results go."""
        super().add_arguments(parser)
        parser.add_argument("--out", default="whatif", metavar="DIR", help="where to write (default ./whatif)")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Run, and show the summary."""
        trace = parsed_args.trace
        source = trace_azure.ATTRIBUTION if trace.is_dir() else trace.name
        table = self.ask("run", parsed_args, "--out", parsed_args.out, "--source", source)
        self.app.stderr.write(f"trace: {source}\nwritten to {parsed_args.out}: whatif.html, whatif.csv, timing.json\n")
        return table


class Grow(_OfTrace):
    """Say when a fleet that only grows is full, and which resource runs out.

    Servers come to stay, in the mix of flavors that the trace has running at a time, until one finds no host.
    """

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add how fast it grows."""
        super().add_arguments(parser)
        parser.add_argument("--rate", type=_rate, default=20.0, metavar="R",
                            help="servers an hour that come to stay (default 20)")
        parser.add_argument("--runs", type=positive, default=20, metavar="K",
                            help="runs with other chance, for the band of 5 to 95 percent (default 20)")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Let it grow."""
        return self.ask("grow", parsed_args, "--rate", str(parsed_args.rate), "--runs", str(parsed_args.runs))


class Drain(Lister):
    """Say where the servers of some hosts of a running cluster would go, and which would not fit elsewhere.

    Nothing is changed. The exit code is 1 when a server does not fit.
    """

    homeless = 0

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the hosts."""
        parser.add_argument("host", metavar="HOST", nargs="+", help="hosts to be emptied, together")
        parser.add_argument("--policy", metavar="FILE", help="scheduler options that differ from the cluster's")
        parser.add_argument("--config-file", metavar="FILE",
                            help="configuration of the cluster's scheduler (default: that of the cluster started in "
                                 "this folder, if it is this one)")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="of all chance (default 0)")

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Show the table; the exit code tells whether all fit."""
        super().run(parsed_args)
        return 1 if self.homeless else 0

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Look at the cluster, and ask."""
        config = parsed_args.config_file or _own_config(self.client)
        options = [word for name, value in (("--policy", parsed_args.policy), ("--config-file", config))
                   if value for word in (name, value)]
        found = answer(["drain", "--seed", str(parsed_args.seed), *options, *parsed_args.host],
                       [json.dumps(facts(self.client))])["servers"]
        self.homeless = sum(one["to"] is None for one in found)
        self.app.stderr.write(f"{self.homeless} of {len(found)} servers would not fit elsewhere\n")
        return FLEET_COLUMNS, [[one[name] for name in FLEET_COLUMNS] for one in found]


def facts(client: Client) -> dict[str, Any]:
    """Return what the API says of a cluster, as far as it matters for where servers can go."""
    return {
        "hypervisors": client.request("GET", "/os-hypervisors/detail", exactly=HYPERVISORS_VERSION).body["hypervisors"],
        "services": client.get("/os-services", {"binary": "nova-compute"})["services"],
        "aggregates": client.get("/os-aggregates")["aggregates"],
        "groups": list(client.pages("/os-server-groups", "server_groups", {"all_projects": True},
                                    version=GROUPS_VERSION)),
        "servers": list(client.pages("/servers/detail", "servers", {"all_tenants": True},
                                     version=client.up_to(ZONES_VERSION)))}


def _own_config(client: Client) -> str | None:
    record = cluster_record(STATE_DIR)
    path = pathlib.Path(STATE_DIR, CONFIG)
    return str(path) if record and record["endpoint"] == client.settings.endpoint and path.exists() else None


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
    if not 0 < rate < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and below 1e9")
    return rate
