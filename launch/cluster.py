"""The process behind ``novasim up``: a whole cluster in a state directory, embedded or split.

Says on standard output, in one line of JSON, that the cluster is ready or why it is not; writes the same to
``cluster.json`` in the state directory; runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import configparser
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from novasim import exceptions
from novasim.launch import accounts, seed, service, wiring, wsgi_server
from novasim.sim import hostnames

LOG = logging.getLogger(__name__)
FACTS, CONFIG = "cluster.json", "novasim.conf"


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="novasim-cluster", description="Run a whole cluster until told to stop.")
    parser.add_argument("--hosts", type=int, metavar="N",
                        help=f"number of compute hosts, at least; default: those it has, or {seed.HOSTS}")
    parser.add_argument("--profile", default="medium", metavar="NAME", help="shape of the hosts")
    parser.add_argument("--port", type=int, default=8774, metavar="P", help="port of the API, 0 for any free one")
    parser.add_argument("--state-dir", type=Path, default=Path(".novasim"), metavar="D", help="where all state lives")
    parser.add_argument("--bus", metavar="URL", help="rabbit://...: one process a service; default: one for all")
    parser.add_argument("--db", metavar="URL", help="SQLAlchemy URL; default: SQLite in the state directory")
    parser.add_argument("--stages", default="ordinary", metavar="NAME", help="what operations cost")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.OPTION=VALUE",
                        help="any other option; may be given many times")
    return parser.parse_args(argv)


def _settings(arguments: argparse.Namespace) -> dict[str, str]:
    """Options by section.name, as the command line asks for them."""
    state = arguments.state_dir.resolve()
    settings = {
        "DEFAULT.state_path": str(state), "DEFAULT.profile": arguments.profile,
        "DEFAULT.log_dir": str(state / "log"), "simulator.stages": arguments.stages,
        "api.listen_port": str(arguments.port), "database.connection": arguments.db or f"sqlite:///{state}/novasim.sqlite",
        "DEFAULT.transport_url": arguments.bus or wiring.bus_url()}
    for text in arguments.set:
        name, equals, value = text.partition("=")
        section, _, option = name.rpartition(".")
        if not equals or not option:
            raise exceptions.Invalid(f"--set {text}: not of the form section.option=value")
        settings[f"{section or 'DEFAULT'}.{option}"] = value
    return settings


def _write_config(path: Path, settings: dict[str, str]) -> None:
    parser = configparser.RawConfigParser()
    for name, value in settings.items():
        section, _, option = name.rpartition(".")
        if section != "DEFAULT" and not parser.has_section(section):
            parser.add_section(section)
        parser.set(section, option, value.replace("$", "$$"))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        parser.write(file)


def _see_that_it_is_known(conf: cfg.ConfigOpts, name: str) -> None:
    """Options are read when they are used; a wrong one should be told of at once."""
    section, _, option = name.rpartition(".")
    if section == "keystone_authtoken":
        # Its options are known to keystonemiddleware only, which reads them when it is asked for.
        return
    try:
        getattr(conf if section in ("", "DEFAULT") else conf[section], option)
    except cfg.NoSuchOptError as error:
        raise exceptions.Invalid(
            f"--set {name}: there is no such option. See etc/novasim/novasim.conf.sample") from error
    except (cfg.Error, ValueError) as error:
        raise exceptions.Invalid(f"--set {name}: {error}") from error


def configure(arguments: argparse.Namespace) -> cfg.ConfigOpts:
    """Make the state directory with its configuration, and read that back.

    :raises ConfigurationError: when the directory cannot be written, an option is wrong, or the port is taken
    """
    if arguments.hosts is not None and not 1 <= arguments.hosts <= hostnames.MOST:
        raise exceptions.Invalid(f"--hosts {arguments.hosts}: from 1 to {hostnames.MOST}")
    directory = arguments.state_dir
    try:
        # What is in it is nobody else's business: passwords as hashes, and what tokens are signed with.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / "log").mkdir(parents=True, exist_ok=True)
        _write_config(directory / CONFIG, _settings(arguments))
    except OSError as error:
        raise exceptions.ConfigurationError(reason=f"--state-dir: {error}. Choose another directory") from error
    conf = wiring.build_config(files=[str(directory / CONFIG)])
    for text in arguments.set:
        _see_that_it_is_known(conf, text.partition("=")[0])
    if wsgi_server.is_taken(conf.api.listen, conf.api.listen_port):
        raise exceptions.ConfigurationError(
            reason=f"port {conf.api.listen_port} of {conf.api.listen} is taken. Choose another with --port, "
                   "or stop what listens there")
    return conf


def _make(arguments: argparse.Namespace, conf: cfg.ConfigOpts, stop: service.StopSignal) -> Any:
    # Who looks after processes needs nothing of what they need.
    if arguments.bus and not arguments.bus.startswith("sim:"):
        from novasim.launch.split import SplitCluster

        return SplitCluster(conf, arguments.state_dir / CONFIG, arguments.hosts, stop)
    from novasim.launch.embedded import EmbeddedCluster

    return EmbeddedCluster(arguments.state_dir, arguments.hosts, conf=conf, kill=service.die)


def _facts(arguments: argparse.Namespace, conf: cfg.ConfigOpts, cluster: Any, began: float) -> dict[str, Any]:
    return {"endpoint": cluster.endpoint, "auth_strategy": conf.api.auth_strategy, "pid": os.getpid(),
            "hosts": cluster.hosts, "profile": conf.profile, "stages": conf.simulator.stages,
            "bus": "sim" if not arguments.bus else arguments.bus.partition(":")[0],
            "db": conf.database.connection.partition(":")[0], "flavors": [row[0] for row in seed.FLAVORS],
            "image": seed.IMAGES[0][1], "ready_s": round(time.monotonic() - began, 2)}


def _announce(directory: Path, facts: dict[str, Any]) -> None:
    """The file first, then the line: whoever reads the line finds the file."""
    unfinished = directory / (FACTS + ".part")
    unfinished.write_text(json.dumps(facts) + "\n")
    unfinished.replace(directory / FACTS)
    service.say(facts)


def main(argv: Sequence[str]) -> int:
    began = time.monotonic()
    arguments = parse(argv)
    stop = service.StopSignal()
    try:
        conf = configure(arguments)
        conf.set_override("log_file", "cluster.log")
        logging.setup(conf, "novasim")
        cluster = _make(arguments, conf, stop)
        cluster.start()
    except exceptions.NovasimException as error:
        service.say({"error": error.text})
        return 1
    except Exception as error:
        LOG.exception("The cluster cannot start")
        service.say({"error": f"the cluster cannot start ({type(error).__name__}: {error}). "
                              f"See {arguments.state_dir / 'log' / 'cluster.log'}"})
        return 1
    accounts.write_clouds(conf, arguments.state_dir, cluster.endpoint)
    _announce(arguments.state_dir, _facts(arguments, conf, cluster, began))
    stop.wait()
    cluster.stop()
    (arguments.state_dir / FACTS).unlink(missing_ok=True)
    return 0
