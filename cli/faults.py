"""Failures on purpose: rules that act in all processes of a cluster, and what they did."""

import argparse
from typing import Any

import yaml

from novasim.cli.command import Command, Lister, Table, cells, key_value, natural, positive
from novasim.cli.errors import CliError, UsageError

FAULTS = "/os-simulator/faults"
COLUMNS = {"ID": "id", "Name": "name", "Rule": "rule", "Seen": "seen", "Acted": "acted", "Ends At": "ends_at"}
LOG_COLUMNS = {"Time": "time", "Name": "name", "Did": "did", "Service": "service", "Host": "host", "Method": "method",
               "Server": "instance_uuid", "Request": "request_id"}


def action(text: str) -> Any:
    """Read an action: WORD or WORD=VALUE, a number for delay."""
    word, equals, value = text.partition("=")
    if not equals:
        return word
    try:
        return {word: float(value) if word == "delay" else value}
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: delay takes seconds") from error


class Add(Lister):
    """Add a fault rule, those of a preset, or those of a file."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what a rule says."""
        parser.add_argument("at", metavar="POINT", nargs="?",
                            help="where it acts: rpc.send, rpc.receive, rpc.reply, virt.VERB, or a pattern")
        parser.add_argument("--preset", metavar="NAME", help="the rules of a preset. See: novasim fault presets")
        parser.add_argument("--file", metavar="FILE", help="a YAML file with a list of rules")
        parser.add_argument("--do", type=action, action="append", metavar="ACTION[=VALUE]",
                            help="raise=TEXT, refuse=TEXT, delay=SECONDS, hang, kill, drop, duplicate, reorder, ok; "
                                 "given many times, they are taken in turn")
        parser.add_argument("--match", type=key_value, action="append", default=[], metavar="KEY=PATTERN",
                            help="only where this fits: service, topic, host, server, method, hop, instance, flavor")
        parser.add_argument("--name", help="what it is called in the log")
        parser.add_argument("--nth", type=positive, metavar="N", help="the first match that it acts on")
        parser.add_argument("--times", type=natural, metavar="N", help="how often it acts; default: always")
        parser.add_argument("--per", metavar="KEY", help="count matches apart for each host, instance, ...")
        parser.add_argument("--p", type=float, metavar="P", help="with this probability only")
        parser.add_argument("--seed", type=natural, metavar="N", help="of its chance")
        parser.add_argument("--ttl", type=float, metavar="SECONDS", dest="ttl_s", help="how long it is in force")
        parser.add_argument("--until", metavar="TIME", help="when it ends, such as 2030-01-01T12:00:00")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Add them."""
        added = [row for rule in rules(parsed_args)
                 for row in self.client.post(FAULTS, {"fault": rule})["faults"]]
        return table(added, COLUMNS)


def rules(parsed_args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the rules that the arguments of `fault add` ask for.

    :raises UsageError: when they ask for none, or for several things at once
    """
    if [parsed_args.at, parsed_args.preset, parsed_args.file].count(None) != 2:
        raise UsageError("one of POINT, --preset and --file is needed")
    if parsed_args.file is not None:
        return from_file(parsed_args.file)
    if parsed_args.at is not None and parsed_args.do is None:
        raise UsageError("--do is needed: what is to happen there?")
    rule = {name: getattr(parsed_args, name) for name in (
        "at", "preset", "name", "do", "nth", "times", "per", "p", "seed", "ttl_s", "until")}
    return [{name: value for name, value in rule.items() if value is not None}
            | ({"match": dict(parsed_args.match)} if parsed_args.match else {})]


def from_file(path: str) -> list[dict[str, Any]]:
    """Return the rules of a file.

    :raises CliError: it cannot be read, or is no list
    """
    try:
        with open(path, encoding="utf-8") as file:
            found = yaml.safe_load(file)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CliError(f"{path}: {error}") from error
    if not isinstance(found, list):
        raise CliError(f"{path}: not a list of rules")
    return found


def table(rows: list[dict[str, Any]], columns: dict[str, str]) -> Table:
    """Return rows as a table."""
    return tuple(columns), [cells(row.get(field) for field in columns.values()) for row in rows]


class List(Lister):
    """List the fault rules in force: how often each matched, and how often it acted."""

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for them."""
        return table(self.client.get(FAULTS)["faults"], COLUMNS)


class Log(Lister):
    """List what fault rules did, the newest first."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add which."""
        parser.add_argument("fault", metavar="ID", nargs="?", help="only what this rule did")
        parser.add_argument("--limit", type=positive, default=50, metavar="N", help="at most so many (default 50)")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for it."""
        query = {"fault_id": parsed_args.fault, "limit": parsed_args.limit}
        return table(self.client.get("/os-simulator/fault-log", query)["fault_log"], LOG_COLUMNS)


class Presets(Lister):
    """List the presets: rules for the failures that people ask for."""

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for them."""
        found = self.client.get("/os-simulator/fault-presets")["presets"]
        return table(found, {"Name": "name", "About": "about", "In Place Of": "replaces"})


class Remove(Command):
    """Remove fault rules; what hangs because of them goes on."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add which."""
        parser.add_argument("faults", metavar="ID", nargs="*", help="rule to remove")
        parser.add_argument("--all", action="store_true", help="all of them, and the log of what they did")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Remove them."""
        if parsed_args.all == bool(parsed_args.faults):
            raise UsageError("either ID or --all is needed")
        for path in [f"{FAULTS}/{fault}" for fault in parsed_args.faults] or [FAULTS]:
            self.client.delete(path)
        self.say("all fault rules are removed" if parsed_args.all else f"{len(parsed_args.faults)} removed")
