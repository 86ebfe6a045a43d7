import pytest

from novasim.scheduler.filters.retry import RetryFilter


@pytest.mark.parametrize(("tried", "passes"), [
    ([], [True, True, True]),
    ([("a", "a")], [False, True, True]),
    ([("a", "a"), ("b", "n1")], [False, False, True]),
    ([("b", "n2")], [True, True, False]),       # the host is not enough: the node counts too
    ([("a", "n1"), ("gone", "gone")], [True, True, True]),
])
def test_rule(passing, make_conf, make_fleet, make_request, tried, passes):
    hosts = make_fleet({"host": "a"}, {"host": "b", "hypervisor_hostname": "n1"},
                       {"host": "b", "hypervisor_hostname": "n2"})
    one = RetryFilter(make_conf())
    assert passing(one, hosts, make_request(tried_hosts=frozenset(tried))) == passes


def test_reason(make_conf, make_fleet, make_request):
    text = RetryFilter(make_conf()).reason(make_fleet({}), make_request(), 0)
    assert text == "already tried for this request"
