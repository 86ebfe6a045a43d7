import pytest

from novasim.scheduler.filters.disk import DiskFilter


@pytest.mark.parametrize(("host", "asked", "ratio", "passes"), [
    ({"local_gb": 100}, {"root_gb": 100}, 1.0, True),
    ({"local_gb": 100}, {"root_gb": 60, "ephemeral_gb": 41}, 1.0, False),
    ({"local_gb": 100}, {"root_gb": 100, "swap": 1}, 1.0, False),           # swap counts, in MB
    ({"local_gb": 100}, {"root_gb": 99, "swap": 1024}, 1.0, True),
    ({"local_gb": 100, "local_gb_used": 90}, {"root_gb": 10}, 1.0, True),
    ({"local_gb": 100, "local_gb_used": 90}, {"root_gb": 11}, 1.0, False),
    ({"local_gb": 100, "local_gb_used": 140}, {"root_gb": 10}, 1.5, True),
    ({"local_gb": 100, "local_gb_used": 141}, {"root_gb": 10}, 1.5, False),
    ({"local_gb": 100, "disk_available_least": 5}, {"root_gb": 6}, 1.0, False),
    ({"local_gb": 100, "disk_available_least": 5}, {"root_gb": 5}, 1.0, True),
    ({"local_gb": 100, "local_gb_used": 98, "disk_available_least": 50}, {"root_gb": 3}, 1.0, False),
])
def test_rule(make_conf, make_fleet, make_request, host, asked, ratio, passes):
    conf = make_conf({"filter_scheduler.disk_allocation_ratio": ratio})
    assert DiskFilter(conf).passes(make_fleet(host), make_request(**asked)).tolist() == [passes]


def test_limit_is_the_total_times_the_ratio_in_gb(make_conf, make_fleet, make_request):
    conf = make_conf({"filter_scheduler.disk_allocation_ratio": 1.5})
    assert DiskFilter(conf).limits(make_fleet({"local_gb": 100}), make_request(), 0) == {"disk_gb": 150.0}


def test_reason_has_the_numbers(make_conf, make_fleet, make_request):
    hosts = make_fleet({"local_gb": 10, "local_gb_used": 8})
    [text] = DiskFilter(make_conf()).reasons(hosts, make_request(root_gb=3, swap=8), [0])
    assert text == "3080 MB of disk asked, 2048 of 10240 MB free"
