"""Copies of disks between hosts: each takes bytes / fair share of the slower end's bandwidth.

Copies that begin or end change the shares of those they meet at either host; a copy sleeps until it is done or its
share changes. Shares are known within a process: copies towards a host that another process simulates count at their
source only.
"""

from __future__ import annotations

import collections
import threading

from novasim.sim.clock import Clock


class _Copy:
    __slots__ = ("changed", "ends", "left")

    def __init__(self, source: str, dest: str, size: int):
        self.ends = {source, dest}
        self.left = float(size)
        self.changed = threading.Event()


class Network:
    """The copies under way between the hosts of a process.

    :param nic_mbps: bandwidth of each host, in megabits a second
    """

    def __init__(self, clock: Clock, nic_mbps: float):
        self._clock = clock
        self._bytes_per_s = nic_mbps * 1_000_000 / 8
        self._lock = threading.Lock()
        self._at: collections.defaultdict[str, set[_Copy]] = collections.defaultdict(set)

    def copy(self, source: str, dest: str, size: int) -> None:
        """Spend the time that copying ``size`` bytes takes; copies on the same host take none."""
        if source == dest:
            return
        copy = _Copy(source, dest, size)
        self._join(copy)
        try:
            while copy.left > 0.5:
                copy.changed.clear()
                rate = self._rate(copy)
                began = self._clock.monotonic()
                self._clock.wait(copy.changed, copy.left / rate)
                copy.left -= rate * (self._clock.monotonic() - began)
        finally:
            self._leave(copy)

    def _rate(self, copy: _Copy) -> float:
        with self._lock:
            return min(self._bytes_per_s / len(self._at[end]) for end in copy.ends)

    def _join(self, copy: _Copy) -> None:
        with self._lock:
            for end in copy.ends:
                for other in self._at[end]:
                    other.changed.set()
                self._at[end].add(copy)

    def _leave(self, copy: _Copy) -> None:
        with self._lock:
            for end in copy.ends:
                self._at[end].discard(copy)
                for other in self._at[end]:
                    other.changed.set()
                if not self._at[end]:
                    del self._at[end]
