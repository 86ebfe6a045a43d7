"""``novasim-manage``: what an operator does to a cluster's database itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from oslo_config import cfg

from novasim import exceptions
from novasim.db import engine, versioning
from novasim.launch import audit, cluster, seed, wiring
from novasim.sim.clock import Clock


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")


def _upgrade(_: cfg.ConfigOpts, database: engine.Database) -> int:
    versioning.upgrade(database)
    _tell(f"the database is at revision {versioning.current(database)}")
    return 0


def _version(_: cfg.ConfigOpts, database: engine.Database) -> int:
    _tell(f"revision {versioning.current(database) or 'none'} (newest: {versioning.head()})")
    return 0


def _seed(_: cfg.ConfigOpts, database: engine.Database) -> int:
    _tell("flavors and image are in" if seed.seed(database) else "there are flavors or images already; left as it is")
    return 0


def _audit(conf: cfg.ConfigOpts, database: engine.Database) -> int:
    findings = audit.run(conf, database)
    for finding in findings:
        _tell(finding)
    _tell(f"audit found {len(findings)} problems" if findings else "audit clean")
    return 1 if findings else 0


_COMMANDS: dict[tuple[str, ...], tuple[Callable[[cfg.ConfigOpts, engine.Database], int], str]] = {
    ("db", "upgrade"): (_upgrade, "bring the database to the newest schema"),
    ("db", "version"): (_version, "say which schema the database has"),
    ("seed",): (_seed, "put the usual flavors and the image into an empty database"),
    ("audit",): (_audit, "check claims, quotas, states and hypervisors against each other"),
}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--state-dir", type=Path, default=None, help="of a cluster made by novasim up")
    where.add_argument("--config-file", action="append", help="of the services, instead")
    parser = argparse.ArgumentParser(prog="novasim-manage", description="Look after a cluster's database.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    groups: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    for words, (function, text) in _COMMANDS.items():
        place = commands
        if len(words) == 2:
            if words[0] not in groups:
                groups[words[0]] = commands.add_parser(words[0], help="the schema of the database").add_subparsers(
                    required=True, metavar="COMMAND")
            place = groups[words[0]]
        place.add_parser(words[-1], help=text, parents=[where]).set_defaults(function=function)
    return parser.parse_args(argv)


def _files(arguments: argparse.Namespace) -> list[str]:
    if arguments.config_file:
        return list(arguments.config_file)
    path = (arguments.state_dir or Path(".novasim")) / cluster.CONFIG
    if not path.exists():
        raise exceptions.ConfigurationError(
            reason=f"there is no {path}. Name a cluster with --state-dir or a configuration with --config-file")
    return [str(path)]


def main(argv: Sequence[str]) -> int:
    arguments = parse(argv)
    try:
        conf = wiring.build_config(files=_files(arguments), prog="novasim-manage")
        database = engine.connect(conf, Clock())
        try:
            return int(arguments.function(conf, database))
        finally:
            database.close()
    except exceptions.NovasimException as error:
        sys.stderr.write(f"novasim-manage: {error.text}\n")
    except Exception as error:
        sys.stderr.write(f"novasim-manage: {type(error).__name__}: {error}\n"
                         "Check that the database runs and its URL is right.\n")
    return 1
