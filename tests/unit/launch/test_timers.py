"""Periodic tasks run by their spacing, go on after a failure, and end when told to."""

import threading

from novasim.launch.timers import Timers
from novasim.sim.clock import Clock

DEADLINE_S = 10


class Stepped(Clock):
    """A clock whose waiting ends when the test says so; it remembers who waited how long."""

    def __init__(self):
        self.turns = threading.Semaphore(0)
        self.waited = []

    def wait(self, event, seconds):
        self.waited.append(seconds)
        assert self.turns.acquire(timeout=DEADLINE_S)
        return event.is_set()


class Counted:
    """A task that lets the test wait for its runs."""

    def __init__(self, fails_at=0):
        self.runs = 0
        self._fails_at = fails_at
        self._ran = threading.Semaphore(0)

    def __call__(self):
        self.runs += 1
        self._ran.release()
        if self.runs == self._fails_at:
            raise ValueError("on purpose")

    def wait(self):
        assert self._ran.acquire(timeout=DEADLINE_S)


def stop(timers, clock, threads=1):
    """Stop while the clock lets each thread see it."""
    timers._stop.set()
    for _ in range(threads):
        clock.turns.release()
    timers.stop()


def test_a_task_runs_after_each_spacing_and_not_before():
    clock, task = Stepped(), Counted()
    timers = Timers(clock, [(task, 7.0)])
    assert task.runs == 0
    for _ in range(3):
        clock.turns.release()
        task.wait()
    stop(timers, clock)
    assert task.runs == 3
    assert set(clock.waited) == {7.0}


def test_a_failure_is_logged_and_the_task_runs_again(caplog):
    clock, task = Stepped(), Counted(fails_at=1)
    timers = Timers(clock, [(task, 7.0)])
    for _ in range(2):
        clock.turns.release()
        task.wait()
    stop(timers, clock)
    assert task.runs == 2
    assert [record.getMessage() for record in caplog.records] == ["A periodic task failed; it runs again in 7.0 s"]


def test_a_spacing_of_zero_or_less_never_runs():
    clock = Stepped()
    before = threading.active_count()
    timers = Timers(clock, [(Counted(), 0), (Counted(), -1)])
    assert threading.active_count() == before
    timers.stop()
    assert clock.waited == []


def test_stopping_ends_the_threads_of_all_tasks():
    before = threading.active_count()
    timers = Timers(Clock(), [(Counted(), 3600), (Counted(), 3600)])
    timers.stop()
    assert threading.active_count() == before
