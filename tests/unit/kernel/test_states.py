"""The tables of states: what a user reads, and that it can be found again by what was read."""

import itertools

import pytest

from novasim import states

TASKS = [None, *sorted({value for name, value in vars(states).items() if name.isupper() and isinstance(value, str)
                        and value not in states.VM_STATES})]


@pytest.mark.parametrize(("vm_state", "task_state", "status"), [
    ("active", None, "ACTIVE"), ("active", "resize_prep", "RESIZE"), ("stopped", "resize_finish", "RESIZE"),
    ("resized", None, "VERIFY_RESIZE"), ("resized", "resize_reverting", "REVERT_RESIZE"), ("stopped", None, "SHUTOFF"),
    ("building", "spawning", "BUILD"), ("error", None, "ERROR"), ("active", "rebooting_hard", "HARD_REBOOT"),
    ("nonsense", None, "UNKNOWN"), (None, None, "UNKNOWN")])
def test_status(vm_state, task_state, status):
    assert states.status_of(vm_state, task_state) == status
    assert states.status_of(vm_state, task_state, deleted=True) == "DELETED"


def test_every_status_finds_exactly_the_states_that_have_it():
    statuses = {states.status_of(vm, task) for vm, task in itertools.product(states.VM_STATES, TASKS)}
    for status, vm_state, task_state in itertools.product(statuses, states.VM_STATES, TASKS):
        found = any(rule.vm_state == vm_state and (
            task_state in rule.tasks if rule.tasks is not None else task_state not in rule.not_tasks)
            for rule in states.states_of(status))
        assert found == (states.status_of(vm_state, task_state) == status), (status, vm_state, task_state)
    assert states.states_of("no such") == []


ENDS = {"resize": {"confirmed", "reverted"}, "migration": {"confirmed", "reverted"},
        "live-migration": {"completed", "cancelled", "failed"}, "evacuation": {"completed"}}


@pytest.mark.spec("2.6/live")
@pytest.mark.parametrize("kind", states.FLOWS)
def test_moves_end(kind):
    """Every way leads on along the flow of its own kind, and to one of its ends."""
    flow = states.FLOWS[kind]
    reached = {status for road in flow.values() for status in road}
    assert reached - set(flow) == ENDS[kind]
    assert set(flow) - reached == {next(iter(flow))}


@pytest.mark.parametrize("vm_state", sorted(states.VM_STATES))
def test_who_may_be_resized(vm_state):
    assert (vm_state in states.ACTIONS["resize"].vm) == (vm_state in ("active", "stopped"))
    assert (vm_state in states.ACTIONS["confirmResize"].vm) == (vm_state == "resized")
