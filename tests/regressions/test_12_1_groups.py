"""Rows 5, 6, 7, 12 and 15 of spec 12.1: moves and server groups, aggregates, and whose request it is."""

import threading

import pytest
from cluster_fixture import ADMIN, SMALL, TINY, USER, on_every_choice

from novasim.db import groups, hosts


@pytest.fixture
def make_group():
    """A server group on a cluster; returns its uuid."""
    def make(cluster, policy="anti-affinity", **rules):
        answer = cluster.http("POST", "/os-server-groups", {
            "server_group": {"name": "g", "policy": policy} | ({"rules": rules} if rules else {})}, version="2.64")
        assert answer.status_int == 200, answer.text
        return answer.json["server_group"]["id"]
    return make


def boot(cluster, group, count=1, **fields):
    """Servers of a group, ACTIVE, with their uuids."""
    mark = cluster.watch.mark()
    before = {server["id"] for server in cluster.get("/servers")["servers"]}
    answer = cluster.http("POST", "/servers", {
        "server": {"name": "vm", "flavorRef": "1", "imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6",
                   "min_count": count, "max_count": count} | fields,
        "os:scheduler_hints": {"group": group}}, ADMIN if "availability_zone" in fields else USER)
    assert answer.status_int == 202, answer.text
    cluster.watch.wait("built", mark, count)
    every = cluster.get("/servers?all_tenants=1", ADMIN)["servers"]
    return [server["id"] for server in reversed(every) if server["id"] not in before]


def host(cluster, uuid):
    return cluster.row(uuid).host


def why(cluster, uuid, request):
    """What an administrator is told of a move that found no host; its owner is told that there is none."""
    assert cluster.fault(uuid) == "No valid host was found. There are not enough hosts available."
    shown = cluster.get(f"/servers/{uuid}/os-instance-actions/{request}", ADMIN, "2.84")["instanceAction"]
    [told] = {event["details"] for event in shown["events"]}
    return told


def aggregate(cluster, names, **metadata):
    made = cluster.http("POST", "/os-aggregates", {"aggregate": {"name": "-".join(names) + str(metadata)}}, ADMIN)
    number = made.json["aggregate"]["id"]
    for body in [{"set_metadata": {"metadata": metadata}}, *({"add_host": {"host": name}} for name in names)]:
        assert cluster.http("POST", f"/os-aggregates/{number}/action", body, ADMIN).status_int == 200
    return number


@pytest.mark.spec("12.1/5", "6.6/group")
def test_a_resize_keeps_anti_affinity(make_cluster, make_group):
    """Three hosts, two servers: the one that is resized has one host to go to. No hint is sent with a resize."""
    cluster = make_cluster(hosts=3)
    first, second = boot(cluster, make_group(cluster), 2)
    assert host(cluster, first) != host(cluster, second)
    free = {f"cmp-000{number}" for number in (1, 2, 3)} - {host(cluster, first), host(cluster, second)}
    cluster.resize(first)
    assert {host(cluster, first)} == free
    told = why(cluster, second, cluster.migrate(second, until="restored"))
    assert "0 of 3: 2 ServerGroupAntiAffinityFilter" in told, "the source is kept for a revert"
    cluster.confirm(first)
    cluster.migrate(second)
    assert host(cluster, second) != host(cluster, first)


@pytest.mark.spec("12.1/5")
def test_a_resize_keeps_affinity(make_cluster, make_group):
    cluster = make_cluster(hosts=3, allow_resize_to_same_host=True)
    first, second = boot(cluster, make_group(cluster, "affinity"), 2)
    assert host(cluster, first) == host(cluster, second)
    cluster.resize(first)
    assert host(cluster, first) == host(cluster, second), "the only host where another of its group is"
    cluster.confirm(first)
    told = why(cluster, second, cluster.migrate(second, until="restored"))
    assert "0 of 3: 2 ServerGroupAffinityFilter" in told
    cluster.delete(second)
    was = host(cluster, first)
    cluster.migrate(first)
    assert host(cluster, first) != was, "alone in its group it may go anywhere"


@pytest.mark.spec("12.1/6")
def test_a_server_is_not_in_its_own_way(make_cluster, make_group):
    """Both hosts are taken; only its own is left for a resize on the same host."""
    cluster = make_cluster(hosts=2, allow_resize_to_same_host=True)
    first, _ = boot(cluster, make_group(cluster), 2)
    was = host(cluster, first)
    cluster.resize(first)
    assert host(cluster, first) == was
    cluster.revert(first)


