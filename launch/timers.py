"""The clockwork of a process: a thread a task, whatever number of hosts the task is for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from novasim.sim.clock import Clock

LOG = logging.getLogger(__name__)
Task = tuple[Callable[[], object], float]


class Timers:
    """Runs tasks by their spacing until stopped.

    :param tasks: (what, seconds between two runs); a spacing of 0 or less never runs
    """

    def __init__(self, clock: Clock, tasks: Sequence[Task]):
        self._clock = clock
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=task, daemon=True) for task in tasks if task[1] > 0]
        for thread in self._threads:
            thread.start()

    def _run(self, task: Callable[[], object], spacing: float) -> None:
        while not self._clock.wait(self._stop, spacing):
            try:
                task()
            except Exception:
                LOG.exception("A periodic task failed; it runs again in %s s", spacing)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
