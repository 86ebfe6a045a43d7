"""What hands messages to greenthreads: futurist's executor makes a future of each, too, which costs more than all else
that is done to hand a message over (ADR 21).
"""

from __future__ import annotations

import _thread
import collections
import functools
import threading
from collections.abc import Callable
from typing import Any


class GreenExecutor:
    """What an RPC server asks of an executor. Greenthreads take turns only where they wait, so nothing is locked.

    :param max_workers: messages worked on at once; more wait
    """

    def __init__(self, max_workers: int):
        self._waiting: collections.deque[Callable[[], Any]] = collections.deque()
        self._at_most = max_workers
        self._workers = 0
        self._done = threading.Condition()

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        # Whoever sends on sim:// may be one of these greenthreads, so it must not wait for one.
        self._waiting.append(functools.partial(function, *args))
        if self._workers < self._at_most:
            self._workers += 1
            _thread.start_new_thread(self._work, ())

    def _work(self) -> None:
        try:
            while self._waiting:
                self._waiting.popleft()()
        finally:
            self._workers -= 1
            if not self._workers:
                with self._done:
                    self._done.notify_all()

    def shutdown(self, wait: bool) -> None:
        with self._done:
            self._done.wait_for(lambda: not wait or not self._workers)
