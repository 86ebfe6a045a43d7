import pytest

from novasim.scheduler.filters.server_group_affinity import ServerGroupAffinityFilter


@pytest.mark.parametrize(("policy", "others", "passes"), [
    ("affinity", {}, [True, True, True]),                       # the first of its group
    ("affinity", {"cmp-2": 1}, [False, True, False]),
    ("affinity", {"cmp-2": 3, "cmp-3": 1}, [False, True, True]),
    ("affinity", {"gone": 1}, [False, False, False]),
    ("anti-affinity", {"cmp-2": 1}, [True, True, True]),
    ("soft-affinity", {"cmp-2": 1}, [True, True, True]),
    (None, {}, [True, True, True]),
])
def test_rule(passing, make_conf, make_fleet, make_request, policy, others, passes):
    spec = make_request(group_policy=policy, group_hosts=others)
    assert passing(ServerGroupAffinityFilter(make_conf()), make_fleet({}, {}, {}), spec) == passes


def test_reason_names_the_hosts_of_the_others(make_conf, make_fleet, make_request):
    spec = make_request(group_policy="affinity", group_hosts={"cmp-3": 1, "cmp-2": 1})
    assert ServerGroupAffinityFilter(make_conf()).reason(make_fleet({}, {}, {}), spec, 0) == (
        "the server group's others are on cmp-2, cmp-3")
