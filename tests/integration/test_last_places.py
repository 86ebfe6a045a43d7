"""Many requesters, several schedulers that do not know of one another, and room for fewer than ask: every place is
given away, none twice, and who is refused is told why."""

import collections

import crowd
import pytest

ASKED, PLACES, PER_HOST = 1200, 1000, 10
REQUESTERS = 64
HOSTS = ["cmp-[0001-0050]", "cmp-[0051-0100]"]
# Of the 65,536 MB of a host each server takes a tenth.
PLACE = {"flavor": {"name": "place", "id": "place", "ram": 6553, "vcpus": 1, "disk": 1}}


@pytest.mark.spec("12.1/9")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", ["mariadb", "postgresql"])
def test_the_last_places(request, rabbitmq, make_fleet, database):
    fleet = make_fleet(rabbitmq.bus(), request.getfixturevalue(database).database(), {
        "DEFAULT.profile": "medium", "DEFAULT.reserved_host_memory_mb": 0,
        "filter_scheduler.ram_allocation_ratio": 1.0})
    members = [fleet.spawn("compute", hosts) for hosts in HOSTS]
    members += [fleet.spawn("scheduler", f"scheduler-{number}") for number in range(4)]
    members += [fleet.spawn("conductor", f"conductor-{number}") for number in range(2)] + [fleet.spawn("api", "api-0")]
    for member in members:
        member.await_ready()
    with crowd.Crowd(fleet.endpoint, REQUESTERS) as people:
        people.client.request("POST", "/flavors", PLACE)
        people.boot(["place"] * ASKED)
        views = people.built(600)
        refused = [view for view in views.values() if view["status"] == "ERROR"]
        placed = collections.Counter(view["OS-EXT-SRV-ATTR:host"] for view in views.values()
                                     if view["status"] == "ACTIVE")
        reasons = {view["fault"]["message"] for view in refused}
        assert reasons == {"No valid host was found. There are not enough hosts available."}
        assert (placed.total(), len(refused)) == (PLACES, ASKED - PLACES)
        assert set(placed.values()) == {PER_HOST}
        nodes = people.client.get("/os-hypervisors/detail")["hypervisors"]
        assert {node["free_ram_mb"] for node in nodes} == {65536 - PER_HOST * 6553}
    assert fleet.audit() == "audit clean"
    fleet.stop()
    assert fleet.complaints() == []
