import msgspec
import pytest

from novasim import exceptions
from novasim.context import RequestContext
from novasim.objects import Selection
from novasim.scheduler.endpoints import SchedulerEndpoints
from novasim.sim.clock import ManualClock
from novasim.sim.journal import Journal


class TwoHosts:
    """A driver with two hosts and no third."""

    def select_destinations(self, request_spec, filter_properties, return_alternates=False):
        asked = len(request_spec["instance_uuids"])
        if asked > 2:
            raise exceptions.NoValidHost(reason="0 of 2: 2 RamFilter")
        spare = [Selection(host="cmp-9", nodename="n")] if return_alternates else msgspec.UNSET
        return [Selection(host=f"cmp-{number}", nodename="n", limits={"vcpu": 16.0}, alternates=spare)
                for number in range(asked)]


@pytest.fixture
def hops():
    return []


@pytest.fixture
def endpoints(hops):
    journal = Journal(None, "scheduler", ManualClock())
    journal.subscribe(hops.append)
    return SchedulerEndpoints(TwoHosts(), journal)


@pytest.mark.spec("S19")
def test_answers_with_plain_dictionaries_and_notes_the_choice(endpoints, hops):
    answer = endpoints.select_destinations(RequestContext(request_id="req-1"), {"instance_uuids": ["u1"]}, {})
    assert answer == [{"host": "cmp-0", "nodename": "n", "limits": {"vcpu": 16.0}}]
    [hop] = hops
    assert hop.items() >= {"what": "select_destinations", "request_id": "req-1", "kind": "step",
                           "service": "scheduler", "instance_uuid": "u1", "chosen": ["cmp-0"]}.items()
    assert "instance_uuids" not in hop


def test_alternates_are_told_to_whom_asks_for_them(endpoints):
    """Who does not, a peer of an older release, gets the answer as it was."""
    asked = RequestContext(request_id="req-1"), {"instance_uuids": ["u1"]}, {}
    [told] = endpoints.select_destinations(*asked, return_alternates=True)
    assert told == {"host": "cmp-0", "nodename": "n", "limits": {"vcpu": 16.0},
                    "alternates": [{"host": "cmp-9", "nodename": "n", "limits": {}}]}
    assert "alternates" not in endpoints.select_destinations(*asked)[0]


def test_a_refusal_is_noted_with_its_reason_and_raised(endpoints, hops):
    with pytest.raises(exceptions.NoValidHost, match="2 RamFilter"):
        endpoints.select_destinations(RequestContext(), {"instance_uuids": ["u1", "u2", "u3"]}, {})
    [hop] = hops
    assert hop["reason"] == "No valid host was found. 0 of 2: 2 RamFilter"
    assert (hop["instance_uuid"], hop["instance_uuids"]) == ("u1", ["u1", "u2", "u3"])
