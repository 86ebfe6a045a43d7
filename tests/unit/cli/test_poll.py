"""Following a server: when it is over, what is shown, and what is said when it failed."""

import io

import pytest

from novasim.cli import poll
from novasim.cli.client import Client
from novasim.cli.settings import Settings


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(poll, "SHORTEST_S", 0.001)
    monkeypatch.setattr(poll.pauses, "__defaults__", (0.001, 0.002))


@pytest.fixture
def client(nova):
    with Client(Settings(nova.endpoint, "admin:admin")) as made:
        yield made


@pytest.fixture
def follow(nova, client, server_of, server_id, request_id):
    def run(verb, *looks):
        nova.on("GET", f"/servers/{server_id}", *({"server": server_of(**look)} for look in looks))
        seen = []
        server = poll.follow(client, server_id, verb, request_id, lambda one: seen.append(one["status"]))
        return server, seen

    return run


def action_of(message=None, events=()):
    return {"instanceAction": {"action": "resize", "message": message, "events": list(events)}}


def test_boot_is_over_when_active_without_a_task(follow):
    server, seen = follow("create", {"status": "BUILD", "task": "spawning"}, {"status": "BUILD"},
                          {"status": "ACTIVE"})
    assert server["status"] == "ACTIVE"
    assert seen == ["BUILD", "BUILD", "ACTIVE"]


def test_boot_in_error_says_the_fault(follow):
    fault = {"code": 500, "message": "No valid host was found. There are not enough hosts available."}
    with pytest.raises(poll.Failed, match="demo is in ERROR: No valid host was found"):
        follow("create", {"status": "BUILD", "task": "scheduling"}, {"status": "ERROR", "fault": fault})


def test_resize_without_a_host_says_the_event_and_where_it_is_again(follow, nova, server_id, request_id):
    event = {"event": "cold_migrate", "result": "Error", "details": "No valid host was found. Full.",
             "traceback": None}
    nova.on("GET", f"/servers/{server_id}/os-instance-actions/{request_id}",
            action_of(), action_of("Error", [{"event": "x", "result": "Success"}, event]))
    with pytest.raises(poll.Failed) as caught:
        follow("resize", {"status": "RESIZE", "task": "resize_prep"}, {"status": "ACTIVE"})
    assert str(caught.value) == "resize failed: No valid host was found. Full. demo is ACTIVE again"
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == "compute 2.84"


def test_an_admin_is_told_how_many_hosts_were_dropped_by_what(nova, follow):
    fault = {"code": 500, "message": "No valid host was found. Full.",
             "details": "No valid host was found. Full. 0 of 2: 2 RamFilter\nTraceback:\n"}
    with pytest.raises(poll.Failed, match=r"demo is in ERROR: No valid host was found. Full. 0 of 2: 2 RamFilter$"):
        follow("create", {"status": "ERROR", "fault": fault})


def test_traceback_gives_the_reason_where_there_are_no_details(follow, nova, server_id, request_id):
    event = {"event": "cold_migrate", "result": "Error",
             "traceback": "Traceback:\n  File\nnovasim.exceptions.NoValidHost: It is: full\n"}
    nova.on("GET", f"/servers/{server_id}/os-instance-actions/{request_id}", action_of("Error", [event]))
    with pytest.raises(poll.Failed, match="migrate failed: It is: full. demo is SHUTOFF again"):
        follow("migrate", {"status": "SHUTOFF"})


def test_resize_that_ended_for_no_known_reason(follow):
    with pytest.raises(poll.Failed, match="resize failed: no reason was recorded. demo is ACTIVE again"):
        follow("resize", {"status": "ACTIVE"})


def test_confirm_goes_on_while_the_server_waits_to_be_verified(follow):
    _server, seen = follow("confirmResize", {"status": "VERIFY_RESIZE"}, {"status": "VERIFY_RESIZE"},
                           {"status": "SHUTOFF"})
    assert seen == ["VERIFY_RESIZE", "VERIFY_RESIZE", "SHUTOFF"]


