"""What is written of a decision: read back from the file as the API does, on small real fleets."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novasim.api import decisions
from novasim.scheduler.decisions import SUBSET_TOLD, TOP, Recorder
from novasim.scheduler.pipeline import ROUNDS_KEPT, Pipeline
from novasim.sim import journal
from novasim.sim.clock import ManualClock


@pytest.fixture(scope="session")
def decide(make_conf, tmp_path_factory):
    """Decide and read back what was written of it."""
    def call(hosts, spec, overrides=None):
        conf = make_conf(overrides)
        directory = tmp_path_factory.mktemp("decisions")
        pen = journal.Journal(directory, "scheduler", ManualClock())
        recorder = Recorder(conf, pen, 7)
        decision = Pipeline.configured(conf, random.Random(1)).decide(hosts, spec, recorder.witness)
        recorder.write(decision)
        pen.close()
        [record] = journal.read(directory, spec.request_id)
        return decision, decisions.told(record)
    return call


def test_a_choice_is_told_filter_by_filter_and_weigher_by_weigher(decide, make_fleet, make_request):
    hosts = make_fleet({"memory_mb_used": 4096}, {}, {"disabled": True}, {"memory_mb": 512})
    _, told = decide(hosts, make_request(request_id="req-1"))
    assert (told["request_id"], told["service"], told["what"]) == ("req-1", "scheduler", "decision")
    assert (told["candidates"], told["seed"], told["instance_uuids"]) == (4, 7, ["new-0"])
    assert told["flavor"] == {"name": "f", "memory_mb": 1024, "vcpus": 1, "disk_gb": 10, "swap_mb": 0,
                              "extra_specs": {}}
    assert told["chosen"] == [{"host": "cmp-2", "node": "cmp-2"}]
    assert "rejected" not in told
    steps = {step["name"]: step for step in told["filters"]}
    assert next(iter(steps)) == "ignore_hosts"
    assert (steps["ignore_hosts"]["dropped"], steps["ignore_hosts"]["left"]) == (0, 4)
    assert steps["ComputeFilter"] == {
        "name": "ComputeFilter", "dropped": 1, "left": 3, "hosts_left_out": 0,
        "hosts": [{"host": "cmp-3", "node": "cmp-3", "reason": "its service is disabled"}]}
    assert steps["RamFilter"]["hosts"] == [
        {"host": "cmp-4", "node": "cmp-4", "reason": "1024 MB of memory asked, 768 of 768 MB free"}]
    [server] = told["servers"]
    assert (server["instance_uuid"], server["weighed"], server["hosts_left_out"]) == ("new-0", 2, 0)
    assert server["chosen"] == {"host": "cmp-2", "node": "cmp-2"}
    assert server["subset"] == {"size": 1, "hosts": [{"host": "cmp-2", "node": "cmp-2"}], "drawn": 0}
    assert [(one["host"], one["weighers"][0]) for one in server["hosts"]] == [
        ("cmp-2", {"name": "RAMWeigher", "raw": 8192.0, "normalized": 1.0, "multiplier": 1.0, "weighted": 1.0}),
        ("cmp-1", {"name": "RAMWeigher", "raw": 4096.0, "normalized": 0.5, "multiplier": 1.0, "weighted": 0.5})]


def test_nodes_that_are_called_otherwise_have_their_names(decide, make_fleet, make_request):
    hosts = make_fleet({"host": "a", "hypervisor_hostname": "n1"}, {"host": "a", "hypervisor_hostname": "n2"},
                       {"memory_mb": 1, "hypervisor_hostname": "n3"})
    _, told = decide(hosts, make_request(request_id="req-1", ignore_hosts=frozenset()))
    [server] = told["servers"]
    assert [(one["host"], one["node"]) for one in server["hosts"]] == [("a", "n1"), ("a", "n2")]
    assert server["chosen"] == {"host": "a", "node": "n1"} == server["subset"]["hosts"][0]
    assert [one for step in told["filters"] for one in step["hosts"]] == [
        {"host": "cmp-3", "node": "n3", "reason": "1024 MB of memory asked, 2 of 2 MB free"}]


def test_each_host_has_the_multiplier_of_its_aggregates(decide, make_fleet, make_request):
    hosts = make_fleet({"memory_mb": 16384}, {}, aggregates=[((2,), {"ram_weight_multiplier": "3"})])
    _, told = decide(hosts, make_request(request_id="req-1"), {
        "filter_scheduler.weight_classes": ["novasim.scheduler.weighers.ram.RAMWeigher"]})
    [server] = told["servers"]
    assert [(one["host"], one["weighers"][0]["multiplier"], one["weight"]) for one in server["hosts"]] == [
        ("cmp-2", 3.0, 1.5), ("cmp-1", 1.0, 1.0)]


def test_a_refusal_has_the_numbers_that_led_to_it(decide, make_fleet, make_request):
    """Room that the first server of the request took is given back afterwards; the second one did not see it."""
    decision, told = decide(make_fleet({"memory_mb": 1024}), make_request(servers=2, request_id="req-1"))
    assert told["rejected"] == decision.rejected == "There are not enough hosts available."
    assert told["summary"] == (
        "1 of 2 servers found one. 0 of 1: 1 RamFilter; e.g. cmp-1: 1024 MB of memory asked, 512 of 1536 MB free")
    assert told["chosen"] == []
    assert [step["hosts"] for step in told["filters"] if step["dropped"]] == [
        [{"host": "cmp-1", "node": "cmp-1", "reason": "1024 MB of memory asked, 512 of 1536 MB free"}]]
    assert (len(told["servers"]), told["servers_left_out"]) == (1, 0), "the second one was never weighed"


def test_of_many_dropped_hosts_each_filter_tells_its_share(decide, make_fleet, make_request):
    hosts = make_fleet(*[{"disabled": True}] * 2, *[{"memory_mb": 1}] * 50, *[{"vcpus_used": 64}] * 30)
    _, told = decide(hosts, make_request(request_id="req-1"), {"scheduler.decision_reasons": 12})
    assert {step["name"]: (step["dropped"], len(step["hosts"]), step["hosts_left_out"])
            for step in told["filters"] if step["dropped"]} == {
        "ComputeFilter": (2, 2, 0), "RamFilter": (50, 5, 45), "CoreFilter": (30, 5, 25)}


def test_no_reasons_are_written_when_none_are_wanted(decide, make_fleet, make_request):
    decision, told = decide(make_fleet({"disabled": True}), make_request(request_id="req-1"),
                            {"scheduler.decision_reasons": 0})
    assert [step["hosts_left_out"] for step in told["filters"] if step["dropped"]] == [1]
    assert told["summary"] == "0 of 1: 1 ComputeFilter; e.g. cmp-1: its service is disabled" == decision.summary


def test_the_drawn_subset_and_the_host_that_was_drawn(decide, make_fleet, make_request):
    hosts = make_fleet(*[{"memory_mb_used": used} for used in range(300)])
    decision, told = decide(hosts, make_request(request_id="req-1"), {"filter_scheduler.host_subset_size": 200})
    [server] = told["servers"]
    assert (server["subset"]["size"], len(server["subset"]["hosts"])) == (200, SUBSET_TOLD)
    assert server["chosen"]["host"] == decision.selections[0].host == f"cmp-{server['subset']['drawn'] + 1}"
    assert [one["host"] for one in server["hosts"]][:TOP] == [f"cmp-{number}" for number in range(1, TOP + 1)]
    assert server["chosen"]["host"] in [one["host"] for one in server["hosts"]]
    assert server["hosts_left_out"] == 300 - len(server["hosts"])


def test_of_a_request_for_many_the_first_servers_are_told(decide, make_fleet, make_request):
    _, told = decide(make_fleet({"memory_mb": 65536, "local_gb": 999}), make_request(servers=20, request_id="req-1"))
    assert (len(told["servers"]), told["servers_left_out"], len(told["chosen"])) == (ROUNDS_KEPT, 20 - ROUNDS_KEPT, 20)


HOST = st.fixed_dictionaries({
    "memory_mb_used": st.integers(0, 14000), "vcpus_used": st.integers(0, 66), "disabled": st.booleans()})


@settings(deadline=None, max_examples=50)
@given(fleet=st.lists(HOST, min_size=1, max_size=20), servers=st.integers(1, 3), reasons=st.integers(0, 25),
       subset=st.integers(1, 4))
def test_the_numbers_of_a_record_add_up(decide, make_fleet, make_request, fleet, servers, reasons, subset):
    decision, told = decide(make_fleet(*fleet), make_request(servers=servers, request_id="req-1"), {
        "scheduler.decision_reasons": reasons, "filter_scheduler.host_subset_size": subset})
    left = told["candidates"]
    for step in told["filters"]:
        left -= step["dropped"]
        assert step["left"] == left
        assert len(step["hosts"]) + step["hosts_left_out"] == step["dropped"]
    dropped = sum(step["dropped"] for step in told["filters"])
    assert sum(len(step["hosts"]) for step in told["filters"]) == min(dropped, reasons)
    assert (left == 0) == ("rejected" in told)
    for server, selection in zip(told["servers"], decision.selections, strict="rejected" not in told):
        assert server["chosen"]["host"] == selection.host
    for server in told["servers"]:
        weights = [one["weight"] for one in server["hosts"]]
        assert weights == sorted(weights, reverse=True)
        for one in server["hosts"]:
            assert one["weight"] == pytest.approx(sum(weigher["weighted"] for weigher in one["weighers"]))
