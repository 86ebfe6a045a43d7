"""The hosts that are tried after the chosen one: which, how many, and with what ceilings."""

import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novasim.scheduler.pipeline import Pipeline

FREE = [{"memory_mb_used": used} for used in (4096, 1024, 3072, 2048)]


@pytest.fixture(scope="module")
def make_pipeline(make_conf):
    """By free memory alone."""
    def make(overrides=None, seed=1):
        conf = make_conf({"filter_scheduler.weight_classes": ["novasim.scheduler.weighers.ram.RAMWeigher"]}
                         | (overrides or {}))
        return Pipeline.configured(conf, random.Random(seed))
    return make


def names(selections):
    return [one.host for one in selections]


@pytest.mark.parametrize(("spare", "expected"), [(1, ["cmp-4"]), (2, ["cmp-4", "cmp-3"]),
                                                 (9, ["cmp-4", "cmp-3", "cmp-1"])])
def test_the_next_of_the_same_list(make_pipeline, make_fleet, make_request, spare, expected):
    [chosen] = make_pipeline().decide(make_fleet(*FREE), make_request(), spare=spare).selections
    assert (chosen.host, names(chosen.alternates)) == ("cmp-2", expected)


def test_each_has_its_own_ceilings_and_nothing_of_it_is_given_away(make_pipeline, make_fleet, make_request):
    hosts = make_fleet({"memory_mb": 8192}, {"memory_mb": 4096, "vcpus": 2})
    [chosen] = make_pipeline().decide(hosts, make_request(), spare=1).selections
    [other] = chosen.alternates
    assert (other.host, other.nodename, other.limits) == (
        "cmp-2", "cmp-2", {"memory_mb": 6144.0, "vcpu": 32.0, "disk_gb": 100.0})
    assert hosts.free_ram_mb.tolist() == [7168, 4096]


def test_nobody_asked(make_pipeline, make_fleet, make_request):
    [chosen] = make_pipeline().decide(make_fleet(*FREE), make_request()).selections
    assert not chosen.alternates


def test_who_forces_a_host_is_given_no_other(make_pipeline, make_fleet, make_request):
    [chosen] = make_pipeline().decide(make_fleet(*FREE), make_request(force_hosts=frozenset({"cmp-1"})),
                                      spare=2).selections
    assert (chosen.host, chosen.alternates or []) == ("cmp-1", [])


def test_several_servers_share_what_is_left_when_all_have_a_host(make_pipeline, make_fleet, make_request):
    """The hosts that were chosen have less room by now; of the others only those that still pass."""
    hosts = make_fleet(*FREE, {"memory_mb": 8192, "memory_mb_used": 11500})
    first, second = make_pipeline().decide(hosts, make_request(servers=2), spare=9).selections
    assert names([first, second]) == ["cmp-2", "cmp-2"]
    assert names(first.alternates) == names(second.alternates) == ["cmp-4", "cmp-3", "cmp-1"]


def test_the_rest_of_a_subset_stays_in_order(make_pipeline, make_fleet, make_request):
    """The host is drawn from the best two; the other one comes next."""
    pipeline = make_pipeline({"filter_scheduler.host_subset_size": 2})
    seen = set()
    for _ in range(20):
        [chosen] = pipeline.decide(make_fleet(*FREE), make_request(), spare=2).selections
        seen.add((chosen.host, *names(chosen.alternates)))
    assert seen == {("cmp-2", "cmp-4", "cmp-3"), ("cmp-4", "cmp-2", "cmp-3")}


def test_equals_are_shuffled_as_a_whole(make_pipeline, make_fleet, make_request):
    pipeline = make_pipeline({"filter_scheduler.shuffle_best_same_weighed_hosts": True})
    seen = set()
    for _ in range(60):
        [chosen] = pipeline.decide(make_fleet({}, {}, {}, {"memory_mb_used": 1}), make_request(), spare=3).selections
        seen.add((chosen.host, *names(chosen.alternates)))
    assert len(seen) == 6
    assert {order[3] for order in seen} == {"cmp-4"}


class EvenFilter:
    """One host at a time."""

    def host_passes(self, host_state, spec):
        return int(host_state.host[-1]) % 2 == 0


def test_a_filter_of_one_host_at_a_time_has_a_say(make_pipeline, make_fleet, make_request):
    pipeline = make_pipeline({"filter_scheduler.enabled_filters": [f"{__name__}.EvenFilter", "RamFilter"]})
    for servers in (1, 2):
        chosen = pipeline.decide(make_fleet(*FREE, {}, {}), make_request(servers=servers), spare=9).selections
        assert set(names(chosen)) | set(names(chosen[0].alternates)) == {"cmp-2", "cmp-4", "cmp-6"}


@given(used=st.lists(st.integers(0, 12288), min_size=1, max_size=12), spare=st.integers(0, 6),
       servers=st.integers(1, 3), size=st.integers(1, 4), seed=st.integers(0, 9))
def test_asking_for_alternates_changes_nothing_else(make_pipeline, make_fleet, make_request, used, spare, servers, size,
                                                   seed):
    """The same hosts are chosen as without. Alternates pass, are others, each once, as many as there are, in order."""
    fleet = [{"memory_mb_used": amount} for amount in used]

    def decide(spare):
        pipeline = make_pipeline({"filter_scheduler.host_subset_size": size}, seed)
        return pipeline.decide(make_fleet(*fleet), make_request(servers=servers), spare=spare)

    plain, found = decide(0), decide(spare)
    assert names(plain.selections) == names(found.selections)
    assert (plain.rejected, plain.steps) == (found.rejected, found.steps)
    for chosen in found.selections:
        others = names(chosen.alternates or [])
        fit = {f"cmp-{row}" for row, amount in enumerate(used, 1) if 12288 - amount >= 1024}
        assert len(set(others)) == len(others) == min(spare, len(fit - set(names(found.selections))))
        assert set(others) <= fit - set(names(found.selections))
        if size == 1:
            free = [max(8192 - used[int(name.removeprefix("cmp-")) - 1], 0) for name in others]
            assert free == sorted(free, reverse=True)


def test_so_many_as_there_may_be_attempts(make_conf):
    """The driver asks for one less than [scheduler] max_attempts; see tests/functional for the whole way."""
    from novasim.scheduler.driver import FilterScheduler
    from novasim.sim.chance import Chance
    for attempts in (1, 3, 5):
        made = FilterScheduler(make_conf({"scheduler.max_attempts": attempts}), SimpleNamespace(), SimpleNamespace(),
                               Chance(1))
        assert made._spare == attempts - 1
