"""When a rule acts, what it knows of where it acts, and what hangs until when."""

import threading
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novasim import exceptions
from novasim.objects import Flavor
from novasim.sim.clock import ManualClock
from novasim.sim.fault_rules import POINTS, Rule
from novasim.sim.faults import HOP, Faults, Hop

WAIT_S = 10
DROP = {"at": "rpc.send", "do": "drop"}


def fates(rule, times, **facts):
    faults = Faults()
    faults.add(DROP | rule)
    return "".join("x" if faults.at("rpc.send", **facts) == "drop" else "." for _ in range(times))


@pytest.mark.parametrize(("rule", "acts"), [
    ({"nth": 3}, "..xxxx"), ({"times": 2}, "xx...."), ({"nth": 2, "times": 1}, ".x...."), ({"times": 0}, "......"),
    ({"do": ["ok", "drop"], "nth": 2, "times": 4}, "..x.x."), ({"p": 0}, "......"), ({"p": 1.0}, "xxxxxx")])
def test_nth_times_and_turns(rule, acts):
    assert fates(rule, 6) == acts


@given(st.integers(1, 5), st.none() | st.integers(0, 5), st.floats(0, 1), st.integers(0, 2 ** 31))
def test_a_seed_says_it_all(nth, times, p, seed):
    rule = {"nth": nth, "times": times, "p": p, "seed": seed}
    acts = fates(rule, 20)
    assert acts == fates(rule, 20)
    assert not acts[:nth - 1].strip(".")
    assert times is None or acts.count("x") <= times


def test_matches_are_counted_apart():
    faults = Faults()
    faults.add(DROP | {"per": "instance", "nth": 2, "times": 1})
    assert [faults.at("rpc.send", instance=one) for one in "abaabb"] == ["ok", "ok", "drop", "ok", "drop", "ok"]


def test_a_pattern_of_points():
    faults = Faults()
    faults.add({"at": "virt.*live_migration*", "do": {"raise": "x"}})
    assert faults.at("virt.spawn", host="h") == "ok"
    for point in ("virt.live_migration", "virt.pre_live_migration"):
        with pytest.raises(exceptions.FaultInjected):
            faults.at(point, host="h")
    with pytest.raises(exceptions.Invalid, match=r"rpc\.receive has no 'server'"):
        faults.add({"at": "rpc.*", "match": {"server": "x"}, "do": "drop"})


def test_what_happens_in_a_hop_belongs_to_it():
    small = Flavor(flavorid="2", name="m1.small", memory_mb=1, vcpus=1, root_gb=1)
    faults, told = Faults(), []
    faults.tell = lambda action, rule, point, facts: told.append((action.name, point, facts))
    faults.add({"at": "virt.spawn", "match": {"hop": "run_*", "flavor": "m1.*", "host": "b"}, "do": {"refuse": "no"}})

    def spawn(host, flavor):
        token = HOP.set(Hop("run_instance", "compute", "a", "req-1", "i", {"flavor": flavor}))
        try:
            return faults.at("virt.spawn", host=host)
        finally:
            HOP.reset(token)

    assert faults.at("virt.spawn", host="b") == spawn("a", small) == spawn("b", {"name": "big"}) == "ok"
    for flavor in (small, {"name": "m1.small"}):
        with pytest.raises(exceptions.InstanceFaultRollback):
            spawn("b", flavor)
    assert [(did, point, facts["request_id"]) for did, point, facts in told] == [("refuse", "virt.spawn", "req-1")] * 2
    assert [(did, facts["host"], facts["instance"]) for did, _, facts in told] == [("refuse", "b", "i")] * 2


def test_an_error_of_a_certain_class():
    faults = Faults()
    faults.add({"at": "virt.spawn", "do": {"raise": {"error": "ComputeResourcesUnavailable", "text": "full"}}})
    with pytest.raises(exceptions.ComputeResourcesUnavailable, match="full"):
        faults.at("virt.spawn")


def test_a_rule_ends():
    clock = ManualClock()
    faults = Faults(clock)
    faults.add(DROP | {"ttl_s": 10})
    assert faults.at("rpc.send") == "drop"
    clock.advance(10)
    assert faults.at("rpc.send") == "ok"
    later = clock.now() + timedelta(hours=1)
    assert Rule(DROP | {"until": f"{later.isoformat()}+01:00"}).ends == clock.now()
    assert Rule(DROP | {"until": later.isoformat(), "ttl_s": 5}, datetime(2026, 1, 1)).ends.second == 5


@pytest.mark.parametrize("end", ["clear", "wake", "unshared"])
def test_a_hang_ends_with_its_rule_or_when_it_is_woken(end):
    faults, wake, done, hangs = Faults(), threading.Event(), threading.Event(), threading.Event()
    faults.tell = lambda *_: hangs.set()
    rule = {"at": "virt.live_migration", "do": "hang"}
    if end == "unshared":
        faults.share({"a": faults.check(rule)}, lambda _: lambda rule, _: rule.decide(1, 0))
    else:
        faults.add(rule)

    def work():
        assert faults.at("virt.live_migration", wake, host="h") == "ok"
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert hangs.wait(WAIT_S)
    assert not done.is_set()
    {"clear": faults.clear, "wake": wake.set, "unshared": lambda: faults.share({}, lambda _: None)}[end]()
    thread.join(WAIT_S)
    assert done.is_set()


def test_what_is_shared_comes_and_goes_by_its_id():
    faults, drawn = Faults(), []

    def draw(key):
        return lambda rule, _: drawn.append(key) or rule.decide(1, 0)

    own = faults.add(DROP | {"match": {"topic": "own"}})
    first, second = faults.check(DROP), faults.check(DROP)
    faults.share({"a": first}, draw)
    faults.share({"a": second, "b": second}, draw)
    assert [force.rule for force in faults.rules] == [own, first, second], "a rule that is known stays as it is"
    faults.share({"b": second}, draw)
    assert faults.at("rpc.send") == "drop"
    assert drawn == ["b"]
    faults.share({}, draw)
    assert faults.at("rpc.send") == "ok"
    assert faults.at("rpc.send", topic="own") == "drop"


def test_a_match_that_cannot_be_counted_does_nothing(caplog):
    faults = Faults()
    faults.share({"a": faults.check(DROP)}, lambda _: lambda *_: 1 / 0)
    assert faults.at("rpc.send") == "ok"
    assert "could not be counted" in caplog.text


def test_a_process_is_killed_only_where_it_may_be():
    killed = []
    with pytest.raises(exceptions.Invalid, match="not a service's own"):
        Faults().add({"at": "virt.spawn", "do": "kill"})
    faults = Faults(kill=lambda: killed.append(1))
    faults.add({"at": "virt.spawn", "do": "kill", "times": 1})
    assert [faults.at("virt.spawn"), faults.at("virt.spawn")] == ["ok", "ok"]
    assert killed == [1]


def test_without_rules_a_point_looks_at_one_attribute():
    class Counting(Faults):
        looks = 0

        def __getattribute__(self, name):
            type(self).looks += name not in ("at", "__class__")
            return super().__getattribute__(name)

    faults = Counting()
    Counting.looks = 0
    assert faults.at("rpc.send", topic="x") == "ok"
    assert Counting.looks == 1


def test_points_know_what_rules_match():
    for point, keys in POINTS.items():
        rule = Rule({"at": point, "match": dict.fromkeys(keys, "x")})
        assert rule.fits(dict.fromkeys(keys, "x"))
        assert not rule.fits({})
