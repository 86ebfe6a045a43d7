import numpy as np
import pytest

from novasim import exceptions
from novasim.scheduler import weighers
from novasim.scheduler.weighers.ram import RAMWeigher


def test_raw_value_is_the_free_memory(make_conf, make_fleet, make_request):
    hosts = make_fleet({"memory_mb": 1000, "memory_mb_used": 1500}, {"memory_mb": 4000})
    assert RAMWeigher(make_conf()).raw(hosts, make_request()).tolist() == [-500, 4000]


def test_multiplier_is_the_option(make_conf):
    assert RAMWeigher(make_conf({"filter_scheduler.ram_weight_multiplier": -2.5})).multiplier == -2.5


@pytest.mark.parametrize(("free", "weights"), [
    ([1000, 4000, 8000], [0.125, 0.5, 1.0]),
    ([4000], [1.0]),
    ([0, 0], [0.0, 0.0]),
    ([4000, 4000], [1.0, 1.0]),
    ([-500, 500, 1500], [0.0, 0.5, 1.0]),
    ([-500], [0.0]),
    ([-500, -100], [0.0, 1.0]),
])
def test_normalised_between_its_bounds(free, weights):
    got = weighers.normalize(np.array(free), RAMWeigher.minval, RAMWeigher.maxval)
    assert got.tolist() == weights


@pytest.mark.parametrize(("raw", "low", "high", "weights"), [
    ([1, 2, 3], None, None, [0.0, 0.5, 1.0]),
    ([7, 7], None, None, [0.0, 0.0]),
    ([5], 0, 10, [0.5]),
    ([5, 20], 0, 10, [0.25, 1.0]),
])
def test_bounds_that_are_declared_or_not(raw, low, high, weights):
    assert weighers.normalize(np.array(raw), low, high).tolist() == weights


def test_default_weighers(make_conf):
    assert [one.name for one in weighers.load(make_conf())] == [
        "RAMWeigher", "ServerGroupSoftAffinityWeigher", "ServerGroupSoftAntiAffinityWeigher"]


def test_a_path_that_leads_nowhere_is_named(make_conf):
    with pytest.raises(exceptions.ConfigurationError, match="weight_classes: no.such.Weigher"):
        weighers.load(make_conf({"filter_scheduler.weight_classes": ["no.such.Weigher"]}))
