"""Some hosts die in the middle of many moves and do not come back: nobody waits for them for ever, and when they are
back after all, nothing runs twice."""

import signal

import crowd
import pytest

SERVERS = 24
HOSTS = "cmp-[0001-0004]", "cmp-[0005-0008]", "cmp-[0009-0012]"
IMPATIENT = {"DEFAULT.service_down_time": 6, "DEFAULT.report_interval": 2, "conductor.recovery_interval": 1,
             "conductor.recovery_after": 4}


@pytest.mark.spec("12.2/20", "12.2/29", "12.2/32", "12.4/4", "12.4/7")
@pytest.mark.timeout(300)
def test_hosts_that_die_for_good(rabbitmq, mariadb, make_fleet, slow_stages):
    fleet = make_fleet(rabbitmq.bus(), mariadb.database(), {"simulator.stages": slow_stages, **IMPATIENT})
    for service in ("conductor", "scheduler", "api"):
        fleet.start(service, f"{service}-0")
    victim = fleet.start("compute", *HOSTS)[0]
    with crowd.Crowd(fleet.endpoint) as people:
        servers = people.boot(["1"] * SERVERS)
        people.rest(servers, "ACTIVE")
        people.act(servers, "resize", dict.fromkeys(servers, {"flavorRef": "2"}))
        people.wait(servers, lambda _server: people.count("VERIFY_RESIZE") >= 2)
        victim.signal(signal.SIGKILL)
        victim.wait()
        fleet.members.remove(victim)
        views = people.rest(servers, "VERIFY_RESIZE", "ACTIVE", "ERROR")
        broken = [server for server, view in views.items() if view["status"] == "ERROR"]
        assert broken, "the kill has to meet some in the middle"
        assert fleet.audit() == "audit clean"
        faults = {people.client.get(f"/servers/{server}")["server"]["fault"]["message"] for server in broken}
        assert all(fault.startswith("Compute service of cmp-000") for fault in faults), faults
        fleet.start("compute", HOSTS[0])
        assert fleet.audit() == "audit clean"
        people.each(lambda server: people.client.delete(f"/servers/{server}"), servers)
        people.wait(servers, lambda server: server["status"] == "DELETED")
    fleet.stop()
    assert fleet.audit() == "audit clean"
