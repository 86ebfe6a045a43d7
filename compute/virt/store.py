"""What the simulated hypervisors of this machine really hold, kept apart from the control plane's tables, so that a
checker can compare what the control plane believes with what is.

It is a file of its own beside the control plane's database, shared by all agent processes of the machine, and it
outlives them. db/ is for the control plane; this is the hardware.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from novasim.compute.virt.driver import BACKUP, GUEST, Guest

_SCHEMA = """
CREATE TABLE IF NOT EXISTS guests (
    host TEXT NOT NULL, instance_uuid TEXT NOT NULL, role TEXT NOT NULL, power_state INTEGER NOT NULL,
    vcpus INTEGER NOT NULL, memory_mb INTEGER NOT NULL, disk_bytes INTEGER NOT NULL,
    PRIMARY KEY (host, instance_uuid, role)) WITHOUT ROWID
"""
_COLUMNS = ", ".join(Guest._fields)
# So many hosts are looked up one by one; of more, all guests are read.
_FEW = 500


class GuestStore:
    """Guests and backup copies by (host, server, role).

    :param path: the file; made with its directory where it is missing
    :param synchronous: whether SQLite waits for the disk
    """

    def __init__(self, path: Path, synchronous: bool = True):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        # Of two processes that make a new file a WAL at once, SQLite refuses one without waiting.
        with path.with_suffix(".lock").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            self._run("PRAGMA journal_mode=WAL")
            self._run(f"PRAGMA synchronous={'NORMAL' if synchronous else 'OFF'}")
            self._run(_SCHEMA)

    def _run(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, parameters).fetchall()

    def put(self, guest: Guest) -> None:
        """Insert a guest or backup, or replace what stood in its place."""
        self._run(f"INSERT OR REPLACE INTO guests ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", guest)

    def get(self, host: str, instance_uuid: str, role: str = GUEST) -> Guest | None:
        rows = self._run(f"SELECT {_COLUMNS} FROM guests WHERE host = ? AND instance_uuid = ? AND role = ?",
                         (host, instance_uuid, role))
        return Guest(*rows[0]) if rows else None

    def set_power(self, host: str, instance_uuid: str, power_state: int) -> None:
        self._run("UPDATE guests SET power_state = ? WHERE host = ? AND instance_uuid = ? AND role = ?",
                  (power_state, host, instance_uuid, GUEST))

    def turn(self, host: str, instance_uuid: str, role: str, power_state: int) -> None:
        """Make the guest a powered-off backup, or a backup the guest again."""
        other = BACKUP if role == GUEST else GUEST
        self._run("UPDATE OR REPLACE guests SET role = ?, power_state = ? "
                  "WHERE host = ? AND instance_uuid = ? AND role = ?", (role, power_state, host, instance_uuid, other))

    def remove(self, host: str, instance_uuid: str, roles: Sequence[str]) -> None:
        for role in roles:
            self._run("DELETE FROM guests WHERE host = ? AND instance_uuid = ? AND role = ?",
                      (host, instance_uuid, role))

    def list(self, hosts: Iterable[str] | None = None) -> list[Guest]:
        wanted = None if hosts is None else set(hosts)
        if wanted is not None and len(wanted) <= _FEW:
            marks = ", ".join("?" * len(wanted))
            return [Guest(*row) for row in self._run(
                f"SELECT {_COLUMNS} FROM guests WHERE host IN ({marks}) ORDER BY host, instance_uuid", list(wanted))]
        rows = [Guest(*row) for row in self._run(f"SELECT {_COLUMNS} FROM guests ORDER BY host, instance_uuid")]
        return rows if wanted is None else [guest for guest in rows if guest.host in wanted]

    def close(self) -> None:
        self._connection.close()


