"""A run against a plain loop that keeps servers as objects and knows nothing of the scheduler's code."""

import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novasim.launch.whatif import arrivals, fleet, report, run
from novasim.sim import profiles

# Of a host `small`: 8192 MB less 512 for itself, 2 vCPUs by 16, 1028 GB; as the options are shipped.
FREE_MB, VCPUS, DISK_GB = 8192 * 1.5 - 512, 2 * 16, 1028
SIZES = {"tiny": (1, 512, 1), "small": (1, 2048, 20), "wide": (12, 1024, 10), "high": (2, 9000, 300)}
server = st.tuples(st.integers(0, 40), st.none() | st.integers(0, 30), st.sampled_from(sorted(SIZES)))


def lines(servers):
    return [",".join(arrivals.HEADER)] + [
        f"{begin},{'' if lasts is None else begin + lasts},{name},{','.join(map(str, SIZES[name]))}"
        for begin, lasts, name in servers]


def plain(servers, hosts, sign):
    """Server -> host, None where it was rejected: that with the most free memory, or the least; the first of equals.

    Hosts that have given away more than they have count as having nothing (spec 7.9).
    """
    running, went, now = {}, {}, None
    for number, (begin, lasts, name) in enumerate(sorted(servers, key=lambda one: one[0])):
        if begin != now:
            now = begin
            running = {key: one for key, one in running.items() if one[2] is None or one[2] > now}
        used = [[sum(SIZES[kind][at] for where, kind, _ in running.values() if where == host) for at in range(3)]
                for host in range(hosts)]
        room = (VCPUS, FREE_MB, DISK_GB)
        fits = [host for host in range(hosts)
                if all(map(operator.le, map(operator.add, used[host], SIZES[name]), room))]
        went[number] = min(fits, key=lambda host: (-sign * max(8192 - 512 - used[host][1], 0), host), default=None)
        if fits:
            running[number] = (went[number], name, None if lasts is None else begin + lasts)
    return went


@settings(max_examples=60, deadline=None)
@given(st.lists(server, min_size=1, max_size=60), st.integers(1, 3), st.sampled_from([1.0, -1.0]))
def test_servers_go_where_a_plain_loop_puts_them(make_policy, servers, hosts, sign):
    # The weigher alone decides: without a weigher of CPUs or others beside it.
    policy = make_policy(ram_weight_multiplier=sign, weight_classes=["novasim.scheduler.weighers.ram.RAMWeigher"])
    one = run.Run(policy, arrivals.read(lines(servers)), hosts, "small", 1)
    decide, found = one._pipeline.decide, {}

    def watched(columns, spec):
        decision = decide(columns, spec)
        found[int(spec.instance_uuids[0])] = (
            columns.by_host[decision.selections[0].host][0] if decision.selections else None)
        return decision
    one._pipeline.decide = watched
    result = one.play()
    expected = plain(servers, hosts, sign)
    assert found == expected
    last = result.samples[-1]
    assert (last.arrived, last.rejected) == (len(servers), list(expected.values()).count(None))
    assert sum(result.asked_of) == len(servers)


@settings(max_examples=15, deadline=None)
@given(st.lists(server, min_size=1, max_size=40), st.integers(0, 5))
def test_the_same_seed_gives_the_same_bytes(make_policy, servers, seed):
    def texts():
        results = [run.play(make_policy(f"size-{size}", host_subset_size=size), arrivals.read(lines(servers)), 4,
                            "small", seed) for size in (1, 3)]
        return report.as_csv(results), report.as_page(results, {"seed": seed})
    assert texts() == texts()


def test_looking_does_not_shift_the_draws(make_policy, make_arrivals, monkeypatch):
    """With a step of an hour there is one look at the end of a minute, with one of a second there are sixty."""
    servers = make_arrivals(*((second, None, "small") for second in range(60)))
    policy, ends = make_policy(host_subset_size=5), []
    for steps in ((1,), (3600,)):
        monkeypatch.setattr(run, "STEPS_S", steps)
        result = run.play(policy, servers, 10, "large", 3)
        ends.append(result.samples[-1])
    assert ends[0] == ends[1]


def test_everything_that_came_and_went_leaves_the_fleet_as_it_was(make_policy, make_arrivals):
    one = run.Run(make_policy(), make_arrivals(*((0, 5, kind) for kind in ("small", "large") * 9), (9, 9, "small")),
                  3, "large", 0)
    before = one._hosts.free_ram_mb.tolist(), one._hosts.free_disk_mb.tolist(), one._hosts.vcpus_used.tolist()
    one.play()
    one._depart(9)
    assert (one._hosts.free_ram_mb.tolist(), one._hosts.free_disk_mb.tolist(),
            one._hosts.vcpus_used.tolist()) == before
    assert not one._servers.any()
    assert not one._hosts.residents.num_instances.any()


@pytest.mark.parametrize("limit", [2, 3])
def test_filters_that_count_servers_see_them_come_and_go(make_policy, make_arrivals, limit):
    policy = make_policy(enabled_filters=["NumInstancesFilter"], max_instances_per_host=limit)
    result = run.play(policy, make_arrivals(*((0, 10, "small") for _ in range(4)),
                                            *((20, None, "small") for _ in range(4))), 1, "large", 0)
    assert [(sample.time_s, sample.running, sample.rejected) for sample in result.samples] == [
        (second, limit if second < 10 or second == 20 else 0, 4 - limit if second < 20 else 8 - 2 * limit)
        for second in range(21)]


def test_samples_say_what_is_used_and_what_still_fits(make_policy, make_arrivals):
    # A host `medium` has 16 vCPUs, 65536 MB and 2048 GB, and keeps 512 MB.
    result = run.play(make_policy(ram_weight_multiplier=-1.0, ram_allocation_ratio=1.0),
                      make_arrivals((0, None, "large"), (1, None, "small"), (2, None, "large"), (3, None, "large"),
                                    (3, None, "large")), 2, "medium", 0)
    assert [(one.hosts_used, one.largest_flavor, one.rejected_of) for one in result.samples] == [
        (1, "large", [0, 0]), (1, "large", [0, 0]), (2, "small", [0, 0]), (2, "small", [2, 0])]
    last = result.samples[-1]
    assert (last.vcpus_used, last.memory_used_mb, last.disk_used_gb) == (33, 2 * 512 + 2 * 32768 + 2048, 330)
    assert result.reasons == {"RamFilter": 2}
    assert result.asked_of == [4, 1]


def test_steps_keep_samples_few(make_arrivals):
    assert run.step_of(make_arrivals((0, None, "small"))) == 1
    assert run.step_of(make_arrivals((0, None, "small"), (491_400, None, "small"))) == 3600
    assert run.step_of(make_arrivals((0, None, "small"), (10 ** 12, None, "small"))) == 10 ** 12 // 300 + 1


def test_a_question_takes_nothing(make_policy, make_arrivals):
    policy = make_policy()
    conf = policy.config()
    hosts = fleet.empty(2, profiles.load("small"), conf, True)
    spec = fleet.request(make_arrivals((0, 0, "small")).flavors[0])
    before = hosts.free_ram_mb.tolist()
    assert fleet.ask(policy.pipeline(0, conf), hosts, spec).selections
    assert hosts.free_ram_mb.tolist() == before
    assert not hosts.residents.num_instances.any()