@pytest.mark.spec("12.1/6")
def test_servers_made_together_keep_the_policy_all_the_same(make_cluster, make_group):
    """What was broken by letting a server's own host pass (1781710): many of one request on one host."""
    cluster = make_cluster(hosts=3)
    group = make_group(cluster)
    assert len({host(cluster, uuid) for uuid in boot(cluster, group, 3)}) == 3
    mark = cluster.watch.mark()
    answer = cluster.http("POST", "/servers", {
        "server": {"name": "vm", "flavorRef": "1", "imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6"},
        "os:scheduler_hints": {"group": group}})
    cluster.watch.wait("build failed", mark, instance_uuid=answer.json["server"]["id"], vm_state="error")
    assert cluster.status(answer.json["server"]["id"]) == "ERROR"


@pytest.mark.spec("12.1/6")
def test_so_many_on_a_host_as_its_rule_says(make_cluster, make_group):
    cluster = make_cluster(hosts=2)
    made = boot(cluster, make_group(cluster, max_server_per_host=2), 3)
    homes = [host(cluster, uuid) for uuid in made]
    assert sorted(map(homes.count, set(homes))) == [1, 2]
    crowded = max(set(homes), key=homes.count)
    moves = made[homes.index(crowded)]
    cluster.resize(moves)
    assert host(cluster, moves) != crowded


def two_moves_at_once(cluster, make_group, monkeypatch):
    """Two servers of a group whose moves are both sent to the one free host before either claims."""
    first, second = boot(cluster, make_group(cluster), 2)
    meeting = threading.Barrier(2)
    asked = on_every_choice(monkeypatch, lambda number, _: meeting.wait(20) if number <= 2 else None)
    mark = cluster.watch.mark()
    for uuid in (first, second):
        cluster.begin(uuid, "resize")
    return first, second, mark, asked


@pytest.mark.spec("12.1/7")
def test_of_two_moves_at_once_to_one_host_one_is_sent_elsewhere(make_cluster, make_group, monkeypatch):
    """All hosts weigh the same, so that both are sent to the first one that is free."""
    cluster = make_cluster(hosts=4, **{"filter_scheduler.weight_classes": []})
    first, second, mark, asked = two_moves_at_once(cluster, make_group, monkeypatch)
    cluster.watch.wait("waiting for confirm or revert", mark, times=2)
    assert asked[0] == asked[1] != asked[2]
    assert len({claim[0] for uuid in (first, second) for claim in cluster.held(uuid)}) == 4, "no host has two of them"


@pytest.mark.spec("12.1/7")
def test_of_two_moves_at_once_to_the_last_host_one_comes_to_nothing(make_cluster, make_group, monkeypatch):
    cluster = make_cluster(hosts=3)
    first, second, mark, asked = two_moves_at_once(cluster, make_group, monkeypatch)
    [won] = cluster.watch.wait("waiting for confirm or revert", mark)
    [lost] = cluster.watch.wait("restored", mark)
    assert asked[0] == asked[1], "the scheduler could not know"
    assert {won["instance_uuid"], lost["instance_uuid"]} == {first, second}
    assert cluster.state(lost["instance_uuid"]) == ("active", None)
    assert cluster.watch.count("prep_resize failed", mark) == 1
    events = cluster.record(lost["instance_uuid"], lost["request_id"])["events"]
    assert [event["result"] for event in events if event["event"] == "compute_prep_resize"] == ["Error"]
    assert len({host(cluster, first), host(cluster, second)}) == 2


@pytest.mark.spec("12.1/7")
def test_a_build_that_comes_too_late_is_sent_elsewhere(make_cluster, make_group, monkeypatch):
    """The scheduler's answer is old: the host it names has a server of the group by now."""
    cluster = make_cluster(hosts=2)
    group = make_group(cluster)
    [first] = boot(cluster, group)

    def err(number, chosen):
        if number == 1:
            chosen |= {"host": host(cluster, first), "nodename": host(cluster, first)}

    told = on_every_choice(monkeypatch, err)
    [second] = boot(cluster, group)[-1:]
    assert len(told) == 2
    assert host(cluster, second) != host(cluster, first)
    assert "anti-affinity policy of server group" in cluster.fault(second)


