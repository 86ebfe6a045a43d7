import pytest

from novasim.scheduler.filters.compute import ComputeFilter


@pytest.mark.parametrize(("host", "passes"), [
    ({}, True),
    ({"silent": 60}, True),
    ({"silent": 60.000001}, False),
    ({"silent": None}, False),
    ({"disabled": True}, False),
    ({"forced_down": True}, False),
    ({"silent": -5}, True),             # the host's clock is ahead
])
def test_rule(make_conf, make_fleet, make_request, host, passes):
    assert ComputeFilter(make_conf()).passes(make_fleet(host), make_request()).tolist() == [passes]


def test_a_down_time_below_the_report_interval_is_raised(make_conf, make_fleet, make_request):
    conf = make_conf({"service_down_time": 5, "report_interval": 10})
    hosts = make_fleet({"silent": 25}, {"silent": 26})
    assert ComputeFilter(conf).passes(hosts, make_request()).tolist() == [True, False]


@pytest.mark.parametrize(("host", "reason"), [
    ({"disabled": True, "silent": 99}, "its service is disabled"),
    ({"forced_down": True}, "its service is forced down"),
    ({"silent": None}, "its service was never heard of"),
    ({"silent": 75}, "no heartbeat for 75 s"),
])
def test_reason(make_conf, make_fleet, make_request, host, reason):
    assert ComputeFilter(make_conf()).reason(make_fleet(host), make_request(), 0) == reason
