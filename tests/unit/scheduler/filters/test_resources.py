"""Memory, CPUs and disk, at the boundaries: who passes, to what the claim is limited, and why another does not."""

import pytest

from novasim.scheduler import filters

RAM, CORE, DISK = ("ram_allocation_ratio", "cpu_allocation_ratio", "disk_allocation_ratio")


def ram(total, used=0):
    return {"memory_mb": total, "memory_mb_used": used}


def cpus(total, used=0):
    return {"vcpus": total, "vcpus_used": used}


def disk(total, used=0, **more):
    return {"local_gb": total, "local_gb_used": used} | more


# (filter, ratio of the option, the host, ratios of its aggregates, what fits just so, what just does not, limits)
CASES = [
    ("RamFilter", 1.0, ram(1000), [], {"memory_mb": 1000}, {"memory_mb": 1001}, {"memory_mb": 1000.0}),
    ("RamFilter", 1.5, ram(1000), [], {"memory_mb": 1500}, {"memory_mb": 1501}, {"memory_mb": 1500.0}),
    ("RamFilter", 1.5, ram(1000, 1200), [], {"memory_mb": 300}, {"memory_mb": 301}, {"memory_mb": 1500.0}),
    ("RamFilter", 1.5, ram(1000, 1600), [], None, {"memory_mb": 0}, {"memory_mb": 1500.0}),    # over it already
    ("RamFilter", 1.5, ram(0), ["2"], {"memory_mb": 0}, {"memory_mb": 1}, {"memory_mb": 0.0}),
    ("RamFilter", 1.5, ram(1000), ["2"], {"memory_mb": 1500}, {"memory_mb": 1501}, {"memory_mb": 1500.0}),
    *(pytest.param("AggregateRamFilter", 1.5, ram(1000), ratios, {"memory_mb": int(limit)},
                   {"memory_mb": int(limit) + 1}, {"memory_mb": limit}, marks=pytest.mark.spec("12.1/12"))
      for ratios, limit in (([], 1500.0), (["2.0"], 2000.0), (["16.0", "9.0"], 9000.0), (["1.0", "many"], 1500.0),
                            (["0.5"], 500.0))),
    ("CoreFilter", 1.0, cpus(4), [], {"vcpus": 4}, {"vcpus": 5}, {"vcpu": 4.0}),
    ("CoreFilter", 16.0, cpus(4, 60), [], {"vcpus": 4}, {"vcpus": 5}, {"vcpu": 64.0}),
    ("CoreFilter", 1.5, cpus(3, 4), [], {"vcpus": 0}, {"vcpus": 1}, {"vcpu": 4.5}),     # half a CPU is left
    ("CoreFilter", 16.0, cpus(0), [], {"vcpus": 100}, None, {}),                        # a host that does not say
    ("AggregateCoreFilter", 16.0, cpus(4), ["2"], {"vcpus": 8}, {"vcpus": 9}, {"vcpu": 8.0}),
    ("AggregateCoreFilter", 16.0, cpus(4), ["2", "1"], {"vcpus": 4}, {"vcpus": 5}, {"vcpu": 4.0}),
    ("AggregateCoreFilter", 16.0, cpus(4), [], {"vcpus": 64}, {"vcpus": 65}, {"vcpu": 64.0}),
    ("AggregateCoreFilter", 16.0, cpus(0), ["2"], {"vcpus": 100}, None, {}),
    ("DiskFilter", 1.0, disk(100), [], {"root_gb": 60, "ephemeral_gb": 40}, {"root_gb": 60, "ephemeral_gb": 41},
     {"disk_gb": 100.0}),
    ("DiskFilter", 1.0, disk(100), [], {"root_gb": 99, "swap": 1024}, {"root_gb": 100, "swap": 1}, {"disk_gb": 100.0}),
    ("DiskFilter", 1.0, disk(100, 90), [], {"root_gb": 10}, {"root_gb": 11}, {"disk_gb": 100.0}),
    ("DiskFilter", 1.5, disk(100, 140), [], {"root_gb": 10}, {"root_gb": 10, "swap": 1}, {"disk_gb": 150.0}),
    ("DiskFilter", 1.5, disk(100, 141), [], {"root_gb": 9}, {"root_gb": 10}, {"disk_gb": 150.0}),
    ("DiskFilter", 1.0, disk(100, disk_available_least=5), [], {"root_gb": 5}, {"root_gb": 6}, {"disk_gb": 100.0}),
    ("DiskFilter", 1.0, disk(100, 98, disk_available_least=50), [], {"root_gb": 2}, {"root_gb": 3},
     {"disk_gb": 100.0}),
    ("AggregateDiskFilter", 1.0, disk(100, 10), ["1.5"], {"root_gb": 140}, {"root_gb": 140, "swap": 1},
     {"disk_gb": 150.0}),
    ("AggregateDiskFilter", 1.0, disk(100, 10), [], {"root_gb": 90}, {"root_gb": 91}, {"disk_gb": 100.0}),
]


def make(make_conf, name, ratio):
    [made] = [one for one in filters.ALL if one.name == name]
    option = next(option for word, option in (("Ram", RAM), ("Core", CORE), ("Disk", DISK)) if word in name)
    return made(make_conf({f"filter_scheduler.{option}": ratio})), option


@pytest.mark.parametrize(("name", "ratio", "host", "ratios", "fits", "exceeds", "limits"), CASES)
def test_rule(make_conf, make_fleet, make_request, name, ratio, host, ratios, fits, exceeds, limits):
    one, option = make(make_conf, name, ratio)
    hosts = make_fleet(host, aggregates=[((1,), {option: text}) for text in ratios])
    for asked, passes in ((fits, True), (exceeds, False)):
        if asked is not None:
            assert one.passes(hosts, make_request(**asked)).tolist() == [passes]
    assert one.limits(hosts, make_request(), 0) == limits


@pytest.mark.parametrize(("name", "ratio", "host", "asked", "texts"), [
    ("RamFilter", 1.5, ram(1000, 1200), {"memory_mb": 512}, ["512 MB of memory asked, 300 of 1500 MB free"]),
    ("AggregateRamFilter", 1.5, ram(1000), {"memory_mb": 3000}, ["3000 MB of memory asked, 2000 of 2000 MB free"]),
    ("CoreFilter", 16.0, cpus(4, 62), {"vcpus": 8}, ["8 VCPUs asked, 2 of 64 free"]),
    ("AggregateCoreFilter", 16.0, cpus(4), {"vcpus": 9}, ["9 VCPUs asked, 8 of 8 free"]),
    ("DiskFilter", 1.0, disk(10, 8), {"root_gb": 3, "swap": 8}, ["3080 MB of disk asked, 2048 of 10240 MB free"]),
    ("AggregateDiskFilter", 1.0, disk(100, 10), {"root_gb": 200},
     ["204800 MB of disk asked, 194560 of 204800 MB free"]),
])
def test_reason_has_the_numbers(make_conf, make_fleet, make_request, told, name, ratio, host, asked, texts):
    one, option = make(make_conf, name, ratio)
    assert told(one, make_fleet(host, aggregates=[((1,), {option: "2"})]), make_request(**asked)) == texts
