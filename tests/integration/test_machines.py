"""Machines come and go in a split cluster, and what a broker goes through leaves nothing behind."""

import signal
import threading

import crowd
import daemons
import pytest

# A conductor that soon misses what was lost.
PATIENCE = {"conductor.recovery_interval": 1, "conductor.recovery_after": 6}
HOSTS = "/os-simulator/hosts"


def start(fleet, *computes, **options):
    for service in ("conductor", "scheduler", "api"):
        fleet.start(service, f"{service}-0")
    return fleet.start("compute", *computes, **options)


def act(people, action, *hosts):
    people.client.post(f"{HOSTS}/action", {action: {"hosts": list(hosts)}})


def queues(rabbitmq, bus):
    return {queue["name"]: queue for queue in rabbitmq.queues(bus) if queue["name"].startswith("compute.")}


def host_of(people, server):
    return people.client.get(f"/servers/{server}")["server"]["OS-EXT-SRV-ATTR:host"]


def wait_for(what):
    """Look until it is so."""
    quiet = threading.Event()
    for _ in range(300):
        if what():
            return
        quiet.wait(0.1)
    pytest.fail("it did not come")


@pytest.mark.timeout(240)
def test_machines_of_two_processes(rabbitmq, mariadb, make_fleet):
    bus = rabbitmq.bus()
    fleet = make_fleet(bus, mariadb.database(), {"DEFAULT.report_interval": 1, "DEFAULT.service_down_time": 3})
    start(fleet, "cmp-[0001-0070]", "cmp-[0071-0100]")
    with crowd.Crowd(fleet.endpoint) as people:
        people.client.post(HOSTS, {"scale": {"count": 200, "profile": "small"}})
        fleets = people.client.get("/os-simulator/fleets")["fleets"]
        assert [(one["name"], one["hosts"], one["state"]) for one in fleets] == [
            ("cmp-0001", 100, "up"), ("cmp-0071", 100, "up")]
        there = queues(rabbitmq, bus)
        assert len(there) == 200
        assert {queue["consumers"] for queue in there.values()} == {1}
        # One to listen by, and those that messages are sent by: their number does not grow with the hosts.
        assert len(rabbitmq.connections(bus)) < 25
        servers = people.boot(["1"] * 10)
        people.rest(servers, "ACTIVE")
        host = host_of(people, servers[0])
        act(people, "crash", host)
        assert queues(rabbitmq, bus)[f"compute.{host}"]["consumers"] == 0
        people.act(servers[:1], "os-stop")
        wait_for(lambda: rabbitmq.left_messages(bus) == {f"compute.{host}": 1})
        act(people, "revive", host)
        people.rest(servers[:1], "SHUTOFF")
        act(people, "freeze", host)
        people.act(servers[:1], "os-start")
        wait_for(lambda: rabbitmq.left_messages(bus) == {f"compute.{host}": 1})
        wait_for(lambda: {one["host"]: one["service_state"] for one in people.client.pages(HOSTS, "hosts")}[host]
                 == "down")
        act(people, "thaw", host)
        people.rest(servers[:1], "ACTIVE")
        people.client.post(HOSTS, {"scale": {"count": 50}})
        assert len(queues(rabbitmq, bus)) == 50
    assert rabbitmq.left_messages(bus) == {}
    fleet.stop()


