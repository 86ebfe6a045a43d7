"""The plan of a replay: flavors, who can grow to what, and that the seed alone decides."""

import pytest

from novasim.cli import replay_plan
from novasim.cli.trace_azure import Event, Shape, Vm

SIZES = {"a": (1, 0.75), "b": (1, 1.75), "d": (16, 112), "e": (2, 14), "k": (4, 7)}
SHAPES = {letter: Shape(letter, *size) for letter, size in SIZES.items()}


def events(letters):
    return [Event(Vm(number, 0, letter, None)) for number, letter in enumerate(letters)]


def test_flavor():
    flavor = replay_plan.flavor_of(SHAPES["a"])
    assert (flavor["name"], flavor["ram"], flavor["vcpus"], flavor["disk"]) == ("azure.a", 768, 1, 10)
    assert replay_plan.flavor_of(SHAPES["d"])["disk"] == 160


@pytest.mark.parametrize(("letter", "growth"), [("a", "bdek"), ("k", "d"), ("e", "d"), ("d", "")])
def test_larger_is_more_memory_and_no_fewer_vcpus(letter, growth):
    assert replay_plan.larger(SHAPES[letter], SHAPES.values()) == list(growth)


def test_plan_is_decided_by_the_seed():
    plans = [list(replay_plan.jobs(events("abek" * 50), SHAPES, 0.5, seed)) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_share_of_all_or_none():
    assert not any(job.resize_to for job in replay_plan.jobs(events("abek"), SHAPES, 0, 1))
    plan = list(replay_plan.jobs(events("abekd" * 20), SHAPES, 1, 1))
    assert all(bool(job.resize_to) == (job.vm.letter != "d") for job in plan)


def test_about_the_share_is_resized():
    plan = [job for job in replay_plan.jobs(events("abek" * 50), SHAPES, 0.3, 1) if job.resize_to]
    assert 40 < len(plan) < 80


def test_ends_pass_through_and_do_not_disturb_the_choice():
    arrivals = events("abek" * 10)
    ended = arrivals[:20] + [Event(arrivals[0].vm, ends=True)] + arrivals[20:]
    plan = list(replay_plan.jobs(ended, SHAPES, 0.5, 1))
    assert plan[20] == replay_plan.Job(arrivals[0].vm, ends=True)
    assert plan[:20] + plan[21:] == list(replay_plan.jobs(arrivals, SHAPES, 0.5, 1))
