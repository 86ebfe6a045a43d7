import pytest

from novasim.scheduler.filters.core import CoreFilter


@pytest.mark.parametrize(("total", "used", "asked", "ratio", "passes"), [
    (4, 0, 4, 1.0, True),
    (4, 0, 5, 1.0, False),
    (4, 60, 4, 16.0, True),
    (4, 61, 4, 16.0, False),
    (3, 4, 1, 1.5, False),              # 4.5 - 4 is half a CPU
    (0, 0, 100, 16.0, True),            # a host that does not say
])
def test_rule(make_conf, make_fleet, make_request, total, used, asked, ratio, passes):
    conf = make_conf({"filter_scheduler.cpu_allocation_ratio": ratio})
    hosts = make_fleet({"vcpus": total, "vcpus_used": used})
    assert CoreFilter(conf).passes(hosts, make_request(vcpus=asked)).tolist() == [passes]


@pytest.mark.parametrize(("total", "limits"), [(4, {"vcpu": 64.0}), (0, {})])
def test_limit_is_the_total_times_the_ratio(make_conf, make_fleet, make_request, total, limits):
    assert CoreFilter(make_conf()).limits(make_fleet({"vcpus": total}), make_request(), 0) == limits


def test_reason_has_the_numbers(make_conf, make_fleet, make_request):
    hosts = make_fleet({"vcpus": 4, "vcpus_used": 62})
    assert CoreFilter(make_conf()).reasons(hosts, make_request(vcpus=8), [0]) == ["8 VCPUs asked, 2 of 64 free"]
