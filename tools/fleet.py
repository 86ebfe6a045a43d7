"""A split cluster of any make-up: so many processes of each service on one bus and one database.

Why this exists: ``novasim up --bus`` starts one process of each service. The integration tests and the benchmark
need two of one and three of another, must kill single ones, and must see that none is left behind.
"""

import configparser
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

import processes
import throwaway

MARK = "NOVASIM_FLEET_HOME"
READY_S = 60.0
STOP_S = 30.0
# Whoever takes in work goes first, so that what is under way still finds those that end it.
STOP_ORDER = ("api", "conductor", "scheduler", "compute")


class FleetError(Exception):
    """A process did not start, or did not end well; the text says which and what it said."""


class Member:
    """One service process: ``facts`` is what it said when it was ready."""

    def __init__(self, service, name, process, output):
        self.service = service
        self.name = name
        self.process = process
        self.facts = {}
        self._output = output

    @property
    def pid(self):
        """The process id."""
        return self.process.pid

    def await_ready(self, deadline_s=READY_S):
        """Wait for its line; FleetError when it ends, or says nothing within ``deadline_s``."""
        if not select.select([self.process.stdout], [], [], deadline_s)[0]:
            raise FleetError(f"{self.name} was not ready in {deadline_s:g} s. {self.output()}")
        line = self.process.stdout.readline()
        self.facts = json.loads(line) if line.startswith("{") else {}
        if "ready" not in self.facts:
            raise FleetError(f"{self.name} did not start: {self.facts.get('error', line)!r}. {self.output()}")

    def signal(self, number):
        """Send a signal, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, timeout_s=STOP_S):
        """Return its exit code once it has ended; it is killed when that takes longer than ``timeout_s``."""
        if not processes.await_end([self.pid], timeout_s):
            self.process.kill()
        code = self.process.wait()
        self.process.stdout.close()
        return code

    def output(self):
        """What it wrote to its terminal, which is for what no log file could take."""
        return self._output.read_text(errors="replace")[-2000:]


class Fleet:
    """The processes of a cluster; a context manager that stops them.

    :param home: folder for configuration, state and logs
    :param bus: transport_url
    :param database: SQLAlchemy URL of an empty database, or of that of another fleet
    :param options: ``{"section.option": value}`` for all processes
    """

    def __init__(self, home, bus, database, options=None):
        self.home = pathlib.Path(home)
        self.port = throwaway.free_port()
        self.endpoint = f"http://{throwaway.HOST}:{self.port}/v2.1"
        self.database = database
        self.members = []
        self.config = self.write_config("novasim.conf", {
            "DEFAULT.transport_url": bus, "DEFAULT.state_path": self.home / "state",
            "DEFAULT.log_dir": self.home / "log", "DEFAULT.profile": "large",
            "database.connection": database, "simulator.stages": "instant",
            "api.listen_port": self.port, "quota.instances": -1, "quota.cores": -1, "quota.ram": -1, **(options or {})})
        (self.home / "log").mkdir(exist_ok=True)

    def __enter__(self):
        self.manage("db", "upgrade")
        self.manage("seed")
        return self

    def __exit__(self, *_exc_info):
        self.kill()

    def write_config(self, name, options):
        """Write a configuration file into the home and return its path."""
        parser = configparser.RawConfigParser()
        for option, value in options.items():
            section, _, key = option.rpartition(".")
            if section != "DEFAULT" and not parser.has_section(section):
                parser.add_section(section)
            parser.set(section, key, str(value).replace("$", "$$"))
        path = self.home / name
        with path.open("w") as file:
            parser.write(file)
        return path

    def manage(self, *words):
        """Run novasim-manage and return what it printed; FleetError with that when it fails."""
        done = subprocess.run([*_entry("manage"), *words, "--config-file", str(self.config)], capture_output=True,
                              text=True, env=self._environment(), check=False)
        if done.returncode:
            raise FleetError(f"novasim-manage {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def audit(self):
        """The findings of novasim-manage audit as one text; "audit clean" is none."""
        try:
            return self.manage("audit").strip()
        except FleetError as error:
            return str(error)

    def spawn(self, service, host, options=None, program=None):
        """Start a process without waiting for it.

        :param host: the name of its service row; for compute the names of its hosts
        :param options: ``{"section.option": value}`` for this process alone
        :param program: a Python file that plays the service, instead of our own
        """
        name = f"{service}-{len(self.members)}"
        files = [self.config, self.write_config(f"{name}.conf", options)] if options else [self.config]
        arguments = [word for file in files for word in ("--config-file", str(file))]
        output = self.home / "log" / f"{name}.output"
        command = [sys.executable, str(program)] if program else _entry(service)
        with output.open("ab") as stderr:
            process = subprocess.Popen(
                [*_tied(), *command, *arguments, "--host", host, "--log-file", f"{name}.log"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True, env=self._environment())
        member = Member(service, name, process, output)
        self.members.append(member)
        return member

    def start(self, service, *hosts, options=None, program=None):
        """Start a process of ``service`` for each of ``hosts`` and wait until all are ready."""
        started = [self.spawn(service, host, options, program) for host in hosts]
        for member in started:
            member.await_ready()
        return started

    def stop(self):
        """Stop all in good order; returns the seconds it took. FleetError when one did not end well."""
        began = time.monotonic()
        bad = []
        for service in STOP_ORDER:
            leaving = [member for member in self.members if member.service == service]
            for member in leaving:
                member.signal(signal.SIGTERM)
            for member in leaving:
                code = member.wait()
                if code:
                    bad.append(f"{member.name} ended with {code}: {member.output()}")
        self.members.clear()
        if bad:
            raise FleetError("\n".join(bad))
        return time.monotonic() - began

    def kill(self):
        """End what still runs, at once."""
        for member in self.members:
            member.signal(signal.SIGKILL)
            member.wait()
        self.members.clear()

    def running(self):
        """The pids of all processes that were ever started for this fleet and still run."""
        return processes.marked(f"{MARK}={self.home}")

    def complaints(self):
        """Every line of the logs that is an error or a traceback."""
        return [f"{path.name}: {line}" for path in sorted((self.home / "log").iterdir())
                for line in path.read_text(errors="replace").splitlines()
                if " ERROR " in line or " CRITICAL " in line or line.startswith("Traceback")]

    def _environment(self):
        return {**os.environ, MARK: str(self.home)}


def _entry(service):
    return [sys.executable, "-m", "novasim.launch.entry", service]


def _tied():
    """What makes a process end with whoever started it, however that ended."""
    return [throwaway.find("setpriv", "util-linux"), "--pdeathsig", "KILL", "--"]
