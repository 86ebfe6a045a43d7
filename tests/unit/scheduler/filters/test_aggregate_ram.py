import pytest

from novasim.scheduler.filters.aggregate_ram import AggregateRamFilter


@pytest.mark.spec("12.1/12")
@pytest.mark.parametrize(("ratios", "limit"), [
    ([], 1500.0), (["2.0"], 2000.0), (["16.0", "9.0"], 9000.0), (["1.0", "many"], 1500.0), (["0.5"], 500.0)])
def test_the_smallest_number_counts_not_the_first_text(make_conf, make_fleet, make_request, ratios, limit):
    hosts = make_fleet({"memory_mb": 1000}, {"memory_mb": 1000}, aggregates=[
        ((1,), {"ram_allocation_ratio": ratio}) for ratio in ratios])
    one = AggregateRamFilter(make_conf({"filter_scheduler.ram_allocation_ratio": 1.5}))
    assert one.limits(hosts, make_request(), 0) == {"memory_mb": limit}
    assert one.passes(hosts, make_request(memory_mb=int(limit))).tolist() == [True, limit <= 1500]
    assert one.passes(hosts, make_request(memory_mb=int(limit) + 1)).tolist() == [False, limit < 1500]


def test_reason_has_the_aggregates_numbers(make_conf, make_fleet, make_request):
    hosts = make_fleet({"memory_mb": 1000}, aggregates=[((1,), {"ram_allocation_ratio": "2"})])
    assert AggregateRamFilter(make_conf()).reasons(hosts, make_request(memory_mb=3000), [0]) == [
        "3000 MB of memory asked, 2000 of 2000 MB free"]
