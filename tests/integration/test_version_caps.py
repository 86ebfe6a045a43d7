"""Releases side by side over RabbitMQ: whoever is capped speaks as the one before did, and is understood.

The agents of the release before are a program of their own (old_agent.py): it takes no message above 2.47.
"""

import json
import pathlib

import crowd
import pytest

OLD_AGENT = pathlib.Path(__file__).with_name("old_agent.py")
HAVANA = {"upgrade_levels.compute": "havana", "upgrade_levels.conductor": "havana"}
AUTO = {"upgrade_levels.compute": "auto", "upgrade_levels.conductor": "1.4"}
TODAY = {"migrate_server": "1.6", "prep_resize": "3.25", "resize_instance": "3.0", "finish_resize": "3.0",
         "confirm_resize": "3.0", "revert_resize": "3.0", "finish_revert_resize": "3.0"}
BY_API = {"migrate_server": "1.4", "confirm_resize": "2.39", "revert_resize": "2.39"}
BY_CONDUCTOR = {"prep_resize": "2.43"}
BY_AGENTS = {"resize_instance": "2.45", "finish_resize": "2.46", "finish_revert_resize": "2.47"}
# Who is capped -> (options by service, the program that plays the agents, versions that differ from today's).
CASES = {
    "conductor": ({"conductor": HAVANA}, None, BY_CONDUCTOR),
    "api": ({"api": {"upgrade_levels.compute": "2.47", "upgrade_levels.conductor": "1.4"}}, None, BY_API),
    "agents": ({"compute": HAVANA}, None, BY_AGENTS),
    "old agents, the others know": (
        {"conductor": HAVANA, "api": HAVANA, "compute": HAVANA}, OLD_AGENT, BY_API | BY_CONDUCTOR | BY_AGENTS),
    "old agents, the others look": (
        {"conductor": AUTO, "api": AUTO, "compute": HAVANA}, OLD_AGENT, BY_API | BY_CONDUCTOR | BY_AGENTS),
}


def sent(fleet):
    """The versions in which each method was sent, over all processes."""
    found = {}
    for path in (fleet.home / "state" / "journal").glob("*.jsonl"):
        for hop in map(json.loads, path.read_text().splitlines()):
            if hop["what"].startswith("send "):
                found.setdefault(hop["method"], set()).add(hop["version"])
    return found


@pytest.mark.spec("S15", "S22", "4.3/migrate_server", "4.3/prep_resize", "4.3/receiver", "4.3/aliases", "4.3/auto")
@pytest.mark.parametrize("capped", CASES)
def test_a_release_apart(rabbitmq, mariadb, make_fleet, capped):
    options, program, changed = CASES[capped]
    bus = rabbitmq.bus()
    fleet = make_fleet(bus, mariadb.database())
    # The agents first: who looks for the oldest looks when he starts.
    fleet.start("compute", "cmp-[0001-0003]", options=options.get("compute"), program=program)
    for service in ("conductor", "scheduler", "api"):
        fleet.start(service, f"{service}-0", options=options.get(service))
    # A conductor of 1.4 builds no servers; that is for an API without the cap.
    today = make_fleet(bus, fleet.database)
    today.start("api", "api-1")
    with crowd.Crowd(today.endpoint) as newest, crowd.Crowd(fleet.endpoint) as people:
        servers = newest.boot(["1", "1"])
        people.rest(servers, "ACTIVE")
        for end, flavor, kept in (("confirmResize", "2", "2"), ("revertResize", "3", "2")):
            people.act(servers, "resize", dict.fromkeys(servers, {"flavorRef": flavor}))
            people.rest(servers, "VERIFY_RESIZE")
            people.act(servers, end)
            views = people.rest(servers, "ACTIVE")
            assert {view["flavor"]["id"] for view in views.values()} == {kept}
    versions = sent(fleet)
    assert {method: versions[method] for method in TODAY} == {
        method: {version} for method, version in (TODAY | changed).items()}
    assert fleet.audit() == "audit clean"
    today.stop()
    fleet.stop()
    assert fleet.complaints() == []


@pytest.mark.spec("4.3/server-accepts")
def test_an_old_agent_that_is_asked_too_much(rabbitmq, mariadb, make_fleet):
    """Without the cap the old agent refuses; the server is given back, with a fault, and can be resized again."""
    bus = rabbitmq.bus()
    fleet = make_fleet(bus, mariadb.database(), {"conductor.recovery_interval": 1, "conductor.recovery_after": 2})
    fleet.start("compute", "cmp-0001")
    for service in ("conductor", "scheduler", "api"):
        fleet.start(service, f"{service}-0")
    with crowd.Crowd(fleet.endpoint) as people:
        servers = people.boot(["1"])
        people.rest(servers, "ACTIVE")
        old, = fleet.start("compute", "cmp-0002", options=HAVANA, program=OLD_AGENT)
        people.act(servers, "resize", dict.fromkeys(servers, {"flavorRef": "2"}))
        view, = people.rest(servers, "ACTIVE").values()
        assert (view["flavor"]["id"], view["OS-EXT-SRV-ATTR:host"]) == ("1", "cmp-0001")
        last = people.client.get(f"/servers/{view['id']}/os-instance-actions")["instanceActions"][0]
        assert (last["action"], last["message"]) == ("resize", "Error")
        assert fleet.audit() == "audit clean"
        assert "does not support" in (fleet.home / "log" / f"{old.name}.log").read_text()
        fleet.start("compute", "cmp-0003")
        people.act(servers, "migrate")
        people.rest(servers, "VERIFY_RESIZE", "ACTIVE")
    assert rabbitmq.left_messages(bus) == {}
    fleet.stop()
