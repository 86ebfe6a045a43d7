from novasim.scheduler.filters.aggregate_core import AggregateCoreFilter


def test_each_host_has_the_ratio_of_its_aggregates(make_conf, make_fleet, make_request):
    hosts = make_fleet({"vcpus": 4}, {"vcpus": 4}, {"vcpus": 4}, {"vcpus": 0}, aggregates=[
        ((1, 2, 4), {"cpu_allocation_ratio": "2"}), ((2,), {"cpu_allocation_ratio": "1"})])
    one = AggregateCoreFilter(make_conf({"filter_scheduler.cpu_allocation_ratio": 16.0}))
    assert one.passes(hosts, make_request(vcpus=4)).tolist() == [True, True, True, True]
    assert one.passes(hosts, make_request(vcpus=5)).tolist() == [True, False, True, True]
    assert one.passes(hosts, make_request(vcpus=9)).tolist() == [False, False, True, True]
    assert [one.limits(hosts, make_request(), row) for row in range(4)] == [
        {"vcpu": 8.0}, {"vcpu": 4.0}, {"vcpu": 64.0}, {}]
    assert one.reasons(hosts, make_request(vcpus=9), [0]) == ["9 VCPUs asked, 8 of 8 free"]
