"""The pipeline on small real fleets, and against a reference in plain Python on random ones."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novasim import exceptions
from novasim.db.actions import full_text_of
from novasim.scheduler.per_host import PerHostFilter
from novasim.scheduler.pipeline import Pipeline


@pytest.fixture(scope="session")
def make_pipeline(make_conf):
    def make(overrides=None, seed=1):
        return Pipeline.configured(make_conf(overrides), random.Random(seed))
    return make


def chosen(decision):
    return [selection.host for selection in decision.selections]


@pytest.mark.spec("S20")
def test_the_host_with_most_free_memory_wins_and_carries_its_limits(make_pipeline, make_fleet, make_request):
    hosts = make_fleet({"memory_mb_used": 4096}, {}, {"memory_mb_used": 1})
    decision = make_pipeline().decide(hosts, make_request())
    assert chosen(decision) == ["cmp-2"]
    assert decision.selections[0].nodename == "cmp-2"
    assert decision.selections[0].limits == {"memory_mb": 12288.0, "vcpu": 64.0, "disk_gb": 100.0}
    assert decision.rejected is None


@pytest.mark.spec("S20")
def test_of_equals_the_first_wins(make_pipeline, make_fleet, make_request):
    assert chosen(make_pipeline().decide(make_fleet({}, {}, {}), make_request())) == ["cmp-1"]


def test_a_negative_multiplier_stacks(make_pipeline, make_fleet, make_request):
    hosts = make_fleet({}, {"memory_mb_used": 4096}, {})
    pipeline = make_pipeline({"filter_scheduler.ram_weight_multiplier": -1.0})
    assert chosen(pipeline.decide(hosts, make_request(servers=2))) == ["cmp-2", "cmp-2"]


@pytest.mark.spec("S21", "12.1/8")
def test_room_of_the_requested_flavor_is_given_away_at_once(make_pipeline, make_fleet, make_request):
    hosts = make_fleet({})
    make_pipeline().decide(hosts, make_request(memory_mb=2048, vcpus=2, root_gb=20, ephemeral_gb=5, swap=512))
    assert (hosts.free_ram_mb[0], hosts.vcpus_used[0], hosts.free_disk_mb[0]) == (6144, 2, 75 * 1024)


@pytest.mark.spec("S21")
def test_several_servers_are_spread_as_room_is_taken(make_pipeline, make_fleet, make_request):
    hosts = make_fleet({}, {}, {"memory_mb_used": 2048})
    decision = make_pipeline().decide(hosts, make_request(servers=4))
    assert chosen(decision) == ["cmp-1", "cmp-2", "cmp-1", "cmp-2"]


@pytest.mark.spec("S20")
def test_too_few_hosts_for_all_is_a_rejection_that_takes_nothing(make_pipeline, make_fleet, make_request):
    hosts = make_fleet({"memory_mb": 1024}, {"memory_mb": 1024})
    before = [column.tolist() for column in (hosts.free_ram_mb, hosts.free_disk_mb, hosts.vcpus_used,
                                             hosts.updated_at)]
    decision = make_pipeline().decide(hosts, make_request(servers=3))
    assert decision.selections == []
    assert [column.tolist() for column in (hosts.free_ram_mb, hosts.free_disk_mb, hosts.vcpus_used,
                                           hosts.updated_at)] == before
    assert (decision.rejected, decision.summary) == (
        "There are not enough hosts available.", "2 of 3 servers found one. 0 of 2: 2 RamFilter; "
        "e.g. cmp-1: 1024 MB of memory asked, 512 of 1536 MB free")


def test_a_rejection_tells_who_dropped_how_many_and_why(make_pipeline, make_fleet, make_request):
    hosts = make_fleet({"disabled": True}, {"memory_mb": 512}, {"memory_mb": 256}, {"silent": 99},
                       {"vcpus": 1}, {"memory_mb": 300})
    decision = make_pipeline({"filter_scheduler.cpu_allocation_ratio": 1.0}).decide(
        hosts, make_request(vcpus=2, ignore_hosts=frozenset({"cmp-5"})))
    assert decision.dropped == {"RamFilter": 3, "ComputeFilter": 2, "ignore_hosts": 1}
    with pytest.raises(exceptions.NoValidHost) as caught:
        decision.raise_if_rejected()
    assert caught.value.text == "No valid host was found. There are not enough hosts available."
    assert full_text_of(caught.value) == (
        "No valid host was found. There are not enough hosts available. 0 of 6: 3 RamFilter, "
        "2 ComputeFilter, 1 ignore_hosts; e.g. cmp-2: 1024 MB of memory asked, 768 of 768 MB free")
    assert list(decision.reasons()) == [
        ("cmp-5", "cmp-5", "ignore_hosts", "the request excludes it"),
        ("cmp-1", "cmp-1", "ComputeFilter", "its service is disabled"),
        ("cmp-4", "cmp-4", "ComputeFilter", "no heartbeat for 99 s"),
        ("cmp-2", "cmp-2", "RamFilter", "1024 MB of memory asked, 768 of 768 MB free"),
        ("cmp-3", "cmp-3", "RamFilter", "1024 MB of memory asked, 384 of 384 MB free"),
        ("cmp-6", "cmp-6", "RamFilter", "1024 MB of memory asked, 450 of 450 MB free")]


def test_no_host_at_all(make_pipeline, make_fleet, make_request):
    assert make_pipeline().decide(make_fleet(), make_request()).summary == (
        "0 of 0: no compute service has registered.")


@pytest.mark.parametrize(("asked", "host"), [
    ({"ignore_hosts": frozenset({"cmp-2"})}, "cmp-1"),
    ({"ignore_hosts": frozenset({"CMP-2", "gone"})}, "cmp-1"),          # capitals do not count (spec 7.4)
    ({"force_hosts": frozenset({"Cmp-3"})}, "cmp-3"),                   # although disabled
    ({"force_hosts": frozenset({"cmp-3"}), "scheduler_hints": {"_nova_check_type": ["rebuild"]}}, None),
    ({"force_hosts": frozenset({"cmp-1"}), "scheduler_hints": {"_nova_check_type": ["rebuild"]}}, "cmp-1"),
    ({"force_nodes": frozenset({"cmp-1"})}, "cmp-1"),
    ({"force_hosts": frozenset({"cmp-1"}), "force_nodes": frozenset({"cmp-2"})}, None),
    ({"force_hosts": frozenset({"gone"})}, None),
    ({"requested_host": "cmp-1"}, "cmp-1"),
    ({"requested_host": "cmp-3"}, None),                                # disabled: it must pass the filters
    ({"requested_host": "gone"}, None),
    ({"requested_host": "cmp-1", "requested_node": "cmp-1"}, "cmp-1"),
    ({"requested_host": "cmp-1", "requested_node": "cmp-2"}, None),
    ({"force_hosts": frozenset({"cmp-3"}), "ignore_hosts": frozenset({"cmp-3"})}, None),
    ({"ignore_hosts": frozenset({"cmp-1", "cmp-2", "cmp-3"})}, None),
])
def test_ignored_and_forced_hosts(make_pipeline, make_fleet, make_request, asked, host):
    hosts = make_fleet({"memory_mb_used": 1}, {}, {"disabled": True})
    decision = make_pipeline().decide(hosts, make_request(**asked))
    assert chosen(decision) == ([] if host is None else [host])
    assert (decision.rejected is None) == (host is not None)


def test_a_forced_host_is_not_filtered_and_has_no_limits(make_pipeline, make_fleet, make_request):
    decision = make_pipeline().decide(
        make_fleet({"memory_mb": 1}), make_request(memory_mb=9999, force_hosts=frozenset({"cmp-1"})))
    assert decision.selections[0].limits == {}


def test_the_draw_is_among_the_best_and_follows_the_seed(make_pipeline, make_fleet, make_request):
    best = {"cmp-2", "cmp-3", "cmp-4"}

    def draws(seed):
        pipeline = make_pipeline({"filter_scheduler.host_subset_size": 3}, seed)
        hosts = make_fleet({"memory_mb_used": 4000}, {"memory_mb_used": 1}, {}, {"memory_mb_used": 2},
                           {"memory_mb_used": 3})
        spec = make_request(memory_mb=0, vcpus=0, root_gb=0)
        return [chosen(pipeline.decide(hosts, spec))[0] for _ in range(40)]
    assert set(draws(7)) == best
    assert draws(7) == draws(7)
    assert draws(7) != draws(8)


@pytest.mark.parametrize(("once", "found"), [(True, ["cmp-1"] * 3), (False, ["cmp-1", "cmp-2", "cmp-3"])])
def test_some_filters_are_asked_for_the_first_server_only(make_fleet, make_request, once, found):
    class Empty:
        name, run_filter_once_per_request = "Empty", once

        def passes(self, hosts, spec):
            return hosts.residents.num_instances == 0

    class ByHost:
        run_filter_once_per_request = once

        def host_passes(self, host_state, spec):
            return host_state.num_instances == 0
    for one in (Empty(), PerHostFilter(ByHost, None)):
        decision = Pipeline([one], [], 1, random.Random(1)).decide(make_fleet({}, {}, {}), make_request(servers=3))
        assert chosen(decision) == found


@pytest.mark.parametrize(("wanted", "found"), [(">= 7000", ["cmp-1", "cmp-1"]), (">= 9000", [])])
def test_capabilities_are_looked_at_once(make_pipeline, make_fleet, make_request, wanted, found):
    """After the first server the host has less than the flavor wants; it still is the host (spec 7.4)."""
    spec = make_request(memory_mb=2048, servers=2, extra_specs={"capabilities:free_ram_mb": wanted})
    options = {"filter_scheduler.enabled_filters": ["ComputeCapabilitiesFilter"]}
    assert chosen(make_pipeline(options).decide(make_fleet({}), spec)) == found


def test_a_filter_without_reason_or_limits_will_do(make_fleet, make_request):
    class NoneFilter:
        name = "NoneFilter"

        def passes(self, hosts, spec):
            return hosts.free_ram_mb < 0
    decision = Pipeline([NoneFilter()], [], 1, random.Random(1)).decide(make_fleet({}), make_request())
    assert decision.summary == "0 of 1: 1 NoneFilter; e.g. cmp-1: does not pass"


# A scheduler in plain Python, host by host, as the specification tells it (7.2, 7.4, 7.5, 7.9).

def passes(host, spec, zones):
    return (spec.availability_zone in (None, zones.get(host["host"], "nova"))
            and (host["host"], host["host"]) not in spec.tried_hosts
            and not host["disabled"] and host["silent"] <= 60
            and host["memory_mb"] * 1.5 - host["memory_mb_used"] >= spec.flavor.memory_mb
            and host["vcpus"] * 16.0 - host["vcpus_used"] >= spec.flavor.vcpus
            and (host["local_gb"] - host["local_gb_used"]) * 1024 >= (
                (spec.flavor.root_gb + spec.flavor.ephemeral_gb) * 1024 + spec.flavor.swap))


def weight(host, among):
    free = [one["memory_mb"] - one["memory_mb_used"] for one in among]
    low, high = min(0, *free), max(free)
    mine = host["memory_mb"] - host["memory_mb_used"]
    return 0.0 if high == low else (mine - low) / (high - low)


def reference(fleet, spec, zones, subset, draw):
    fleet = [dict(host) for host in fleet]
    left = [host for host in fleet if host["host"] not in spec.ignore_hosts]
    found = []
    for _ in spec.instance_uuids:
        left = [host for host in left if passes(host, spec, zones)]
        if not left:
            return None
        ranked = sorted(left, key=lambda host: -weight(host, left))
        size = min(subset, len(ranked))
        host = ranked[0 if size == 1 else draw.randrange(size)]
        host["memory_mb_used"] += spec.flavor.memory_mb
        host["vcpus_used"] += spec.flavor.vcpus
        host["local_gb_used"] += spec.flavor.root_gb + spec.flavor.ephemeral_gb
        found.append(host["host"])
    return found


HOST = st.fixed_dictionaries({
    "memory_mb": st.sampled_from([0, 1000, 2000, 4096]), "memory_mb_used": st.integers(0, 5000),
    "vcpus": st.integers(1, 4), "vcpus_used": st.integers(0, 64),
    "local_gb": st.integers(0, 60), "local_gb_used": st.integers(0, 60),
    "disabled": st.booleans(), "silent": st.sampled_from([0, 60, 61])})
FLEET = st.lists(HOST, max_size=12).map(
    lambda hosts: [host | {"host": f"cmp-{number}"} for number, host in enumerate(hosts)])
NAMES = st.frozensets(st.sampled_from([f"cmp-{number}" for number in range(12)]), max_size=4)
REQUEST = st.fixed_dictionaries({
    "memory_mb": st.integers(0, 2500), "vcpus": st.integers(0, 20), "root_gb": st.integers(0, 30),
    "ephemeral_gb": st.integers(0, 5), "swap": st.integers(0, 1100), "servers": st.integers(1, 5),
    "ignore_hosts": NAMES, "tried_hosts": NAMES.map(lambda names: frozenset((name, name) for name in names)),
    "availability_zone": st.sampled_from([None, "nova", "east"])})
ZONES = NAMES.map(lambda names: dict.fromkeys(names, "east"))


@settings(deadline=None, max_examples=200)
@given(fleet=FLEET, asked=REQUEST, zones=ZONES, subset=st.integers(1, 4), seed=st.integers(0, 9))
def test_chooses_as_the_reference_does(make_pipeline, make_fleet, make_request, fleet, asked, zones, subset,
                                       seed):
    spec = make_request(**asked)
    pipeline = make_pipeline({"filter_scheduler.host_subset_size": subset, "filter_scheduler.weight_bounds": "widen",
                              "filter_scheduler.weight_classes": ["novasim.scheduler.weighers.ram.RAMWeigher"]}, seed)
    decision = pipeline.decide(make_fleet(*fleet, zones=zones), spec)
    expected = reference(fleet, spec, zones, subset, random.Random(seed))
    assert chosen(decision) == (expected or [])
    assert (decision.rejected is None) == (expected is not None)


@settings(deadline=None, max_examples=100)
@given(fleet=FLEET, requests=st.lists(REQUEST, min_size=1, max_size=15))
def test_never_gives_away_more_than_the_limits(make_pipeline, make_fleet, make_request, fleet, requests):
    pipeline, hosts = make_pipeline(), make_fleet(*fleet)
    for asked in requests:
        before = (hosts.free_ram_mb.copy(), hosts.free_disk_mb.copy(), hosts.vcpus_used.copy())
        decision = pipeline.decide(hosts, make_request(**asked))
        for selection in decision.selections:
            row = hosts.by_node[selection.host, selection.nodename]
            assert hosts.memory_mb[row] - hosts.free_ram_mb[row] <= selection.limits["memory_mb"]
            assert hosts.local_gb[row] - hosts.free_disk_mb[row] / 1024 <= selection.limits["disk_gb"]
            assert hosts.vcpus_used[row] <= selection.limits["vcpu"]
        taken = len(decision.selections)
        assert before[0].sum() - hosts.free_ram_mb.sum() == taken * asked["memory_mb"]
        assert hosts.vcpus_used.sum() - before[2].sum() == taken * asked["vcpus"]
        assert before[1].sum() - hosts.free_disk_mb.sum() == (
            taken * 1024 * (asked["root_gb"] + asked["ephemeral_gb"]))
