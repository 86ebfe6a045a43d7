"""Agents of one process live, freeze and die each for itself."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from novasim.compute import lives
from novasim.sim.clock import Clock

WAIT_S = 10


class Database:
    """A transaction that takes its time."""

    def __init__(self):
        self.begun, self.go_on, self.done = threading.Event(), threading.Event(), 0

    def write(self, value):
        self.begun.set()
        assert self.go_on.wait(WAIT_S)
        self.done += 1
        return value


@pytest.fixture
def agents():
    made = lives.Lives()
    made.begin(["a", "b"])
    return made


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as made:
        yield made


def test_who_is_well(agents):
    assert agents.hosts == ("a", "b")
    agents.freeze(["a"])
    assert (agents.hosts, agents.is_up("a"), agents.is_frozen("a")) == (("b",), False, True)
    agents.begin(["a"])
    agents.end(["b"])
    assert (agents.hosts, agents.is_frozen("a"), agents.is_up("b")) == (("a",), False, False)


def test_the_dead_do_nothing_more(agents):
    steps = []

    def work():
        steps.append(1)
        agents.check()
        agents.end(["a"])
        # Nothing but the end of its work catches this.
        try:
            agents.check()
        except Exception:
            steps.append("caught")
        steps.append("after death")

    agents.act_as("a", work)
    assert steps == [1]
    agents.act_as("a", steps.append, "a message that arrives after its death")
    assert steps == [1]


def test_a_later_life_is_another_one(agents):
    steps = []

    def work():
        agents.end(["a"])
        agents.begin(["a"])
        with pytest.raises(lives.AgentDied):
            agents.check()
        steps.append(1)

    agents.act_as("a", work)
    agents.act_as("a", agents.check)
    agents.act_as("a", steps.append, 2)
    assert steps == [1, 2]


def test_others_live_on(agents):
    steps = []
    agents.end(["a"])
    for host in ("b", None):
        agents.act_as(host, steps.append, host)
    agents.check()
    assert steps == ["b", None]


def test_frozen_work_goes_on_where_it_stood(agents, pool):
    steps, frozen = [], threading.Event()

    def work():
        steps.append("before")
        assert frozen.wait(WAIT_S)
        agents.check()
        steps.append("after")

    done = pool.submit(agents.act_as, "a", work)
    agents.freeze(["a"])
    frozen.set()
    with pytest.raises(TimeoutError):
        done.result(0.05)
    agents.begin(["a"])
    done.result(WAIT_S)
    assert steps == ["before", "after"]


def test_what_is_frozen_can_die(agents, pool):
    steps = []
    agents.freeze(["a"])
    done = pool.submit(agents.act_as, "a", steps.append, 1)
    with pytest.raises(TimeoutError):
        done.result(0.05)
    agents.end(["a"])
    done.result(WAIT_S)
    assert steps == []


def test_a_death_waits_for_the_end_of_a_transaction(agents, pool):
    """What is in the database when the next life begins must not change by a hand of the last one."""
    real = Database()
    database, after = lives.database(agents, real), []

    working = pool.submit(agents.act_as, "a", lambda: after.append(database.write("x")))
    assert real.begun.wait(WAIT_S)
    dying = pool.submit(agents.end, ["a"])
    with pytest.raises(TimeoutError):
        dying.result(0.05)
    real.go_on.set()
    dying.result(WAIT_S)
    working.result(WAIT_S)
    assert (real.done, after) == (1, []), "it is written, and nobody lives to hear of it"


def test_nobody_wakes_up_dead(agents, pool):
    class Slow(Clock):
        asleep, wake = threading.Event(), threading.Event()

        def sleep(self, seconds):
            self.asleep.set()
            assert self.wake.wait(WAIT_S)

    inner = Slow()
    clock, woke = lives.LivingClock(agents, inner), []

    def work():
        clock.sleep(60)
        woke.append(1)

    done = pool.submit(agents.act_as, "a", work)
    assert inner.asleep.wait(WAIT_S)
    agents.end(["a"])
    inner.wake.set()
    done.result(WAIT_S)
    assert woke == []
