"""The clockwork of a process."""

import threading
import time

import pytest

from novasim.launch.timers import Timers
from novasim.sim.clock import Clock, ManualClock

WAIT_S = 10


@pytest.fixture
def timers():
    made = Timers(Clock())
    yield made
    made.close()


@pytest.mark.spec("8.11/runner")
def test_tasks_run_again_and_again_even_when_they_fail(timers):
    runs, enough = [], threading.Event()

    def task():
        runs.append(1)
        if len(runs) >= 3:
            enough.set()
        raise RuntimeError("broken")

    stop = timers.run([(task, 0.01), (lambda: pytest.fail("never"), -1), (lambda: pytest.fail("never"), 0)])
    assert enough.wait(WAIT_S)
    stop()
    seen = len(runs)
    done = threading.Event()
    timers.run([(done.set, 0.05)])
    assert done.wait(WAIT_S)
    assert len(runs) == seen, "what was stopped runs no more"


def test_a_slow_task_keeps_nobody_waiting(timers):
    slow_began, go_on, quick = threading.Event(), threading.Event(), threading.Semaphore(0)

    def slow():
        slow_began.set()
        assert go_on.wait(WAIT_S)

    timers.run([(slow, 0.01), (quick.release, 0.02)])
    assert slow_began.wait(WAIT_S)
    for _ in range(3):
        assert quick.acquire(timeout=WAIT_S)
    go_on.set()


def test_one_thread_waits_for_all(timers):
    before = set(threading.enumerate())
    stops = [timers.run([(lambda: None, 3600)] * 100) for _ in range(3)]
    assert len(set(threading.enumerate()) - before) == 1
    began = time.monotonic()
    for stop in stops:
        stop()
    timers.close()
    assert time.monotonic() - began < 2
    assert not set(threading.enumerate()) - before


def test_what_is_added_later_may_be_due_sooner(timers):
    timers.run([(lambda: None, 3600)])
    done = threading.Event()
    timers.run([(done.set, 0.01)])
    assert done.wait(WAIT_S)


def test_a_clock_that_jumped():
    """What should have run meanwhile, a process that was stopped finds due."""
    clock = ManualClock()
    timers, done = Timers(clock), threading.Event()
    timers.run([(done.set, 60)])
    clock.advance(61)
    timers.run([(lambda: None, 3600)])
    assert done.wait(WAIT_S)
    timers.close()
