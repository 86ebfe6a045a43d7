"""Books of stages: which entry is drawn, what it costs, and what is wrong with a bad one."""

from importlib import resources
from random import Random

import pytest

from novasim import exceptions
from novasim.sim.clock import Clock
from novasim.sim.stages import StageBook


class Sleeper(Clock):
    def __init__(self):
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)


def book(text, seed=1):
    clock = Sleeper()
    return StageBook.parse(text, clock, Random(seed)), clock


@pytest.mark.parametrize(("text", "told"), [
    ("{", "book of stages"), ("[]x", "book of stages"), ("- a", "has the keys"), ("speed: 1", "has the keys"),
    ("stages: 5", "not a list"), ("stages: [5]", "no mapping"), ("stages: [{name: a}]", "stage a: when.op"),
    ("stages: [{name: a, when: {op: fly}}]", "'fly' is none of"), ("stages: [{when: x}]", "when: 'x' is no mapping"),
    ("stages: [{when: {op: spawn}, result: x}]", "result: 'x' is no mapping"),
    ("stages: [{when: {op: spawn}, delay_s: soon}]", "delay_s: 'soon'"),
    ("stages: [{when: {op: spawn}, jitter_s: -1}]", "jitter_s: -1"),
    ("stages: [{when: {op: spawn}, weight: heavy}]", "weight: 'heavy'"),
    ("stages: [{when: {op: spawn}, delay_s: true}]", "delay_s: True"),
    ("stages: [{when: {op: spawn}, dealy_s: 1}]", "unknown key 'dealy_s'")])
def test_a_bad_book_is_told_by_entry_and_key(text, told):
    with pytest.raises(exceptions.Invalid, match=told):
        book(text)


def test_time_is_spent():
    stages, clock = book("stages: [{when: {op: spawn, host: 'a*'}, delay_s: 2, jitter_s: 1}]")
    for host in ("a1", "b1", "a2"):
        stages.play("spawn", host)
    stages.play("destroy", "a1")
    assert len(clock.slept) == 2
    assert all(2 <= seconds < 3 for seconds in clock.slept)
    assert stages.copy_disks is False


def test_weights_and_results():
    stages, _ = book("{copy_disks: true, stages: [{when: {op: spawn}, weight: 3}, "
                     "{when: {op: spawn}, weight: 1, result: {raise: no boot}}]}", seed=5)
    failed = 0
    for _ in range(400):
        try:
            stages.play("spawn", "a")
        except exceptions.FaultInjected as error:
            failed += error.text == "no boot"
    assert 60 < failed < 140
    assert stages.copy_disks is True


@pytest.mark.parametrize("path", [path.name for path in (resources.files("novasim.etc") / "stages").iterdir()])
def test_our_own_books_can_be_read(path):
    book((resources.files("novasim.etc") / "stages" / path).read_text())
