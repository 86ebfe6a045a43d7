import pytest

from novasim.scheduler.filters.ram import RamFilter


@pytest.mark.parametrize(("total", "used", "asked", "ratio", "passes"), [
    (1000, 0, 1000, 1.0, True),
    (1000, 0, 1001, 1.0, False),
    (1000, 0, 1500, 1.5, True),
    (1000, 0, 1501, 1.5, False),
    (1000, 1200, 300, 1.5, True),       # free_ram_mb is negative
    (1000, 1200, 301, 1.5, False),
    (1000, 1600, 0, 1.5, False),        # over its limit already
    (0, 0, 1, 1.5, False),
])
def test_rule(make_conf, make_fleet, make_request, total, used, asked, ratio, passes):
    conf = make_conf({"filter_scheduler.ram_allocation_ratio": ratio})
    hosts = make_fleet({"memory_mb": total, "memory_mb_used": used})
    assert RamFilter(conf).passes(hosts, make_request(memory_mb=asked)).tolist() == [passes]


def test_limit_is_the_total_times_the_ratio(make_conf, make_fleet, make_request):
    hosts = make_fleet({"memory_mb": 1000}, {"memory_mb": 3000, "memory_mb_used": 2000})
    assert RamFilter(make_conf()).limits(hosts, make_request(), 1) == {"memory_mb": 4500.0}


def test_reason_has_the_numbers(make_conf, make_fleet, make_request):
    hosts = make_fleet({"memory_mb": 1000, "memory_mb_used": 1200})
    [text] = RamFilter(make_conf()).reasons(hosts, make_request(memory_mb=512), [0])
    assert text == "512 MB of memory asked, 300 of 1500 MB free"
