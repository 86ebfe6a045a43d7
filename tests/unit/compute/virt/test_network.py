"""Copies share the bandwidth of both ends, and take up what others leave."""

import threading

from novasim.compute.virt.network import Network
from novasim.sim.clock import Clock


class Steps(Clock):
    """A clock whose waits end at once, having taken as long as asked: copies alone with themselves."""

    def __init__(self):
        self.time = 0.0

    def monotonic(self):
        return self.time

    def wait(self, event, seconds):
        self.time += seconds
        return False


def test_alone():
    clock = Steps()
    Network(clock, 8).copy("a", "b", 5_000_000)
    assert clock.time == 5.0


def test_on_one_host_nothing_is_copied():
    clock = Steps()
    Network(clock, 8).copy("a", "a", 5_000_000)
    assert clock.time == 0.0


class Stage(Clock):
    """Time moves when every copy waits: to the moment at which the first of them is done."""

    def __init__(self, copies):
        self.time, self._copies, self._waiting = 0.0, copies, {}
        self._turn = threading.Condition()

    def monotonic(self):
        return self.time

    def wait(self, event, seconds):
        with self._turn:
            me = threading.get_ident()
            self._waiting[me] = (event, self.time + seconds)
            self._move()
            self._turn.wait_for(lambda: event.is_set() or self.time >= self._waiting[me][1] - 1e-9, 20)
            del self._waiting[me]
        return event.is_set()

    def done(self):
        with self._turn:
            self._copies -= 1
            self._move()

    def _move(self):
        if len(self._waiting) == self._copies and self._copies:
            if not any(event.is_set() for event, _ in self._waiting.values()):
                self.time = min(until for _, until in self._waiting.values())
            self._turn.notify_all()


def times(copies, mbps=8):
    """When each of some copies that begin together ends, in seconds; 8 Mb/s are 1,000,000 bytes a second."""
    clock, ended, start = Stage(len(copies)), {}, threading.Barrier(len(copies))
    network = Network(clock, mbps)

    def run(name, source, dest, size):
        start.wait()
        network.copy(source, dest, size)
        ended[name] = round(clock.time, 3)
        clock.done()

    threads = [threading.Thread(target=run, args=(number, *copy)) for number, copy in enumerate(copies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return [ended[number] for number in range(len(copies))]


def test_strangers_do_not_share():
    assert times([("a", "b", 2_000_000), ("c", "d", 3_000_000)]) == [2, 3]


def test_two_share_one_source():
    assert times([("a", "b", 2_000_000), ("a", "c", 2_000_000)]) == [4, 4]


def test_who_stays_takes_what_the_other_leaves():
    """Half each until the small one is done after 2 s; then all of it for the other's last 2,000,000 bytes."""
    assert times([("a", "b", 1_000_000), ("a", "c", 3_000_000)]) == [2, 4]