@pytest.mark.timeout(240)
def test_a_process_whose_heart_stood_still(rabbitmq, mariadb, make_fleet, slow_stages):
    """Stopped for more than twice as long as a host may be silent, and than the broker waits for a sign of life."""
    bus = rabbitmq.bus()
    fleet = make_fleet(bus, mariadb.database(), {
        "DEFAULT.report_interval": 1, "DEFAULT.service_down_time": 3, "simulator.stages": slow_stages,
        "oslo_messaging_rabbit.heartbeat_timeout_threshold": 2, "conductor.recovery_interval": 1,
        "conductor.recovery_after": 20})
    agents, = start(fleet, "cmp-[0001-0200]")
    with crowd.Crowd(fleet.endpoint) as people:
        servers = people.boot(["1"] * 20)
        people.rest(servers, "ACTIVE")
        people.act(servers, "resize", dict.fromkeys(servers, {"flavorRef": "2"}))
        people.wait(servers, lambda _server: people.count("VERIFY_RESIZE") >= 3)
        agents.signal(signal.SIGSTOP)
        wait_for(lambda: people.client.get("/os-simulator/fleets")["fleets"][0]["state"] == "down")
        threading.Event().wait(6)
        assert {queue["consumers"] for queue in queues(rabbitmq, bus).values()} == {0}, "the broker has given it up"
        agents.signal(signal.SIGCONT)
        people.rest(servers, "VERIFY_RESIZE")
        wait_for(lambda: {one["service_state"] for one in people.client.pages(HOSTS, "hosts")} == {"up"})
        people.act(servers, "confirmResize")
        people.rest(servers, "ACTIVE")
        assert {queue["consumers"] for queue in queues(rabbitmq, bus).values()} == {1}
    assert rabbitmq.left_messages(bus) == {}
    assert fleet.audit() == "audit clean"
    fleet.stop()


@pytest.mark.timeout(240)
def test_a_broker_that_is_started_again_in_the_middle(mariadb, make_fleet, slow_stages):
    """With it go all queues and what was in them: what was lost is sent again or given back, and all comes to rest."""
    with daemons.RabbitMQ() as rabbitmq:
        bus = rabbitmq.bus()
        fleet = make_fleet(bus, mariadb.database(), {"simulator.stages": slow_stages, **PATIENCE})
        start(fleet, "cmp-[0001-0100]", "cmp-[0101-0200]")
        with crowd.Crowd(fleet.endpoint) as people:
            servers = people.boot(["1"] * 30)
            people.rest(servers, "ACTIVE")
            people.act(servers, "resize", dict.fromkeys(servers, {"flavorRef": "2"}))
            people.wait(servers, lambda _server: people.count("VERIFY_RESIZE") >= 3)
            rabbitmq.restart()
            views = people.rest(servers, "VERIFY_RESIZE", "ACTIVE")
            wait_for(lambda: len(queues(rabbitmq, bus)) == 200)
            moved = [server for server, view in views.items() if view["status"] == "VERIFY_RESIZE"]
            assert len(moved) > len(servers) / 2
            people.act(moved[::2], "confirmResize")
            people.act(moved[1::2], "revertResize")
            people.rest(servers, "ACTIVE")
        assert fleet.audit() == "audit clean"
        assert rabbitmq.left_messages(bus) == {}
        fleet.stop()


@pytest.mark.timeout(240)
def test_quorum_queues(mariadb, make_fleet):
    """An option of the driver passes through; what waits in such a queue outlives the broker."""
    with daemons.RabbitMQ() as rabbitmq:
        bus = rabbitmq.bus()
        fleet = make_fleet(bus, mariadb.database(), {
            "oslo_messaging_rabbit.rabbit_quorum_queue": True,
            # Nobody sends again what waits.
            "conductor.recovery_after": 600})
        start(fleet, "cmp-[0001-0020]")
        with crowd.Crowd(fleet.endpoint) as people:
            there = {queue["name"]: queue["type"] for queue in rabbitmq.queues(bus)}
            assert {there[name] for name in ("conductor", "scheduler", "compute.cmp-0001", "compute.cmp-0020")} == {
                "quorum"}
            server, = servers = people.boot(["1"])
            people.rest(servers, "ACTIVE")
            people.act(servers, "resize", {server: {"flavorRef": "2"}})
            people.rest(servers, "VERIFY_RESIZE")
            people.act(servers, "confirmResize")
            people.rest(servers, "ACTIVE")
            host = host_of(people, server)
            act(people, "crash", host)
            people.act(servers, "os-stop")
            wait_for(lambda: rabbitmq.left_messages(bus).get(f"compute.{host}") == 1)
            rabbitmq.restart()
            wait_for(lambda: rabbitmq.left_messages(bus).get(f"compute.{host}") == 1)
            act(people, "revive", host)
            people.rest(servers, "SHUTOFF")
        assert fleet.audit() == "audit clean"
        fleet.stop()
