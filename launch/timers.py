"""The clockwork of a process: one thread that waits for whatever is due next, whatever number of tasks and hosts."""

from __future__ import annotations

import functools
import heapq
import itertools
import logging
import threading
from collections.abc import Callable, Sequence

from novasim.sim.clock import Clock

LOG = logging.getLogger(__name__)
Task = tuple[Callable[[], object], float]
# Seconds that the end of a service waits for a task that runs.
PATIENCE_S = 5.0
# While there is nothing to wait for.
LONG_S = 86400.0


class _Run:
    """A task with its spacing in seconds, and the thread that it runs in just now."""

    def __init__(self, task: Callable[[], object], spacing: float):
        self.task, self.spacing = task, spacing
        self.ended = False
        self.thread: threading.Thread | None = None


class Timers:
    """Runs tasks by their spacing until they are stopped. Each run has a thread of its own, so that none keeps the
    others waiting: a heartbeat comes when it should."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._due: list[tuple[float, int, _Run]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, tasks: Sequence[Task]) -> Callable[[], None]:
        """Run tasks from now on; returns what stops them.

        :param tasks: (what, seconds from the end of a run to the next); a spacing of 0 or less never runs
        """
        runs = [_Run(task, spacing) for task, spacing in tasks if spacing > 0]
        for run in runs:
            self._schedule(run)
        if self._thread is None and runs:
            self._thread = threading.Thread(target=self._turn, daemon=True)
            self._thread.start()
        return functools.partial(self._stop, runs)

    def _schedule(self, run: _Run) -> None:
        with self._lock:
            heapq.heappush(self._due, (self._clock.monotonic() + run.spacing, next(self._numbers), run))
        self._news.set()

    def _turn(self) -> None:
        while not self._closed:
            with self._lock:
                self._news.clear()
                next_s = self._due[0][0] - self._clock.monotonic() if self._due else LONG_S
            if next_s > 0 and self._clock.wait(self._news, next_s):
                continue
            with self._lock:
                run = heapq.heappop(self._due)[2] if self._due else None
                if run is not None and not run.ended:
                    # Under the lock until it has started: who stops it can wait for it from then on.
                    run.thread = threading.Thread(target=self._once, args=(run,), daemon=True)
                    run.thread.start()

    def _once(self, run: _Run) -> None:
        try:
            run.task()
        except Exception:
            LOG.exception("A periodic task failed; it runs again in %s s", run.spacing)
        if not run.ended:
            self._schedule(run)

    def _stop(self, runs: Sequence[_Run]) -> None:
        with self._lock:
            for run in runs:
                run.ended = True
        for run in runs:
            if run.thread is not None:
                run.thread.join(PATIENCE_S)

    def close(self) -> None:
        """End the thread that waits."""
        self._closed = True
        self._news.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_S)
