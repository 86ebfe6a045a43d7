"""What happened, hop by hop: one JSON line a hop, one file a process, merged by request id when asked for.

Written by rpc/ (messages), api/ (requests) and compute/ (steps); read by ``GET /os-simulator/journal`` and by tests,
which wait for a line instead of sleeping.
"""

from __future__ import annotations

import copy
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from novasim.sim.clock import Clock

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
MAX_BYTES = 64 * 1024 * 1024
FILES_KEPT = 8


def _forget_old(directory: Path, name: str) -> None:
    """Keep the newest files of a service's dead processes; without that each start would leave one more for good."""
    dead = [path for path in directory.glob(f"{name}-*.jsonl") if not _is_alive(path)]
    for path in sorted(dead, key=lambda one: one.stat().st_mtime)[:-FILES_KEPT]:
        path.unlink(missing_ok=True)


def _is_alive(path: Path) -> bool:
    pid = path.name.rpartition("-")[2].partition(".")[0]
    return Path(f"/proc/{pid}").exists()


class _Sink:
    """Where a process's hops go: its file, and whoever listens."""

    def __init__(self, directory: Path | None, name: str):
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        self._lock = threading.Lock()
        # Unbuffered, so that a line is in the file once it is written, whoever dies then; and not by os.write, which
        # looks at the file each time where it is one of eventlet's.
        self._file: io.FileIO | None = None
        self._written = 0
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            _forget_old(directory, name)
            self._path = directory / f"{name}-{os.getpid()}.jsonl"
            self._open()

    @property
    def is_idle(self) -> bool:
        return self._file is None and not self.listeners

    def _open(self) -> None:
        self._file = io.FileIO(self._path, "a", opener=lambda path, flags: os.open(path, flags, 0o640))
        self._written = os.fstat(self._file.fileno()).st_size

    def take(self, hop: dict[str, Any]) -> None:
        if self._file is not None:
            self._write(_ENCODE(hop) + b"\n")
        for listener in list(self.listeners):
            listener(hop)

    def _write(self, line: bytes) -> None:
        with self._lock:
            if self._file is None:
                return
            if self._written + len(line) > MAX_BYTES:
                self._turn_over()
            self._written += self._file.write(line)

    def _turn_over(self) -> None:
        """Keep at most two files a process: the full one and the new one."""
        assert self._file is not None
        self._file.close()
        self._path.replace(self._path.with_suffix(".1.jsonl"))
        self._open()

    def clear(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.truncate(0)
                self._written = 0

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class Journal:
    """A service's pen.

    :param directory: where the files of all processes of a cluster lie; None keeps nothing on disk
    :param service: "api", "conductor", ...: who signs the hops written with it
    """

    def __init__(self, directory: Path | None, service: str, clock: Clock):
        self.service = service
        self._clock = clock
        self._sink = _Sink(directory, service)

    def signed(self, service: str) -> Journal:
        """The same journal for another service of this process."""
        other = copy.copy(self)
        other.service = service
        return other

    def subscribe(self, listener: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call ``listener`` with each hop written in this process; returns what ends it.

        The newest hears first: who waits for a hop, and has listened from the start, goes on when all others are done.
        """
        self._sink.listeners.insert(0, listener)
        return lambda: self._sink.listeners.remove(listener)

    def write(self, what: str, request_id: str | None, host: str = "", **details: Any) -> None:
        """Note one hop. ``details`` that are None are left out."""
        if self._sink.is_idle:
            return
        self._sink.take({
            "time": self._clock.now().isoformat(timespec="microseconds"), "service": self.service, "host": host,
            "what": what, "request_id": request_id,
            **{key: value for key, value in details.items() if value is not None}})

    def clear(self) -> None:
        """Forget what this process has written."""
        self._sink.clear()

    def close(self) -> None:
        self._sink.close()


def read(directory: Path, request_id: str, limit: int = 1000) -> list[dict[str, Any]]:
    """All hops of a request from all processes' files, oldest first, at most ``limit``."""
    needle = request_id.encode()
    hops: list[dict[str, Any]] = []
    for path in sorted(directory.glob("*.jsonl")):
        with path.open("rb") as lines:
            hops += [_DECODE(line) for line in lines if needle in line and line.endswith(b"\n")]
    return sorted((hop for hop in hops if hop.get("request_id") == request_id), key=lambda hop: hop["time"])[:limit]
