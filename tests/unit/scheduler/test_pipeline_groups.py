"""Server groups and aggregates in the pipeline: each server of a request sees the ones before it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novasim.scheduler.pipeline import Pipeline


@pytest.fixture(scope="session")
def decide(make_conf):
    """Choose hosts: ``decide(fleet, request, {option: value})``."""
    def call(hosts, spec, overrides=None):
        conf = make_conf(overrides)
        return Pipeline.configured(conf, random.Random(1)).decide(hosts, spec)
    return call


def chosen(decision):
    return [selection.host for selection in decision.selections]


def test_anti_affinity_spreads_the_servers_of_one_request(decide, make_fleet, make_request):
    """All memory is on one host, so that without the group it would have them all."""
    hosts = make_fleet({"memory_mb": 65536}, {}, {"memory_mb": 16384})
    assert chosen(decide(hosts, make_request(servers=3))) == ["cmp-1"] * 3
    spec = make_request(servers=3, group_policy="anti-affinity")
    assert chosen(decide(hosts, spec)) == ["cmp-1", "cmp-3", "cmp-2"]
    assert spec.group_hosts == {}, "the request can be asked again"


def test_so_many_as_may_be_together(decide, make_fleet, make_request):
    hosts = make_fleet({"memory_mb": 65536}, {}, {})
    spec = make_request(servers=4, group_policy="anti-affinity", max_server_per_host=2, group_hosts={"cmp-2": 1})
    assert chosen(decide(hosts, spec)) == ["cmp-1", "cmp-1", "cmp-2", "cmp-3"]


def test_too_many_for_the_hosts_is_a_rejection_that_can_be_asked_again(decide, make_fleet, make_request):
    hosts = make_fleet({}, {})
    spec = make_request(servers=3, group_policy="anti-affinity")
    for _ in range(2):
        decision = decide(hosts, spec)
        assert decision.summary == (
            "2 of 3 servers found one. 0 of 2: 2 ServerGroupAntiAffinityFilter; "
            "e.g. cmp-1: has 1 others of the server group, 1 may be together")
        assert spec.group_hosts == {}


def test_affinity_keeps_the_servers_of_one_request_together(decide, make_fleet, make_request):
    hosts = make_fleet({}, {"memory_mb": 9000}, {})
    assert chosen(decide(hosts, make_request(servers=3, group_policy="affinity"))) == ["cmp-2"] * 3
    small = make_fleet({"memory_mb": 1024}, {"memory_mb": 1024})
    full = decide(small, make_request(servers=3, group_policy="affinity"))
    assert full.selections == []


def test_soft_policies_are_weights_only(decide, make_fleet, make_request):
    """A difference of memory weighs as much as one server more or less; so it is turned off here."""
    off = {"filter_scheduler.ram_weight_multiplier": 0.0}
    spec = make_request(servers=3, group_policy="soft-anti-affinity", group_hosts={"cmp-1": 2})
    assert chosen(decide(make_fleet({}, {}), spec, off)) == ["cmp-2", "cmp-2", "cmp-1"]
    spec = make_request(servers=2, group_policy="soft-affinity", group_hosts={"cmp-2": 1})
    assert chosen(decide(make_fleet({}, {}), spec, off)) == ["cmp-2", "cmp-2"]


def test_an_aggregate_sets_the_weight_of_a_weigher_for_its_hosts(decide, make_fleet, make_request):
    """The host with most memory weighs 1.0, the next one 0.5 times what its aggregates say at least."""
    fleet = ({"memory_mb": 16384}, {"memory_mb": 8192})
    for values, host in (([], "cmp-1"), (["3.0"], "cmp-2"), (["10.0", "1.0"], "cmp-1"), (["much"], "cmp-1")):
        hosts = make_fleet(*fleet, aggregates=[((2,), {"ram_weight_multiplier": value}) for value in values])
        assert chosen(decide(hosts, make_request())) == [host], values


@given(policy=st.sampled_from(["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]),
       others=st.dictionaries(st.sampled_from(["cmp-1", "cmp-2", "cmp-3", "cmp-4"]), st.integers(1, 3)),
       most=st.integers(1, 3), servers=st.integers(1, 6))
def test_what_is_chosen_keeps_the_policy(decide, make_fleet, make_request, policy, others, most, servers):
    hosts = make_fleet({}, {"memory_mb": 2048}, {}, {"disabled": True})
    spec = make_request(servers=servers, group_policy=policy, group_hosts=others, max_server_per_host=most)
    decision = decide(hosts, spec)
    assert spec.group_hosts == others
    placed = dict(others)
    for host in chosen(decision):
        if policy == "anti-affinity":
            assert placed.get(host, 0) < most
        if policy == "affinity":
            assert not placed or host in placed
        placed[host] = placed.get(host, 0) + 1
    if policy.startswith("soft"):
        assert len(decision.selections) == servers
