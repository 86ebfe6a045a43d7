import pytest

from novasim import exceptions
from novasim.launch.whatif import grow

# Hosts `medium`: 16 vCPUs, 65536 MB of which 512 are kept, 2048 GB.


@pytest.mark.parametrize(("ratios", "flavor", "servers", "ran_out"), [
    ({"ram_allocation_ratio": 1.0}, "small", 2 * 31, "memory"),
    ({"cpu_allocation_ratio": 1.0}, "small", 2 * 16, "vCPUs"),
    ({"cpu_allocation_ratio": 1.0}, "large", 2 * 1, "vCPUs"),
    ({"disk_allocation_ratio": 0.1}, "small", 2 * 20, "disk"),
    ({"enabled_filters": ["NumInstancesFilter"], "max_instances_per_host": 7}, "small", 14, "NumInstancesFilter")])
def test_what_runs_out_and_when(make_policy, make_arrivals, ratios, flavor, servers, ran_out):
    growth = grow.Growth(make_policy(**ratios), make_arrivals((0, None, flavor)), 2, "medium", rate=10)
    full = growth.play(0, 0)
    assert (full.servers, full.ran_out, full.flavor, full.largest_flavor) == (servers, ran_out, flavor, "none")
    assert full.vcpus_used == pytest.approx(servers * (1 if flavor == "small" else 16) / 32)


def test_time_goes_by_the_rate(make_policy, make_arrivals):
    mix, policy = make_arrivals((0, None, "small")), make_policy()
    slow, fast = (grow.Growth(policy, mix, 20, "medium", rate).play(1, 0) for rate in (1, 24))
    assert slow.servers == fast.servers
    assert slow.days == pytest.approx(24 * fast.days)
    assert slow.days == pytest.approx(slow.servers / 24, rel=0.2)


def test_runs_differ_by_number_and_not_by_time(make_policy, make_arrivals):
    mix = make_arrivals((0, 10, "small"), (0, 10, "large"), (20, 20, "small"))
    growth = grow.Growth(make_policy(), mix, 3, "medium", 1)
    first = [growth.play(5, number) for number in range(4)]
    assert [growth.play(5, number) for number in range(4)] == first
    assert len({one.days for one in first}) == 4


def test_a_policy_that_refuses_nobody_is_told(make_policy, make_arrivals):
    growth = grow.Growth(make_policy("open", enabled_filters=["ComputeFilter"]), make_arrivals((0, None, "small")), 1,
                         "small", 1)
    with pytest.raises(exceptions.Invalid, match="policy open: the fleet is not full with 1000 servers"):
        growth.play(0, 0)


def test_the_band_of_runs():
    runs = [grow.Full(servers, servers / 2, "f" if servers < 30 else "g", "memory", 0.5, 1.0, 0.25, "none")
            for servers in range(0, 41, 10)]
    assert grow.summary("p", runs) == {
        "policy": "p", "runs": 5, "servers_5": 2, "servers_50": 20, "servers_95": 38, "days_5": 1, "days_50": 10,
        "days_95": 19, "ran_out": "memory", "refused": "f (3 of 5)", "still_placeable": "none", "memory_used": 50.0,
        "vcpus_used": 100.0, "disk_used": 25.0}
