"""Fault rules reach every process of a split cluster, whenever it starts, and are counted for all of them together."""

import collections
import signal

import crowd
import pytest

FAULTS = "/os-simulator/faults"
HOSTS = "cmp-[0001-0002]", "cmp-[0003-0004]"
PATIENCE = {"conductor.recovery_interval": 1, "conductor.recovery_after": 6}
SERVERS = 12


def log(people):
    return people.client.get("/os-simulator/fault-log", {"limit": 1000})["fault_log"]


@pytest.mark.timeout(300)
def test_rules_act_in_all_processes(rabbitmq, mariadb, make_fleet):
    bus = rabbitmq.bus()
    fleet = make_fleet(bus, mariadb.database(), PATIENCE)
    for service in ("conductor", "scheduler", "api"):
        fleet.start(service, f"{service}-0")
    first, = fleet.start("compute", HOSTS[0])
    with crowd.Crowd(fleet.endpoint) as people:
        # Added while a process of agents is there, and before another one starts.
        [added] = people.client.post(FAULTS, {"fault": {"preset": "reschedule-once"}})["faults"]
        second, = fleet.start("compute", HOSTS[1])
        servers = people.boot(["1"] * SERVERS)
        people.rest(servers, "ACTIVE")
        told = log(people)
        assert collections.Counter(one["instance_uuid"] for one in told) == dict.fromkeys(servers, 1)
        assert {one["host"] in ("cmp-0001", "cmp-0002") for one in told} == {True, False}, "either process was told"
        [rule] = people.client.get(FAULTS)["faults"]
        assert (rule["acted"], rule["seen"]) == (SERVERS, 2 * SERVERS)
        people.client.delete(f"{FAULTS}/{added['id']}")
        people.rest(people.boot(["1"]), "ACTIVE")
        assert len(log(people)) == SERVERS

        people.client.post(FAULTS, {"fault": {"preset": "dying-agents"}})
        people.act(servers[:1], "resize", {servers[0]: {"flavorRef": "2"}})
        people.wait(servers[:1], lambda _server: any(one["did"] == "kill" for one in log(people)))
        dead = {"cmp-0001": first, "cmp-0002": first}.get(log(people)[0]["host"], second)
        assert dead.wait() == -signal.SIGKILL
        fleet.members.remove(dead)
        fleet.start("compute", HOSTS[0] if dead is first else HOSTS[1])
        people.rest(servers[:1], "VERIFY_RESIZE")
        assert [one["did"] for one in log(people)].count("kill") == 1, "whoever takes it up again is not killed again"

        people.client.delete(FAULTS)
        people.client.post(FAULTS, {"fault": {
            "at": "rpc.reply", "match": {"topic": "conductor", "method": "*"}, "do": {"delay": 0.1}}})
        people.act(servers[:1], "confirmResize")
        people.rest(servers[:1], "ACTIVE")
    assert fleet.audit() == "audit clean"
    # What was meant for all waits for the process that was killed, until its own queue expires.
    assert [name for name in rabbitmq.left_messages(bus) if "_fanout_" not in name] == []
    fleet.stop()
