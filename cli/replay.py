"""Real arrivals against the cluster: the VMs of a trace are booted, resized and deleted in its order.

Time is compressed to nothing: what comes next is asked for as soon as a thread is free. The order is kept.
"""

import argparse
import concurrent.futures
import contextlib
import pathlib
import time
from collections.abc import Iterator
from typing import Any

from novasim.cli import lookup, process, replay_plan, trace_azure
from novasim.cli.client import ApiError, Client
from novasim.cli.command import Record, ShowOne, positive
from novasim.cli.errors import CliError, one_line
from novasim.cli.replay_player import Player
from novasim.cli.replay_report import SHOWN_ERRORS, Report
from novasim.cli.settings import Settings, checked_url

PROJECT = "replay"
UNLIMITED = {"instances": -1, "cores": -1, "ram": -1}
# Own clusters: hosts of 64 vCPUs, 256 GiB and 4 TB, whose work takes no time.
PROFILE, STAGES = "large", "instant"
IMAGE = "cirros"
PLAIN_LINE_S = 5.0
BAR_S = 0.2


class Replay(ShowOne):
    """Boot, resize and delete the VMs of the Azure 2017 trace, and say whether all of it adds up."""

    report: Report

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the trace and what to do with it."""
        parser.add_argument("folder", metavar="DIR", type=pathlib.Path, help="folder of the trace")
        parser.add_argument("--hosts", type=positive, default=100, metavar="N",
                            help="hosts of the cluster that is started for it (default 100)")
        parser.add_argument("--limit", type=positive, default=1000, metavar="K",
                            help="VMs to boot, in order of arrival (default 1000)")
        parser.add_argument("--resize", type=_share, default=0.0, metavar="SHARE",
                            help="part of them to resize to a larger flavor, 0 to 1 (default 0)")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the choice whom to resize")
        parser.add_argument("--concurrency", type=positive, default=16, metavar="C",
                            help="VMs at a time (default 16)")
        parser.add_argument("--keep", action="store_true",
                            help="keep the state directory, or the servers of a cluster given by --endpoint")

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Show the summary, then the verdict as the last line."""
        super().run(parsed_args)
        for error in self.report.books.errors[:SHOWN_ERRORS]:
            self.app.stderr.write(f"novasim: {error}\n")
        # After a table the verdict is the last line; data for a program is left as it is.
        stream = self.app.stdout if parsed_args.formatter == "table" else self.app.stderr
        stream.write(f"{self.report.verdict()}\n")
        return 1 if self.report.problems() else 0

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Play the trace and return the rows of the summary."""
        # A first reading finds what is broken before anything is started, and counts the jobs for the bar.
        total = sum(1 for _job in _jobs(parsed_args))
        shapes = trace_azure.read_shapes(parsed_args.folder)
        with self._target(parsed_args) as (client, cluster):
            prepare(client, shapes.values())
            before, image_id = alive(client), lookup.image_id(client, IMAGE)
            player = Player(client, _jobs(parsed_args), image_id, parsed_args.concurrency)
            wall_s = self._play(player, total)
            stopped = one_line(player.failure) if player.failure else None
            found = None if stopped else alive(client) - before
            clean, audit = process.audit(cluster.state_dir) if cluster and not stopped else (True, None)
            self._show_audit(clean, audit)
            self.report = Report(player.books, wall_s, found, _first_line(audit), clean, stopped)
            if cluster is None and not parsed_args.keep:
                clear(client, player.books.alive, parsed_args.concurrency)
        rows = self.report.rows()
        return [name for name, _value in rows], [value for _name, value in rows]

    @contextlib.contextmanager
    def _target(self, given: argparse.Namespace) -> Iterator[tuple[Client, process.Cluster | None]]:
        """The cluster of --endpoint, else one of its own."""
        endpoint = self.app.options.endpoint
        if endpoint:
            with Client(Settings(checked_url(endpoint), f"admin:{PROJECT}")) as client:
                yield client, None
            return
        arguments = ["--hosts", str(given.hosts), "--profile", PROFILE, "--stages", STAGES]
        with process.own_cluster(arguments, keep=given.keep) as cluster, cluster.client(PROJECT) as client:
            yield client, cluster
        if given.keep:
            self.app.stderr.write(f"the state directory is {cluster.state_dir}\n")

    def _play(self, player: Player, total: int) -> float:
        """Play to the end and return how many seconds it took."""
        began = time.monotonic()
        player.start()
        try:
            self._watch(player, total)
        finally:
            player.stop()
        return time.monotonic() - began

    def _watch(self, player: Player, total: int) -> None:
        stream = self.app.stderr
        if not stream.isatty():
            while not player.over.wait(PLAIN_LINE_S):
                stream.write(f"replay: {player.done} of {total} arrivals and ends, "
                             f"{len(player.books.errors)} errors\n")
                stream.flush()
            return
        from rich import console, progress

        columns = (progress.TextColumn("replay"), progress.BarColumn(), progress.MofNCompleteColumn(),
                   progress.TimeElapsedColumn(), progress.TimeRemainingColumn())
        with progress.Progress(*columns, console=console.Console(file=stream)) as bar:
            task = bar.add_task("replay", total=total)
            while not player.over.wait(BAR_S):
                bar.update(task, completed=player.done)
            bar.update(task, completed=player.done)

    def _show_audit(self, clean: bool, said: str | None) -> None:
        if said and not clean:
            self.app.stderr.write(f"{said}\n")


def prepare(client: Client, shapes: Any) -> None:
    """Lift the quota of the project and make the flavors; those that exist with the same size are used.

    :raises CliError: a flavor of that name has another size
    """
    client.request("PUT", f"/os-quota-sets/{PROJECT}", {"quota_set": UNLIMITED})
    for shape in shapes:
        wanted = replay_plan.flavor_of(shape)
        try:
            client.post("/flavors", {"flavor": wanted})
        except ApiError as error:
            if error.status != 409:
                raise
            there = client.get(f"/flavors/{wanted['id']}")["flavor"]
            if any(there[key] != wanted[key] for key in ("ram", "disk", "vcpus")):
                raise CliError(f"flavor {wanted['name']} exists with another size. Remove it with: "
                               f"novasim flavor-delete {wanted['name']}") from error


def alive(client: Client) -> int:
    """Return how many servers the project has."""
    return sum(1 for _server in client.pages("/servers", "servers"))


def clear(client: Client, server_ids: set[str], concurrency: int) -> None:
    """Delete the servers that a replay left in a cluster that is not its own; the flavors stay."""
    with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(lambda server_id: client.delete(f"/servers/{server_id}"), server_ids))


def _jobs(given: argparse.Namespace) -> Iterator[replay_plan.Job]:
    shapes = trace_azure.read_shapes(given.folder)
    events = trace_azure.events(trace_azure.read_vms(given.folder), given.limit)
    return replay_plan.jobs(events, shapes, given.resize, given.seed)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


def _first_line(text: str | None) -> str | None:
    return text.splitlines()[0] if text else text
