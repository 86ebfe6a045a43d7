from novasim.scheduler.filters.aggregate_disk import AggregateDiskFilter


def test_each_host_has_the_ratio_of_its_aggregates(make_conf, make_fleet, make_request):
    hosts = make_fleet({"local_gb": 100, "local_gb_used": 10}, {"local_gb": 100, "local_gb_used": 10},
                       aggregates=[((1,), {"disk_allocation_ratio": "1.5"})])
    one = AggregateDiskFilter(make_conf())
    assert one.passes(hosts, make_request(root_gb=90)).tolist() == [True, True]
    assert one.passes(hosts, make_request(root_gb=140)).tolist() == [True, False]
    assert one.passes(hosts, make_request(root_gb=140, swap=1)).tolist() == [False, False]
    assert [one.limits(hosts, make_request(), row) for row in range(2)] == [{"disk_gb": 150.0}, {"disk_gb": 100.0}]
    assert one.reasons(hosts, make_request(root_gb=200), [0]) == [
        "204800 MB of disk asked, 143360 of 153600 MB free"]
