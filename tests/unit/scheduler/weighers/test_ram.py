import numpy as np
import pytest

from novasim import exceptions
from novasim.scheduler import weighers
from novasim.scheduler.weighers.ram import RAMWeigher


def test_raw_value_is_the_free_memory(make_conf, make_fleet, make_request):
    hosts = make_fleet({"memory_mb": 1000, "memory_mb_used": 1500}, {"memory_mb": 4000})
    assert RAMWeigher(make_conf()).raw(hosts, make_request(), np.array([0, 1])).tolist() == [-500, 4000]


def test_multiplier_is_the_option(make_conf):
    assert RAMWeigher(make_conf({"filter_scheduler.ram_weight_multiplier": -2.5})).multiplier == -2.5


def test_a_path_that_leads_nowhere_is_named(make_conf):
    with pytest.raises(exceptions.ConfigurationError, match="weight_classes: no.such.Weigher"):
        weighers.load(make_conf({"filter_scheduler.weight_classes": ["no.such.Weigher"]}))
