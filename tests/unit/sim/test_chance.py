"""Streams of chance below one seed."""

from novasim.sim.chance import Chance


def test_streams_do_not_shift_each_other():
    first, second = Chance(7), Chance(7)
    first.stream("other").random()
    assert first.stream("a").random() == second.stream("a").random()
    assert first.stream("a").random() != first.stream("b").random()


def test_a_run_without_a_seed_tells_the_one_it_drew():
    drawn = Chance()
    assert Chance(drawn.seed).stream("a").random() == drawn.stream("a").random()
