"""Filters and weighers of one host at a time: the same answers as columns give, from as few questions as will do."""

import random
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novasim.scheduler import filters
from novasim.scheduler.per_host import PerHostFilter, PerHostWeigher
from novasim.scheduler.pipeline import Pipeline
from novasim.scheduler.weighers.ram import RAMWeigher


class Plain:
    """As operators write one: without a constructor, and with nothing but the method."""

    def host_passes(self, host_state, spec):
        return host_state.free_ram_mb >= 4 * spec.flavor.memory_mb


class Counting:
    """Lets pass the hosts with an even last digit, and counts what it is asked."""

    name = "CountingFilter"

    def __init__(self, conf):
        self.asked = []

    def host_passes(self, host_state, spec):
        self.asked.append(host_state.host)
        host_state.limits["memory_mb"] = 7.0
        return int(host_state.host[-1]) % 2 == 0


class Fewest:
    minval = 0

    def weight_multiplier(self, host_state):
        return -2.0

    def _weigh_object(self, host_state, spec):
        return host_state.num_instances


@pytest.mark.parametrize("made", [Plain, Counting])
def test_loaded_by_path(make_conf, monkeypatch, made):
    monkeypatch.setitem(sys.modules, "operators_own", sys.modules[__name__])
    for options in ({"enabled_filters": [f"operators_own.{made.__name__}"]},
                    {"enabled_filters": [getattr(made, "name", made.__name__)],
                     "available_filters": [f"operators_own.{made.__name__}"]}):
        [one] = filters.load(make_conf({f"filter_scheduler.{key}": value for key, value in options.items()}))
        assert (type(one), one.name) == (PerHostFilter, getattr(made, "name", made.__name__))


def test_a_plain_filter_sees_what_filters_see(make_conf, make_fleet, make_request):
    pipeline = Pipeline([PerHostFilter(Plain, make_conf())], [], 1, random.Random(1))
    decision = pipeline.decide(make_fleet({"memory_mb_used": 8000}, {"memory_mb_used": 4096}), make_request())
    assert [one.host for one in decision.selections] == ["cmp-2"]


def test_none_passes(make_conf, make_fleet, make_request):
    decision = Pipeline([PerHostFilter(Plain, make_conf())], [RAMWeigher(make_conf())], 1, random.Random(1)).decide(
        make_fleet({}, {"memory_mb": 9000}), make_request(memory_mb=8000))
    assert decision.summary == "0 of 2: 2 Plain; e.g. cmp-1: does not pass"


def test_few_are_asked_and_the_limits_are_taken_over(make_conf, make_fleet, make_request):
    filter_ = PerHostFilter(Counting, make_conf())
    hosts = make_fleet(*({"memory_mb": 100_000 - number} for number in range(500)))
    decision = Pipeline([filter_], [RAMWeigher(make_conf())], 1, random.Random(1)).decide(hosts, make_request())
    assert decision.selections[0].host == "cmp-2"
    assert decision.selections[0].limits == {"memory_mb": 7.0}
    assert len(filter_._one.asked) < 10


def test_a_host_state_is_made_again_when_the_row_changed(make_fleet, make_request):
    hosts = make_fleet({}, servers=[])
    assert hosts.state(0) is hosts.state(0)
    before = hosts.consume(0, make_request().flavor)
    assert (hosts.state(0).free_ram_mb, hosts.state(0).num_instances) == (7168, 1)
    hosts.undo(before)
    assert (hosts.state(0).free_ram_mb, hosts.state(0).num_instances) == (8192, 0)


def test_what_a_host_state_says(make_fleet):
    hosts = make_fleet({"stats": '{"gpu": 1}', "local_gb_used": 3, "metrics": '[{"name": "a", "value": 2}]'},
                       aggregates=[((1,), {"k": "v"})],
                       servers=[(1, {"project_id": "p", "os_type": "linux", "task_state": "rebuilding"})])
    state = hosts.state(0)
    assert state.stats == {"gpu": 1, "num_instances": 1, "io_workload": 1, "num_proj_p": 1, "num_vm_active": 1,
                           "num_task_rebuilding": 1, "num_os_type_linux": 1}
    assert (state.disk_mb_used, state.metrics, state.aggregates[0].metadata) == (3072, {"a": 2.0}, {"k": "v"})
    assert (state.service["disabled"], list(state.instances), state.nodename) == (False, ["there-0"], "cmp-1")


def test_a_plain_weigher_weighs(make_conf, make_fleet, make_request):
    weigher = PerHostWeigher(Fewest, make_conf())
    hosts = make_fleet({}, {}, {}, servers=[(1, {}), (1, {}), (3, {})])
    decision = Pipeline([], [weigher], 1, random.Random(1)).decide(hosts, make_request())
    assert decision.selections[0].host == "cmp-2"
    assert decision.rounds[0].weights.tolist() == [-2.0, 0.0, -1.0]


class Column:
    """A weigher over any numbers."""

    option = "any"
    name = "Column"

    def __init__(self, values, multiplier, minval):
        self._values = np.array(values, dtype="float64")
        self.multiplier, self.minval, self.maxval = multiplier, minval, None

    def raw(self, hosts, spec, rows):
        return self._values[rows]


class Allowed:
    name = "Allowed"

    def __init__(self, passes):
        self._passes = passes

    def passes(self, hosts, spec):
        return np.array(self._passes, dtype=bool)


@settings(deadline=None, max_examples=300)
@given(data=st.data(), count=st.integers(1, 40), size=st.integers(1, 4), shuffle=st.booleans(), widen=st.booleans(),
       servers=st.integers(1, 3), seed=st.integers(0, 9))
def test_asking_few_chooses_as_asking_all(make_conf, make_fleet, make_request, data, count, size, shuffle, widen,
                                          servers, seed):
    allowed = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    column = st.lists(st.integers(-3, 6), min_size=count, max_size=count)
    weighers = [Column(data.draw(column), data.draw(st.sampled_from([1.0, -1.0, 2.5])),
                       data.draw(st.sampled_from([None, 0.0]))) for _ in range(data.draw(st.integers(0, 3)))]

    class OneByOne:
        def host_passes(self, host_state, spec):
            return allowed[int(host_state.host.removeprefix("cmp-")) - 1]

    def choose(one):
        pipeline = Pipeline([one], weighers, size, random.Random(seed), widen, shuffle)
        decision = pipeline.decide(make_fleet(*({} for _ in range(count))), make_request(servers=servers))
        weights = [one.weights[one.drawn[one.chosen]] for one in decision.rounds]
        return [selection.host for selection in decision.selections], weights
    assert choose(PerHostFilter(OneByOne, make_conf())) == choose(Allowed(allowed))
