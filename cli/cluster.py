"""The cluster on this machine: up, down, and the environment that other clients need to reach it."""

import argparse
import pathlib
import re
import shlex
import shutil
import time
from typing import Any

from novasim.cli import process
from novasim.cli.command import Command, port, positive
from novasim.cli.errors import CliError
from novasim.cli.login import CLOUDS, of_cluster
from novasim.cli.settings import IDENTITY, KEYSTONE, STATE_DIR, cluster_record

# Options of `up` that the cluster program takes as they are.
PASSED_ON = ("hosts", "profile", "port", "bus", "db", "stages")
# What `nova` and `openstack` need when no identity service is asked. `nova` wants an authentication URL and a project
# all the same; `openstack` breaks when it finds a project, so `nova` is given it by the name that only `nova` reads.
ENDPOINTS = ("NOVASIM_ENDPOINT", "OS_ENDPOINT", "OS_ENDPOINT_OVERRIDE", "OS_AUTH_URL")
CLIENT_SETTINGS = {
    "OS_AUTH_TYPE": "none",
    "OS_USERNAME": "admin",
    "NOVA_PROJECT_ID": "admin",
    "OS_IDENTITY_API_VERSION": "3",
}
# What a shell may hold from another cloud or cluster, and what then would get in the way.
KNOWN_SETTINGS = (
    *ENDPOINTS, *CLIENT_SETTINGS, "OS_CLOUD", "OS_TOKEN", "OS_PASSWORD", "OS_USER_ID", "OS_PROJECT_NAME",
    "OS_PROJECT_ID", "OS_TENANT_NAME", "OS_TENANT_ID", "OS_USER_DOMAIN_NAME", "OS_USER_DOMAIN_ID",
    "OS_PROJECT_DOMAIN_NAME", "OS_PROJECT_DOMAIN_ID", "OS_DEFAULT_DOMAIN", "OS_DOMAIN_NAME", "OS_DOMAIN_ID",
    "OS_SYSTEM_SCOPE", "OS_REGION_NAME", "OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_SECRET")


