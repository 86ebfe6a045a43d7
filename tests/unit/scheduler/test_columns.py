from datetime import timedelta

import pytest

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
