import pytest

from novasim.scheduler.filters.server_group_anti_affinity import ServerGroupAntiAffinityFilter


@pytest.mark.parametrize(("policy", "most", "others", "passes"), [
    ("anti-affinity", 1, {}, [True, True, True]),
    ("anti-affinity", 1, {"cmp-2": 1, "gone": 4}, [True, False, True]),
    ("anti-affinity", 3, {"cmp-1": 3, "cmp-2": 2, "cmp-3": 4}, [False, True, False]),
    ("affinity", 1, {"cmp-2": 1}, [True, True, True]),
    ("soft-anti-affinity", 1, {"cmp-2": 1}, [True, True, True]),
    (None, 1, {}, [True, True, True]),
])
def test_rule(passing, make_conf, make_fleet, make_request, policy, most, others, passes):
    spec = make_request(group_policy=policy, group_hosts=others, max_server_per_host=most)
    assert passing(ServerGroupAntiAffinityFilter(make_conf()), make_fleet({}, {}, {}), spec) == passes


def test_the_own_host_of_a_server_that_moves_passes(make_conf, make_fleet, make_request):
    spec = make_request(group_policy="anti-affinity", group_hosts={"cmp-1": 1, "cmp-2": 1}, own_host="cmp-2")
    assert ServerGroupAntiAffinityFilter(make_conf()).passes(make_fleet({}, {}, {}), spec).tolist() == [
        False, True, True]


def test_both_nodes_of_a_host_are_the_host(make_conf, make_fleet, make_request):
    hosts = make_fleet({"host": "a", "hypervisor_hostname": "n1"}, {"host": "a", "hypervisor_hostname": "n2"}, {})
    spec = make_request(group_policy="anti-affinity", group_hosts={"a": 1})
    assert ServerGroupAntiAffinityFilter(make_conf()).passes(hosts, spec).tolist() == [False, False, True]


def test_reason_has_the_numbers(make_conf, make_fleet, make_request):
    spec = make_request(group_policy="anti-affinity", group_hosts={"cmp-1": 2}, max_server_per_host=2)
    assert ServerGroupAntiAffinityFilter(make_conf()).reason(make_fleet({}), spec, 0) == (
        "has 2 others of the server group, 2 may be together")
