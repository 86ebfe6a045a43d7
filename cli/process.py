"""Clusters as processes: start one, wait until it is ready, find out whether it runs, stop it.

A process is known by more than its number, since numbers are used again: it must be ours and serve this state
directory. Waiting is for the process or its pipe itself (pidfd, select), never by looking again and again.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from novasim.cli.client import Client
from novasim.cli.errors import CliError
from novasim.cli.settings import Settings, cluster_record

ENTRY = "novasim.launch.entry"
PROGRAM = "novasim-cluster"
STOP_S = 30.0
READY_S = 60.0
# To stop when it was not even ready.
GIVE_UP_S = 5.0
STDERR = "cluster.stderr"
# A small program before the real one: it asks the kernel to stop it when its parent is gone, however that
# ended, and this stays in force over exec. (A preexec_fn would do it in a fork of a process with threads.)
TIED = ("import ctypes, os, signal, sys; ctypes.CDLL(None).prctl(1, signal.SIGTERM);"
        "os.getppid() == int(sys.argv[1]) or sys.exit(1); os.execv(sys.argv[2], sys.argv[2:])")


def tied(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` for no longer than this process runs."""
    return [sys.executable, "-I", "-S", "-c", TIED, str(os.getpid()), *command]


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A cluster that this call has started: its process, what it said when ready, and where its state is."""

    process: subprocess.Popen[bytes]
    record: dict[str, Any]
    state_dir: pathlib.Path

    def client(self, project: str = "admin", timeout: float = 60) -> Client:
        """Return a client of this cluster, as the admin in `project`."""
        return Client(Settings(self.record["endpoint"], f"admin:{project}"), timeout)

    def detach(self) -> None:
        """Leave the process to itself."""
        close_pipe(self.process)
        self.process.returncode = 0  # ours no longer: nothing is to be reaped, and nothing to be warned of

    def wait(self) -> int:
        """Wait until the process ends by itself and return its exit code."""
        wait_exit(self.process.pid, None)
        close_pipe(self.process)
        return self.process.wait()

    def stop(self, seconds: float | None = None) -> int:
        """Ask the process to stop, make it stop after `seconds` (None: 30), and return its exit code."""
        self.process.terminate()
        wait_exit(self.process.pid, STOP_S if seconds is None else seconds)
        with contextlib.suppress(ProcessLookupError):
            # What is left of its group: itself if it does not stop, services that it should have taken along.
            os.killpg(self.process.pid, signal.SIGKILL)
        close_pipe(self.process)
        return self.process.wait()


def launch(arguments: Sequence[str], state_dir: str | os.PathLike[str], wait_s: float = READY_S,
           outlive: bool = False) -> Cluster:
    """Start a cluster and return it when it is ready.

    :param arguments: those of the cluster program, but for the state directory
    :param state_dir: where its state, configuration and logs are; made if need be
    :param wait_s: seconds until it must be ready
    :param outlive: it goes on when this process ends, however that ends
    :raises CliError: it could not start; the text is its own, or names the log file
    """
    home = pathlib.Path(state_dir).resolve()
    errors = home / "log" / STDERR
    command = [sys.executable, "-m", ENTRY, "cluster", *arguments, "--state-dir", str(home)]
    if not outlive:
        command = tied(command)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        errors.parent.mkdir(exist_ok=True)
        with errors.open("wb") as stderr:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=stderr, start_new_session=True)
    except OSError as error:
        raise CliError(f"the state directory {home} cannot be used: {error.strerror}. Name another one with "
                       "--state-dir") from error
    try:
        record = _ready(process, wait_s, errors)
    except BaseException:
        Cluster(process, {}, home).stop(GIVE_UP_S)
        raise
    return Cluster(process, record, home)


@contextlib.contextmanager
def own_cluster(arguments: Sequence[str], keep: bool = False) -> Iterator[Cluster]:
    """A cluster on a free port with a new state directory, which are both gone afterwards.

    :param arguments: those of the cluster program, but for the port and the state directory
    :param keep: leave the state directory behind
    """
    home = pathlib.Path(tempfile.mkdtemp(prefix="novasim-"))
    try:
        with stops_on_signals():
            cluster = launch([*arguments, "--port", "0"], home)
            try:
                yield cluster
            finally:
                cluster.stop()
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def stops_on_signals() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP are a KeyboardInterrupt too, so that what was started is stopped."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def running(state_dir: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return what the cluster that runs on `state_dir` said of itself, or None when none runs."""
    record = cluster_record(state_dir)
    return record if record and serves(record["pid"], state_dir) else None


