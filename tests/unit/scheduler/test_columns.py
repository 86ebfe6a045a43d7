from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novasim.objects import Flavor, Service
from novasim.scheduler.columns import HostColumns

SMALL = Flavor(flavorid="1", name="small", memory_mb=1024, vcpus=1, root_gb=10)


def test_rows_follow_the_order_given_and_are_found_by_host_and_node(make_fleet):
    hosts = make_fleet({"host": "b"}, {"host": "a", "hypervisor_hostname": "n1"},
                       {"host": "a", "hypervisor_hostname": "n2"})
    assert hosts.rows_of(["a", "gone", "b"]) == [1, 2, 0]
    assert hosts.by_node["a", "n2"] == 2
    assert hosts.mask([0, 2]).tolist() == [True, False, True]


@pytest.mark.parametrize(("free", "least", "mb"), [
    (100, None, 102400), (100, 7, 7168), (5, 7, 5120), (-2, None, -2048)])
def test_free_disk_is_the_smaller_of_the_two_numbers(make_node, free, least, mb):
    hosts = HostColumns([make_node("a", free_disk_gb=free, disk_available_least=least)])
    assert hosts.free_disk_mb.tolist() == [mb]


def test_a_host_without_a_service_is_kept_but_is_no_candidate(make_node):
    service = Service(uuid="", host="b", binary="nova-compute", topic="compute")
    hosts = HostColumns([make_node("a"), make_node("b", 2)], {"b": service})
    assert hosts.has_service.tolist() == [False, True]


def test_a_newer_row_overrides_what_was_given_away_an_older_one_does_not(make_fleet, make_node):
    hosts = make_fleet({})
    read = make_node("cmp-1", updated_at=hosts.now.item() - timedelta(seconds=1))
    hosts.consume(0, SMALL)
    hosts.write_nodes([read])
    assert hosts.free_ram_mb.tolist() == [7168]
    later = hosts.now.item() + timedelta(seconds=1)
    hosts.write_nodes([make_node("cmp-1", memory_mb_used=3000, updated_at=later)])
    assert hosts.free_ram_mb.tolist() == [5192]


def test_a_row_of_the_same_instant_counts_when_it_says_something_else(make_fleet, make_node):
    hosts = make_fleet({})
    hosts.consume(0, SMALL)
    hosts.write_nodes([make_node("cmp-1")])                             # what was read before
    assert hosts.free_ram_mb.tolist() == [7168]
    hosts.write_nodes([make_node("cmp-1", memory_mb_used=2048)])        # a claim, the clock stood still
    assert hosts.free_ram_mb.tolist() == [6144]
    hosts.write_nodes([make_node("cmp-1", memory_mb_used=0)])
    assert hosts.free_ram_mb.tolist() == [8192]


def test_undo_puts_back_everything(make_fleet):
    hosts = make_fleet({}, {})
    hosts.now += 5
    before = {name: getattr(hosts, name).tolist() for name in ("free_ram_mb", "free_disk_mb", "vcpus_used",
                                                               "updated_at")}
    first, second = hosts.consume(1, SMALL), hosts.consume(1, SMALL)
    assert hosts.free_ram_mb.tolist() == [8192, 6144]
    hosts.undo(second)
    hosts.undo(first)
    assert {name: getattr(hosts, name).tolist() for name in before} == before


def test_consuming_never_makes_a_row_look_older(make_fleet):
    hosts = make_fleet({})
    written = hosts.updated_at[0]
    hosts.now -= 10
    hosts.consume(0, SMALL)
    assert hosts.updated_at[0] == written


def test_services_and_heartbeats_of_all_nodes_of_a_host(make_fleet):
    hosts = make_fleet({"host": "a", "hypervisor_hostname": "n1", "silent": 99},
                       {"host": "a", "hypervisor_hostname": "n2", "silent": 99}, {"host": "b", "silent": 99})
    now = hosts.now.item()
    hosts.write_heartbeats([("a", now), ("gone", now)])
    assert (hosts.last_seen_up == hosts.now).tolist() == [True, True, False]
    hosts.write_services([Service(uuid="", host="b", binary="nova-compute", topic="compute", disabled=True,
                                  last_seen_up=now)])
    assert hosts.disabled.tolist() == [False, False, True]
    assert (hosts.last_seen_up == hosts.now).all()


OPERATIONS = st.lists(st.tuples(st.sampled_from(["consume", "undo", "release", "write", "look"]), st.integers(0, 19)),
                      max_size=40)


@given(operations=OPERATIONS)
def test_what_follows_from_columns_follows_their_changes(make_fleet, make_node, operations):
    hosts, consumed = make_fleet(*({} for _ in range(20))), []

    def free(at):
        return hosts.free_ram_mb[at] * 0.5 - hosts.vcpus_used[at]
    for what, row in operations:
        hosts.now += 1
        if what == "consume":
            consumed.append(hosts.consume(row, SMALL))
        elif what == "undo" and consumed:
            hosts.undo(consumed.pop())
        elif what == "release":
            hosts.release(row, SMALL, "gone")
        elif what == "write":       # sometimes one, sometimes so many that they are not worked out one by one
            hosts.write_nodes([make_node(f"cmp-{number}", memory_mb_used=row, updated_at=hosts.now.item())
                               for number in range(1, row + 2)])
        else:
            assert hosts.derived("free", free).tolist() == free(slice(None)).tolist()
    assert hosts.derived("free", free).tolist() == free(slice(None)).tolist()
    assert hosts.derived(("free", 2), lambda at: 2 * free(at)).tolist() == (2 * free(slice(None))).tolist()


@given(silent=st.lists(st.none() | st.integers(-5, 70), min_size=1, max_size=6),
       times=st.lists(st.integers(-20, 80), min_size=1, max_size=6), heard=st.sets(st.integers(0, 5)),
       forced=st.sets(st.integers(0, 5)))
def test_who_is_alive_at_any_time(make_fleet, silent, times, heard, forced):
    hosts = make_fleet(*({"silent": seconds, "forced_down": row in forced} for row, seconds in enumerate(silent)))
    began, last = hosts.now, dict(enumerate(-seconds if seconds is not None else None for seconds in silent))
    for half, seconds in enumerate(times):
        if half == 3:
            hosts.write_heartbeats([(hosts.hosts[row], began.item()) for row in heard if row < len(hosts)])
            last |= dict.fromkeys(heard, 0)
        hosts.now = began + np.timedelta64(seconds, "s")
        assert hosts.alive(np.timedelta64(60, "s")).tolist() == [
            row not in forced and last[row] is not None and seconds - last[row] <= 60 for row in range(len(hosts))]


def test_capitals_in_names(make_fleet):
    hosts = make_fleet({"host": "A"}, {"host": "a", "hypervisor_hostname": "n"}, {"host": "b"})
    assert sorted(hosts.rows_called(["a", "B", "gone"])) == [0, 1, 2]
    assert hosts.rows_called(["A", "a"]) == hosts.rows_called(["a"]) == [0, 1]