def test_revert_that_left_the_server_as_it_was(follow):
    with pytest.raises(poll.Failed, match="revertResize failed: .* demo is VERIFY_RESIZE again"):
        follow("revertResize", {"status": "REVERT_RESIZE", "task": "resize_reverting"},
               {"status": "VERIFY_RESIZE"})


def test_reboot_looks_done_but_the_action_failed(follow, nova, server_id, request_id):
    nova.on("GET", f"/servers/{server_id}/os-instance-actions/{request_id}",
            action_of("Error", [{"event": "reboot", "result": "Error", "details": "no power"}]))
    with pytest.raises(poll.Failed, match="reboot failed: no power. demo is ACTIVE again"):
        follow("reboot", {"status": "REBOOT", "task": "rebooting"}, {"status": "ACTIVE"})


def test_reboot_that_went_well(follow, nova, server_id, request_id):
    nova.on("GET", f"/servers/{server_id}/os-instance-actions/{request_id}", action_of())
    assert follow("reboot", {"status": "ACTIVE"})[0]["status"] == "ACTIVE"


def test_server_that_is_deleted_meanwhile(follow, nova, client, server_id):
    nova.on("GET", f"/servers/{server_id}", (404, None))
    with pytest.raises(poll.Failed, match=f"server {server_id} is gone"):
        poll.follow(client, server_id, "resize", None, lambda server: None)


def test_delete_is_over_when_the_server_is_gone(nova, client, server_of, server_id):
    nova.on("GET", f"/servers/{server_id}", {"server": server_of(task="deleting")}, (404, None))
    seen = []
    poll.follow_delete(client, server_id, seen.append)
    assert len(seen) == 1


def test_delete_of_a_server_that_is_kept(nova, client, server_of, server_id):
    nova.on("GET", f"/servers/{server_id}", {"server": server_of(status="SOFT_DELETED", task="soft-deleting")},
            {"server": server_of(status="SOFT_DELETED")})
    seen = []
    poll.follow_delete(client, server_id, seen.append)
    assert [server["OS-EXT-STS:task_state"] for server in seen] == ["soft-deleting", None]


def test_delete_that_failed(nova, client, server_of, server_id):
    nova.on("GET", f"/servers/{server_id}",
            {"server": server_of(status="ERROR", fault={"message": "disk is busy"})})
    with pytest.raises(poll.Failed, match="demo was not deleted: disk is busy"):
        poll.follow_delete(client, server_id, lambda server: None)


def test_pauses_grow_to_the_longest(monkeypatch):
    waited = []

    def wait(_self, seconds):
        waited.append(round(seconds, 3))

    monkeypatch.setattr(poll.threading.Event, "wait", wait)
    looks = poll.pauses(0.1, 0.3)
    assert [next(looks) for _number in range(6)] == [0, 1, 2, 3, 4, 5]
    assert waited == [0.1, 0.15, 0.225, 0.3, 0.3]


def test_plain_progress_writes_a_line_for_each_change(server_of):
    stream = io.StringIO()
    prep = {"status": "RESIZE", "task": "resize_prep"}
    with poll.progress(stream, "resize demo") as show:
        for look in (prep, prep, prep | {"progress": 40}, {"status": "VERIFY_RESIZE"}):
            show(server_of(**look))
    lines = [line.rpartition(" s")[0].rpartition(" ")[0] for line in stream.getvalue().splitlines()]
    assert lines == ["resize demo: RESIZE/resize_prep", "resize demo: RESIZE/resize_prep 40%",
                     "resize demo: VERIFY_RESIZE"]


def test_terminal_progress_is_one_live_line(terminal, server_of):
    with poll.progress(terminal, "resize demo") as show:
        show(server_of(status="RESIZE", task="resize_migrating", progress=40))
    assert "resize demo: RESIZE/resize_migrating" in terminal.getvalue()
    assert "40%" in terminal.getvalue()
    assert "\x1b[" in terminal.getvalue()
