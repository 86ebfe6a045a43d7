"""What happened, hop by hop: one JSON line a hop, one file a process, merged by request id when asked for.

Written by rpc/ (messages), api/ (requests) and compute/ (steps); read by ``GET /os-simulator/journal`` and by tests,
which wait for a line instead of sleeping.
"""

from __future__ import annotations

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


class Journal:
    """One process's writer.

    :param directory: where the files of all processes of a cluster lie; None keeps nothing on disk
    :param service: "api", "conductor", ...; the default for the hops written here
    """

    def __init__(self, directory: Path | None, service: str, clock: Clock):
        self.service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: list[Callable[[dict[str, Any]], None]] = []
        self._file = -1
        self._path: Path | None = None
        self._written = 0
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            self._path = directory / f"{service}-{os.getpid()}.jsonl"
            self._open()

    def _open(self) -> None:
        assert self._path is not None
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._written = os.fstat(self._file).st_size

    def subscribe(self, listener: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call ``listener`` with each hop written here; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def write(self, what: str, request_id: str | None, host: str = "", service: str = "", **details: Any) -> None:
        """Note one hop. ``details`` that are None are left out."""
        if self._file < 0 and not self._listeners:
            return
        hop = {"time": self._clock.now().isoformat(timespec="microseconds"), "service": service or self.service,
               "host": host, "what": what, "request_id": request_id,
               **{key: value for key, value in details.items() if value is not None}}
        if self._file >= 0:
            self._append(_ENCODE(hop) + b"\n")
        for listener in list(self._listeners):
            listener(hop)

    def _append(self, line: bytes) -> None:
        with self._lock:
            if self._written + len(line) > MAX_BYTES:
                self._turn_over()
            self._written += os.write(self._file, line)

    def _turn_over(self) -> None:
        """Keep at most two files a process: the full one and the new one."""
        assert self._path is not None
        os.close(self._file)
        self._path.replace(self._path.with_suffix(".1.jsonl"))
        self._open()

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def read(directory: Path, request_id: str, limit: int = 1000) -> list[dict[str, Any]]:
    """All hops of a request from all processes' files, oldest first, at most ``limit``."""
    needle = request_id.encode()
    hops: list[dict[str, Any]] = []
    for path in sorted(directory.glob("*.jsonl")):
        with path.open("rb") as lines:
            hops += [_DECODE(line) for line in lines if needle in line and line.endswith(b"\n")]
    return sorted((hop for hop in hops if hop.get("request_id") == request_id), key=lambda hop: hop["time"])[:limit]
