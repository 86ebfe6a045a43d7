"""Fault rules: where they act, how often, and what is wrong with a bad one."""

import random

import pytest

from novasim import exceptions
from novasim.sim.clock import Clock
from novasim.sim.faults import POINTS, Faults, read

SPAWN = {"at": "virt.spawn"}


@pytest.mark.parametrize(("rule", "told"), [
    ("x", "'x' is no mapping"), ({"at": "virt.spwan"}, "there is no point 'virt.spwan'"), ({}, "there is no point ''"),
    (SPAWN | {"wehn": 1}, "unknown key 'wehn'"), (SPAWN | {"match": {"method": "x"}}, "virt.spawn has no 'method'"),
    (SPAWN | {"match": ["host"]}, "match: .* no mapping"), (SPAWN | {"do": "explode"}, "unknown action 'explode'"),
    (SPAWN | {"do": {"raise": "x", "delay": 1}}, "unknown action"), (SPAWN | {"do": [["ok"]]}, "unknown action"),
    (SPAWN | {"do": "drop"}, "drop is for rpc.send"), (SPAWN | {"do": {"delay": "long"}}, "delay: 'long' is no number"),
    (SPAWN | {"times": "x"}, "times: 'x' is no whole number"), (SPAWN | {"p": "often"}, "p: 'often' is no number"),
    (SPAWN | {"p": -1}, "p: -1 is no number")])
def test_a_bad_rule_is_told_by_its_key(rule, told):
    with pytest.raises(exceptions.Invalid, match=told):
        Faults().add(rule)


def load(faults, path):
    for rule in read(str(path)):
        faults.add(rule)


@pytest.mark.parametrize(("text", "told"), [("{", "fault rules"), ("at: x", "not a list"), ("- {at: x}", "no point")])
def test_a_bad_file(tmp_path, text, told):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(exceptions.Invalid, match=told):
        load(Faults(), path)
    with pytest.raises(exceptions.Invalid, match=r"none\.yaml"):
        load(Faults(), tmp_path / "none.yaml")


def test_rules_from_a_file(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("- {at: virt.spawn, match: {host: 'cmp-1*'}, do: {raise: no disk}}\n")
    faults = Faults()
    load(faults, path)
    assert faults.at("virt.spawn", host="cmp-2", instance="i") == "ok"
    assert faults.at("virt.destroy", host="cmp-1", instance="i") == "ok"
    with pytest.raises(exceptions.FaultInjected, match="no disk"):
        faults.at("virt.spawn", host="cmp-17", instance="i")


def test_actions_are_taken_in_turn_as_often_as_said():
    faults = Faults()
    faults.add({"at": "rpc.send", "do": ["drop", "ok", "duplicate"], "times": 5})
    assert [faults.at("rpc.send") for _ in range(7)] == ["drop", "ok", "duplicate", "drop", "ok", "ok", "ok"]


def test_refuse_and_delay():
    class Sleeper(Clock):
        slept = []

        def sleep(self, seconds):
            self.slept.append(seconds)

    clock = Sleeper()
    faults = Faults(clock)
    faults.add(SPAWN | {"do": {"delay": 7}})
    faults.add(SPAWN | {"do": {"refuse": "full"}})
    with pytest.raises(exceptions.InstanceFaultRollback, match="full"):
        faults.at("virt.spawn")
    assert clock.slept == [7]
    faults.clear()
    assert faults.at("virt.spawn") == "ok"


def test_chance_is_replayed_by_a_seed():
    def run():
        faults = Faults(random=random.Random(3))
        faults.add({"at": "rpc.send", "do": "drop", "p": 0.5})
        return [faults.at("rpc.send") for _ in range(50)]
    assert run() == run()
    assert {"drop", "ok"} == set(run())


def test_every_verb_of_a_hypervisor_is_a_point():
    from novasim.sim.stages import OPERATIONS
    assert {point.removeprefix("virt.") for point in POINTS if point.startswith("virt.")} == set(OPERATIONS)