def serves(pid: int, state_dir: str | os.PathLike[str]) -> bool:
    """Tell whether process `pid` is a cluster that serves `state_dir`."""
    proc = pathlib.Path("/proc", str(pid))
    try:
        words = os.fsdecode((proc / "cmdline").read_bytes()).split("\0")
        home = (proc / "cwd").readlink()
    except OSError:
        return False
    if not any(word == ENTRY or os.path.basename(word) == PROGRAM for word in words):
        return False
    wanted = pathlib.Path(state_dir).resolve()
    return any((home / word).resolve() == wanted for word in _values(words, "--state-dir"))


def stop_other(pid: int, state_dir: str | os.PathLike[str], seconds: float = STOP_S) -> bool:
    """Stop a cluster that another call has started, and wait for its end.

    :param seconds: how long to wait
    :return: False when `pid` is no cluster on `state_dir`; nothing is done to it then
    :raises CliError: it did not stop in time
    """
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        # From here on the handle means this process even if its number is used again, so look at it only now.
        if not serves(pid, state_dir):
            return False
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], seconds)[0]:
            raise CliError(f"process {pid} did not stop within {seconds:g} s. See {state_dir}/log")
        return True
    finally:
        os.close(handle)


def wait_exit(pid: int, seconds: float | None) -> bool:
    """Wait until a process ends, at most `seconds` (None: for ever), and tell whether it did."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def audit(state_dir: str | os.PathLike[str]) -> tuple[bool, str]:
    """Let novasim-manage compare the books of a cluster, and return whether they agree and what it said."""
    done = subprocess.run([sys.executable, "-m", ENTRY, "manage", "audit", "--state-dir", str(state_dir)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode == 0, (done.stdout.strip() or done.stderr.strip())


def close_pipe(process: subprocess.Popen[bytes]) -> None:
    """Close our end of the pipe on which the process said that it was ready."""
    if process.stdout:
        process.stdout.close()


def _ready(process: subprocess.Popen[bytes], wait_s: float, errors: pathlib.Path) -> dict[str, Any]:
    line = _first_line(process, time.monotonic() + wait_s)
    if line is None:
        raise CliError(f"the cluster was not ready within {wait_s:g} s. See the logs in {errors.parent}, "
                       "or give it more time with --wait")
    try:
        record = json.loads(line)
    except ValueError:
        record = {}
    if "endpoint" in record:
        return record
    raise CliError(record.get("error") or f"the cluster ended before it was ready{_last_line(errors)}. "
                                          f"See the logs in {errors.parent}")


def _first_line(process: subprocess.Popen[bytes], deadline: float) -> bytes | None:
    """The first line that the process writes, or what there is of it at its end; None after the deadline."""
    assert process.stdout is not None
    pipe, got = process.stdout.fileno(), b""
    while b"\n" not in got:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None
        piece = os.read(pipe, 65536)
        if not piece:
            break
        got += piece
    return got.partition(b"\n")[0]


def _last_line(errors: pathlib.Path) -> str:
    lines = errors.read_text(errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""


def _values(words: list[str], option: str) -> list[str]:
    after = [value for word, value in zip(words, words[1:], strict=False) if word == option]
    return after + [word.partition("=")[2] for word in words if word.startswith(f"{option}=")]


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
