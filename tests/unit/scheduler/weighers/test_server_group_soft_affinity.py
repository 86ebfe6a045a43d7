import pytest

from novasim.scheduler.weighers.server_group_soft_affinity import ServerGroupSoftAffinityWeigher


@pytest.mark.parametrize(("policy", "raw"), [("soft-affinity", [0, 3, 1]), ("soft-anti-affinity", [0, 0, 0]),
                                             ("affinity", [0, 0, 0]), (None, [0, 0, 0])])
def test_raw_value_is_the_number_of_the_groups_servers(make_conf, make_fleet, make_request, policy, raw):
    spec = make_request(group_policy=policy, group_hosts={"cmp-2": 3, "cmp-3": 1, "gone": 5})
    assert ServerGroupSoftAffinityWeigher(make_conf()).raw(make_fleet({}, {}, {}), spec).tolist() == raw


def test_multiplier_is_the_option(make_conf):
    conf = make_conf({"filter_scheduler.soft_affinity_weight_multiplier": 2.5})
    assert ServerGroupSoftAffinityWeigher(conf).multiplier == 2.5
