import numpy as np
import pytest

from novasim.scheduler.weighers.server_group_soft_affinity import ServerGroupSoftAffinityWeigher


@pytest.mark.parametrize(("policy", "raw"), [("soft-affinity", [0, 3, 1]), ("soft-anti-affinity", None),
                                             ("affinity", None), (None, None)])
def test_raw_value_is_the_number_of_the_groups_servers(make_conf, make_fleet, make_request, policy, raw):
    spec = make_request(group_policy=policy, group_hosts={"cmp-2": 3, "cmp-3": 1, "gone": 5})
    got = ServerGroupSoftAffinityWeigher(make_conf()).raw(make_fleet({}, {}, {}), spec, np.arange(3))
    assert (None if got is None else got.tolist()) == raw


def test_multiplier_is_the_option(make_conf):
    conf = make_conf({"filter_scheduler.soft_affinity_weight_multiplier": 2.5})
    assert ServerGroupSoftAffinityWeigher(conf).multiplier == 2.5
