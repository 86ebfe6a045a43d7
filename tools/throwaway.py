"""The life of one throw-away server: a folder, processes, a signal when it is ready, an end without a trace.

Why this exists: daemons.py says what RabbitMQ, MariaDB and PostgreSQL are; starting and ending them in good
order is the same for all three and stands here once.
"""

import contextlib
import glob
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import processes

HOST = "127.0.0.1"
# Linux gives none of these to outgoing connections: a broker binds its port seconds after we choose it.
PORTS = (20000, 30000)
MARK = "NOVASIM_DAEMON_HOME"

# Debian keeps these out of PATH, or puts a wrapper into it that insists on a system account of its own.
FOLDERS = ("/usr/lib/rabbitmq/bin", "/usr/lib/postgresql/*/bin", "/usr/sbin", "/usr/bin")


class DaemonError(Exception):
    """A server is not installed, or did not start; the message says which, why and what to do."""


def free_port():
    """Return a TCP port of 127.0.0.1 that nobody uses and that the kernel gives to no outgoing connection."""
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


def find(program, package):
    """Return the path of ``program``; when it is absent, DaemonError names the Debian package to install."""
    folders = [folder for pattern in FOLDERS for folder in sorted(glob.glob(pattern), reverse=True)]
    path = shutil.which(program, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    if path is None:
        raise DaemonError(f"{program} is not installed. Install it with: apt-get install {package}")
    return path


class Daemon:
    """One server: its folder, its processes, its life. Subclasses say what to prepare and what to run."""

    name = ""
    stop_signal = signal.SIGTERM
    account = None
    """The system account to run as when we are root, for a server that refuses root."""

    def __init__(self, deadline_s=60):
        """Set the real seconds that the server may take to become ready, and again to stop."""
        self.deadline_s = deadline_s
        self.port = free_port()
        self.home = None
        self.start_s = None
        self._processes = []

    def __enter__(self):
        # Straight under the system's temporary folder: PostgreSQL's account must be able to walk to it.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"novasim-{self.name}-"))
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc_info):
        self.stop()

    def prepare(self):
        """Write the files that the server needs before it starts."""

    def command(self):
        """Return the command line of the server."""
        raise NotImplementedError

    def environment(self):
        """Return what the server needs in its environment on top of the bare minimum."""
        return {}

    def stop(self):
        """End every process of this server by its pid and remove its folder; harmless when nothing runs."""
        family = self.running()
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(self.stop_signal)
            if not processes.await_end([process.pid], self.deadline_s):
                process.kill()
            process.wait()
        self._processes.clear()
        family |= self.running()
        if not processes.await_end(family, self.deadline_s):
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            processes.await_end(family, self.deadline_s)
        shutil.rmtree(self.home, ignore_errors=True)

    def running(self):
        """Return the pids of all processes of this server.

        Erlang's helpers leave the family tree but keep our mark in their environment; PostgreSQL's children
        write their titles over their environment but stay in the tree.
        """
        mine = processes.descendants(process.pid for process in self._processes)
        return processes.marked(f"{MARK}={self.home}") | mine

    def log(self):
        """Return the last lines that the server wrote to its terminal."""
        lines = (self.home / "output").read_text(errors="replace").splitlines()
        return "\n".join(lines[-20:])

    def _start(self):
        began = time.monotonic()
        if self._runs_as():
            shutil.chown(self.home, self.account, self.account)
        self.prepare()
        self._launch()
        self.start_s = time.monotonic() - began

    def _launch(self):
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notices:
            (self.home / "notify").unlink(missing_ok=True)
            notices.bind(str(self.home / "notify"))
            (self.home / "notify").chmod(0o777)
            self._await_ready(notices, self.spawn(self.command(), NOTIFY_SOCKET=str(self.home / "notify")))

    def restart(self):
        """End the server in good order and start it again with what it has kept; who uses it is cut off meanwhile."""
        server = self._processes.pop()
        server.send_signal(self.stop_signal)
        if not processes.await_end([server.pid], self.deadline_s):
            raise DaemonError(f"{self.name} did not end. It wrote:\n{self.log()}")
        server.wait()
        self._launch()

    def _await_ready(self, notices, process):
        deadline = time.monotonic() + self.deadline_s
        with processes.pidfd(process.pid) as ended:
            while True:
                ready, _, _ = select.select([notices, ended], [], [], max(0, deadline - time.monotonic()))
                if notices not in ready:
                    why = "ended while it started" if ready else f"was not ready in {self.deadline_s} s"
                    raise DaemonError(f"{self.name} {why}. It wrote:\n{self.log()}")
                if b"READY=1" in notices.recv(65536).splitlines():
                    return

    def spawn(self, command, **environment):
        """Start ``command`` as a process of this server, to end with it at the latest, and return it."""
        with (self.home / "output").open("ab") as output:
            process = subprocess.Popen(
                [*self._launcher(), *command],
                env=self._environment(environment),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for whoever entered the with block, who then stops us in good order.
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def run(self, command):
        """Run ``command`` to its end and return what it printed; DaemonError when it fails."""
        done = subprocess.run(
            [*self._launcher(), *command],
            env=self._environment({}),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.deadline_s,
            check=False,
        )
        if done.returncode:
            said = done.stdout + done.stderr
            raise DaemonError(f"{command[0]} failed with exit code {done.returncode}:\n{said}")
        return done.stdout

    def _environment(self, more):
        bare = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(self.home)}
        return {**bare, MARK: str(self.home), **self.environment(), **more}

    def _launcher(self):
        prefix = [find("setpriv", "util-linux"), "--pdeathsig", self.stop_signal.name.removeprefix("SIG")]
        if self._runs_as():
            prefix += ["--reuid", self.account, "--regid", self.account, "--clear-groups"]
        return [*prefix, "--"]

    def _runs_as(self):
        return self.account is not None and os.geteuid() == 0