class Up(Command):
    """Start a cluster and stay until it is stopped, or leave it running with --detach."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what the cluster is to be like."""
        add_state_dir(parser)
        parser.add_argument("--hosts", type=positive, metavar="N",
                            help="number of simulated hosts, at least (default: those it has, or 10)")
        parser.add_argument("--profile", metavar="NAME", help="shape of a host: small, medium, large or huge")
        parser.add_argument("--port", type=port, metavar="P",
                            help="port of the API (default 8774; 0 is any free one)")
        parser.add_argument("--bus", metavar="URL",
                            help="message bus, such as rabbit://user:password@host/; default: none")
        parser.add_argument("--db", metavar="URL", help="SQL database; default SQLite in the state directory")
        parser.add_argument("--stages", default="ordinary", metavar="NAME",
                            help="how long the hypervisors' work takes and how it fails (default ordinary)")
        parser.add_argument("--set", action="append", default=[], metavar="SECTION.OPTION=VALUE",
                            help="any option of the configuration; DEFAULT is the section of those in none")
        parser.add_argument("--identity", action="store_true",
                            help="with an identity service: users log in with passwords (default: nobody is asked)")
        parser.add_argument("--detach", action="store_true", help="leave it running in the background")
        parser.add_argument("--wait", type=positive, default=60, metavar="S",
                            help="seconds until it must be ready (default 60)")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Start it, say what to type next, and unless detached stay until it ends."""
        other = process.running(parsed_args.state_dir)
        if other:
            raise CliError(f"a cluster already runs on {parsed_args.state_dir}, at {other['endpoint']}. "
                           f"Stop it with: {_typed('down', parsed_args.state_dir)}")
        began = time.monotonic()
        with process.stops_on_signals():
            home, detach = parsed_args.state_dir, parsed_args.detach
            cluster = process.launch(launch_arguments(parsed_args), home, parsed_args.wait, detach)
            text = banner(cluster.record, home, time.monotonic() - began, detach)
            if not detach:
                return self._stay(cluster, text)
            cluster.detach()
            self.say(text)
            return 0

    def _stay(self, cluster: process.Cluster, text: str) -> int:
        try:
            self.say(text)
            self.app.stdout.flush()
            code = cluster.wait()
        except KeyboardInterrupt:
            self.app.stderr.write("stopping\n")
            code = cluster.stop()
        if code:
            raise CliError(f"the cluster ended with exit code {code}. See {cluster.state_dir / 'log'}")
        self.app.stderr.write("stopped; its state is kept\n")
        return 0


class Down(Command):
    """Stop the cluster that runs on a state directory."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add which cluster."""
        add_state_dir(parser)
        parser.add_argument("--purge", action="store_true", help="remove its state too")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Stop it and wait for its end."""
        home = parsed_args.state_dir
        record = cluster_record(home)
        stopped = record is not None and process.stop_other(record["pid"], home)
        known = (pathlib.Path(home) / "novasim.conf").exists()
        if parsed_args.purge and known:
            shutil.rmtree(home)
        if not stopped and not (parsed_args.purge and known):
            raise CliError(f"no cluster runs on {home}. Start one with: {_typed('up', home)}")
        done = f"stopped the cluster at {record['endpoint']}" if stopped and record else "none was running"
        self.say(f"{done}; its state in {home} is {'removed' if parsed_args.purge else 'kept'}")


class Env(Command):
    """Print the environment of a running cluster for the shell: eval $(novasim env)."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add which cluster."""
        add_state_dir(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print one setting a line, each ended so that the lines may be joined."""
        record = process.running(parsed_args.state_dir)
        if record is None:
            raise CliError(f"no cluster runs on {parsed_args.state_dir}. "
                           f"Start one with: {_typed('up', parsed_args.state_dir)}")
        settings = environment(record, parsed_args.state_dir, self.app.options.os_username)
        if record.get("auth_strategy") != KEYSTONE:
            self.say(f"unset {' '.join(name for name in KNOWN_SETTINGS if name not in settings)};")
        for name, value in settings.items():
            self.say(f"export {name}={shlex.quote(value)};")


def add_state_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a cluster's state directory."""
    parser.add_argument("--state-dir", default=STATE_DIR, metavar="D",
                        help=f"where state, configuration and logs are (default {STATE_DIR})")


def environment(record: dict[str, Any], state_dir: str, username: str | None = None) -> dict[str, str]:
    """Return the environment with which this and other clients reach a cluster.

    :param username: one of its accounts, where it has an identity service; None for the first
    """
    clouds = {"OS_CLIENT_CONFIG_FILE": str((pathlib.Path(state_dir) / CLOUDS).resolve())}
    if record.get("auth_strategy") == KEYSTONE:
        # Whoever has a Keystone has the settings for it.
        return {"NOVASIM_ENDPOINT": record["endpoint"]}
    if record.get("auth_strategy") != IDENTITY:
        return dict.fromkeys(ENDPOINTS, record["endpoint"]) | CLIENT_SETTINGS | clouds
    login = of_cluster(state_dir, username)
    return {
        "NOVASIM_ENDPOINT": record["endpoint"], "OS_AUTH_TYPE": "password", "OS_AUTH_URL": login.auth_url,
        "OS_USERNAME": login.username or "", "OS_PASSWORD": login.password or "",
        "OS_USER_DOMAIN_NAME": login.user_domain, "OS_PROJECT_NAME": login.project_name or "",
        "OS_PROJECT_DOMAIN_NAME": login.project_domain, "OS_IDENTITY_API_VERSION": "3"} | clouds


def launch_arguments(given: argparse.Namespace) -> list[str]:
    """Return the arguments of `up` that the cluster program takes."""
    named = [(name, getattr(given, name)) for name in PASSED_ON] + [("set", setting) for setting in given.set]
    if given.identity:
        named.append(("set", f"api.auth_strategy={IDENTITY}"))
    return [word for name, value in named if value is not None for word in (f"--{name}", str(value))]


def banner(record: dict[str, Any], state_dir: str, seconds: float, detached: bool) -> str:
    """Return what `up` says: where things are, and what to type next."""
    flavors = record["flavors"]
    shown = [
        ("api", record["endpoint"]),
        ("hosts", f"{record['hosts']} up (profile {record['profile']}, stages {record['stages']})"),
        ("flavors", f"{flavors[0]}..{flavors[-1]}   image {record['image']}"),
        ("bus, db", f"{_without_password(record['bus'])}   {_without_password(record['db'])}"),
        ("state", f"{state_dir}   logs {pathlib.Path(state_dir) / 'log'}"),
        ("clients", f"{_typed('env', state_dir)}   prints the settings; nothing of yours is touched"),
    ]
    next_lines = [
        f"eval $({_typed('env', state_dir)})",
        f"novasim boot --flavor m1.small --image {record['image']} --poll demo",
        "novasim resize demo m1.medium --poll",
        "novasim trace --last demo",
        "novasim resize-confirm demo --poll",
        "novasim hypervisor-list",
    ]
    lines = [f"  {name:9} {value}" for name, value in shown]
    lines += [f"  ready in {seconds:.1f} s. Try:", *(f"    {line}" for line in next_lines)]
    lines.append(f"  Stop it with: {_typed('down', state_dir)}" if detached else "  Stop it with Ctrl-C.")
    return "\n".join(lines)


def _typed(command: str, state_dir: str) -> str:
    suffix = "" if state_dir == STATE_DIR else f" --state-dir {shlex.quote(state_dir)}"
    return f"novasim {command}{suffix}"


def _without_password(url: str) -> str:
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)
