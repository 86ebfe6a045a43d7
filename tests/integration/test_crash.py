"""What happens to a cloud: a process dies in the middle of its work, the bus breaks, releases run side by side."""

import signal

import crowd

SERVERS = 30
HOSTS = "cmp-[0001-0004]", "cmp-[0005-0008]", "cmp-[0009-0012]"
# A conductor that soon misses what was lost.
PATIENCE = {"conductor.recovery_interval": 1, "conductor.recovery_after": 6}


def last_action(people, server):
    return people.client.get(f"/servers/{server}/os-instance-actions")["instanceActions"][0]


def test_all_come_to_rest_when_an_agent_is_killed(rabbitmq, mariadb, make_fleet, slow_stages):
    bus = rabbitmq.bus()
    fleet = make_fleet(bus, mariadb.database(), {"simulator.stages": slow_stages, **PATIENCE})
    for service in ("conductor", "scheduler", "api"):
        fleet.start(service, f"{service}-0")
    victim = fleet.start("compute", *HOSTS)[0]
    with crowd.Crowd(fleet.endpoint) as people:
        servers = people.boot(["1"] * SERVERS)
        people.rest(servers, "ACTIVE")
        people.act(servers, "resize", dict.fromkeys(servers, {"flavorRef": "2"}))
        people.wait(servers, lambda _server: people.count("VERIFY_RESIZE") >= 3)
        victim.signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
        fleet.members.remove(victim)
        assert people.count("RESIZE") >= 10, "the kill has to meet many of them in the middle"
        heir, = fleet.start("compute", HOSTS[0])
        views = people.rest(servers, "VERIFY_RESIZE", "ACTIVE")
        undone = [server for server, view in views.items() if view["status"] == "ACTIVE"]
        assert len(undone) < SERVERS / 2
        assert all(view["flavor"]["id"] == ("1" if server in undone else "2") for server, view in views.items())
        assert [last_action(people, server)["message"] for server in undone] == ["Error"] * len(undone)
        assert fleet.audit() == "audit clean"
        moved = [server for server in servers if server not in undone]
        people.act(moved[::2], "confirmResize")
        people.act(moved[1::2], "revertResize")
        people.rest(servers, "ACTIVE")
        assert fleet.audit() == "audit clean"
    assert "Taking up" in (fleet.home / "log" / f"{heir.name}.log").read_text()
    assert rabbitmq.left_messages(bus) == {}
    fleet.stop()


def test_a_broken_bus_is_mended(rabbitmq, mariadb, make_fleet):
    bus = rabbitmq.bus()
    # Messages that arrive late on a busy machine are not lost.
    fleet = make_fleet(bus, mariadb.database(), {**PATIENCE, "conductor.recovery_after": 30})
    for service in ("conductor", "scheduler", "api"):
        fleet.start(service, f"{service}-0")
    fleet.start("compute", *HOSTS)
    with crowd.Crowd(fleet.endpoint) as people:
        servers = people.boot(["1"] * 10)
        people.rest(servers, "ACTIVE")
        rabbitmq.break_connections(bus)
        people.act(servers, "resize", dict.fromkeys(servers, {"flavorRef": "2"}))
        people.rest(servers, "VERIFY_RESIZE")
        people.act(servers, "confirmResize")
        people.rest(servers, "ACTIVE")
    assert fleet.audit() == "audit clean"
    assert rabbitmq.left_messages(bus) == {}
    fleet.stop()


def test_services_of_an_older_release_are_understood(rabbitmq, mariadb, make_fleet):
    """While some conductors and agents are still of the last release, the new ones speak as those do."""
    bus = rabbitmq.bus()
    fleet = make_fleet(bus, mariadb.database())
    fleet.start("conductor", "conductor-0", options={"upgrade_levels.compute": "2.47"})
    fleet.start("scheduler", "scheduler-0")
    fleet.start("compute", HOSTS[0], options={"upgrade_levels.compute": "havana"})
    fleet.start("api", "api-0", options={"upgrade_levels.compute": "2.47", "upgrade_levels.conductor": "1.4"})
    today = make_fleet(bus, fleet.database)
    today.start("api", "api-1")
    with crowd.Crowd(today.endpoint) as newest, crowd.Crowd(fleet.endpoint) as capped:
        # A conductor of 1.4 builds no servers; that is for an API without the cap.
        servers = newest.boot(["1", "1"])
        capped.rest(servers, "ACTIVE")
        for end in ("confirmResize", "revertResize"):
            capped.act(servers, "resize", dict.fromkeys(servers, {"flavorRef": "2" if end[0] == "c" else "3"}))
            capped.rest(servers, "VERIFY_RESIZE")
            capped.act(servers, end)
            views = capped.rest(servers, "ACTIVE")
        assert {view["flavor"]["id"] for view in views.values()} == {"2"}
        request = last_action(capped, servers[0])["request_id"]
        hops = capped.client.get("/os-simulator/journal", {"request_id": request})["hops"]
        sent = {hop["method"]: hop["version"] for hop in hops if hop["what"].startswith("send ")}
        assert sent == {"revert_resize": "2.39", "finish_revert_resize": "2.47"}
    assert fleet.audit() == "audit clean"
    today.stop()
    fleet.stop()
    assert fleet.complaints() == []
