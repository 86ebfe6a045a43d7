"""Copies of disks between hosts: each takes bytes / fair share of the slower end's bandwidth.

Copies that begin or end change the shares of those they meet at either host; a copy sleeps until it is done or its
share changes. Shares are known within a process: copies towards a host that another process simulates count at their
source only.
"""

from __future__ import annotations

import collections
import threading

from novasim.sim.clock import Clock


class Interrupt:
    """Ends a copy before its time, from another thread; one that has not begun yet ends at once."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self._wanted = False

    def set(self) -> None:
        self._wanted = True
        self.changed.set()

    def taken(self) -> bool:
        """Whether it was set; from then on it is as new."""
        wanted, self._wanted = self._wanted, False
        return wanted


class _Copy:
    __slots__ = ("changed", "ends", "left")

    def __init__(self, source: str, dest: str, size: int, changed: threading.Event):
        self.ends = {source, dest}
        self.left = float(size)
        self.changed = changed


class Network:
    """The copies under way between the hosts of a process.

    :param nic_mbps: bandwidth of each host that has none of its own in ``nics``, in megabits a second
    """

    def __init__(self, clock: Clock, nic_mbps: float):
        self._clock = clock
        self._nic_mbps = nic_mbps
        self.nics: dict[str, float] = {}
        self._lock = threading.Lock()
        self._at: collections.defaultdict[str, set[_Copy]] = collections.defaultdict(set)

    def copy(self, source: str, dest: str, size: int, interrupt: Interrupt | None = None) -> float:
        """Spend the time that copying ``size`` bytes takes; copies on the same host take none.

        :returns: the bytes that an interrupt kept from being copied; below zero, those that there was time for besides
        """
        if source == dest:
            return 0.0
        interrupt = interrupt or Interrupt()
        copy = _Copy(source, dest, size, interrupt.changed)
        self._join(copy)
        try:
            while copy.left > 0.5:
                copy.changed.clear()
                if interrupt.taken():
                    return copy.left
                rate = self._rate(copy)
                began = self._clock.monotonic()
                self._clock.wait(copy.changed, copy.left / rate)
                copy.left -= rate * (self._clock.monotonic() - began)
            return copy.left
        finally:
            self._leave(copy)

    def bytes_per_s(self, host: str) -> float:
        """What a host can send or receive when nothing else does."""
        return self.nics.get(host, self._nic_mbps) * 1_000_000 / 8

    def _rate(self, copy: _Copy) -> float:
        with self._lock:
            return min(self.bytes_per_s(end) / len(self._at[end]) for end in copy.ends)

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
