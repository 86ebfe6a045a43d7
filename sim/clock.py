"""Time, handed in. No other room asks the system for it, so a test can stop the clock and a run can be repeated.

Simulated seconds belong to hypervisors and periodic tasks; timeouts on the wire and in SQL stay real seconds.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The system's time."""

    def now(self) -> datetime:
        """Naive UTC, with microseconds: the form of every DATETIME column."""
        return datetime.now(UTC).replace(tzinfo=None)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for the event, at most so many seconds; True when it came."""
        return event.wait(seconds)


class ManualClock(Clock):
    """A clock that moves only when told to: for tests and for replays of an embedded cluster."""

    def __init__(self, start: datetime | None = None):
        self._now = start or datetime(2026, 1, 1)
        self._start = self._now
        self._moved = threading.Condition()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def advance(self, seconds: float) -> None:
        """Move on, and wake whoever slept until then."""
        with self._moved:
            self._now += timedelta(seconds=seconds)
            self._moved.notify_all()

    def sleep(self, seconds: float) -> None:
        with self._moved:
            until = self._now + timedelta(seconds=seconds)
            while self._now < until:
                self._moved.wait()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Real waiting: a periodic task of a stopped clock is run by hand, not by time."""
        return event.wait(seconds)
