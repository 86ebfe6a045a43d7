"""Periodic tasks run again after a failure, and end at once when told to."""

import threading
import time

import pytest

from novasim.launch.timers import Timers
from novasim.sim.clock import Clock


@pytest.mark.spec("8.11/runner")
def test_a_task_that_fails_runs_again():
    runs = threading.Semaphore(0)

    def task():
        runs.release()
        raise KeyError("x")

    timers = Timers(Clock(), [(task, 0.01), (lambda: None, -1), (lambda: None, 0)])
    for _ in range(3):
        assert runs.acquire(timeout=10)
    timers.stop()


def test_a_stop_does_not_wait_for_the_spacing():
    timers = Timers(Clock(), [(lambda: None, 3600)] * 3)
    began = time.monotonic()
    timers.stop()
    assert time.monotonic() - began < 2