@pytest.mark.spec("12.1/7")
def test_who_forces_a_host_has_it(make_cluster, make_group):
    """A host that is forced is taken as it is (spec 7.4): by the claim as by the scheduler."""
    cluster = make_cluster(hosts=2)
    answer = cluster.http("POST", "/os-server-groups", {
        "server_group": {"name": "g", "policy": "anti-affinity"}}, ADMIN, "2.64")
    group = answer.json["server_group"]["id"]
    for count in (1, 2):
        boot(cluster, group, availability_zone="nova:cmp-0001")
        found = cluster.db.read(groups.get, group)
        assert cluster.db.read(groups.servers_by_host, found.id, []) == {"cmp-0001": count}


ONLY_AGGREGATES = ["RetryFilter", "ComputeFilter", "AggregateRamFilter", "AggregateMultiTenancyIsolation",
                   "AggregateInstanceExtraSpecsFilter"]


@pytest.fixture
def aggregated(make_cluster):
    """Three hosts that are chosen by what their aggregates say."""
    return make_cluster(hosts=3, **{"filter_scheduler.enabled_filters": ONLY_AGGREGATES,
                                    "filter_scheduler.weight_classes": [], "quota.ram": -1})


@pytest.mark.spec("12.1/12")
def test_ratios_of_aggregates_are_compared_as_numbers(aggregated):
    """Of "16.0" and "9.0" the first is the smaller text: the second host would be taken for one with room for it."""
    cluster = aggregated
    uuid = cluster.boot()
    assert host(cluster, uuid) == "cmp-0001"
    aggregate(cluster, ["cmp-0002", "cmp-0003"], ram_allocation_ratio="16.0")
    aggregate(cluster, ["cmp-0002"], ram_allocation_ratio="9.0")
    total = cluster.db.read(hosts.nodes, "cmp-0003")[0].memory_mb
    assert cluster.http("POST", "/flavors", {"flavor": {
        "name": "huge", "id": "huge", "ram": 10 * total, "vcpus": 1, "disk": 1}}, ADMIN).status_int == 200
    cluster.resize(uuid, "huge")
    assert host(cluster, uuid) == "cmp-0003"


@pytest.mark.spec("12.1/15")
def test_the_project_of_a_move_is_the_servers_not_the_administrators(aggregated):
    """Hosts 1 and 2 are for the server's project, host 3 for the administrator's."""
    cluster = aggregated
    aggregate(cluster, ["cmp-0001", "cmp-0002"], filter_tenant_id="demo")
    aggregate(cluster, ["cmp-0003"], filter_tenant_id="admin")
    uuid = cluster.boot()
    was = host(cluster, uuid)
    cluster.migrate(uuid)
    assert {was, host(cluster, uuid)} == {"cmp-0001", "cmp-0002"}


@pytest.mark.spec("12.1/15", "12.3/45")
def test_the_flavor_of_a_move_after_a_revert_is_the_servers(aggregated):
    """The flavor that was reverted wants hosts that the server's own flavor must not go to any more."""
    cluster = aggregated
    for flavor, disk in ((TINY, "hdd"), (SMALL, "ssd")):
        specs = {"extra_specs": {"disk": disk}}
        assert cluster.http("POST", f"/flavors/{flavor}/os-extra_specs", specs, ADMIN).status_int == 200
    aggregate(cluster, ["cmp-0001", "cmp-0002"], disk="hdd")
    aggregate(cluster, ["cmp-0003"], disk="ssd")
    uuid = cluster.boot(TINY)
    was = host(cluster, uuid)
    assert was in ("cmp-0001", "cmp-0002")
    cluster.resize(uuid, SMALL)
    assert host(cluster, uuid) == "cmp-0003"
    cluster.revert(uuid)
    cluster.migrate(uuid)
    assert {was, host(cluster, uuid)} == {"cmp-0001", "cmp-0002"}


def test_what_an_aggregate_says_holds_for_the_next_decision(aggregated):
    """Not a second later: the filters see a change of hosts and of metadata at once."""
    cluster = aggregated
    number = aggregate(cluster, ["cmp-0001", "cmp-0002"], filter_tenant_id="others")
    assert {host(cluster, cluster.boot()) for _ in range(2)} == {"cmp-0003"}
    body = {"set_metadata": {"metadata": {"filter_tenant_id": None}}}
    assert cluster.http("POST", f"/os-aggregates/{number}/action", body, ADMIN).status_int == 200
    assert host(cluster, cluster.boot()) == "cmp-0001"
