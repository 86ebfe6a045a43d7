"""A clock that moves only when told to."""

import threading

from novasim.sim.clock import Clock, ManualClock


def test_the_real_one():
    clock = Clock()
    assert clock.now().tzinfo is None
    assert clock.monotonic() <= clock.monotonic()
    clock.sleep(0)
    event = threading.Event()
    assert clock.wait(event, 0.001) is False
    event.set()
    assert clock.wait(event, 100) is True


def test_sleepers_wake_when_their_time_has_come():
    clock, woken, started = ManualClock(), [], threading.Semaphore(0)

    def sleep(seconds):
        started.release()
        clock.sleep(seconds)
        woken.append(seconds)

    threads = [threading.Thread(target=sleep, args=(seconds,)) for seconds in (5, 10)]
    for thread in threads:
        thread.start()
    for _ in threads:
        started.acquire()
    before = clock.now()
    # Whether the sleepers begin before or after the first step, the sum of the steps is enough for both.
    clock.advance(4)
    assert woken == []
    while threads[0].is_alive():
        clock.advance(5)
        threads[0].join(0.01)
    while threads[1].is_alive():
        clock.advance(5)
        threads[1].join(0.01)
    assert sorted(woken) == [5, 10]
    assert clock.monotonic() == (clock.now() - before).total_seconds()
