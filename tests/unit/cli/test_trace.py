"""The timeline of a request."""

import json

import pytest

HOPS = [
    {"time": "2026-01-01T00:00:00.000000+00:00", "service": "api", "host": "", "what": "POST /servers/x/action",
     "kind": "http", "vm_state": "active", "task_state": None},
    {"time": "2026-01-01T00:00:00.012500+00:00", "service": "conductor", "host": "c", "what": "send prep_resize",
     "kind": "cast", "method": "prep_resize", "version": "3.0", "topic": "compute", "server": "cmp-2"},
    {"time": "2026-01-01T00:00:01.000000+00:00", "service": "compute", "host": "cmp-2", "what": "claim",
     "vm_state": "active", "task_state": "resize_prep", "migration_status": "pre-migrating"},
]
ROWS = [
    ("0.0", "api", "", "POST /servers/x/action", "active/-", ""),
    ("12.5", "conductor", "c", "send prep_resize 3.0 (cast) -> compute.cmp-2", "", ""),
    ("1000.0", "compute", "cmp-2", "claim", "active/resize_prep", "pre-migrating"),
]


@pytest.fixture
def journal(nova, request_id):
    def answer(request):
        return {"hops": HOPS if request["query"]["request_id"] == [request_id] else []}

    nova.on("GET", "/os-simulator/journal", answer)
    return nova


def test_of_a_request(novasim, journal, request_id):
    shown = json.loads(novasim("trace", request_id, "-f", "json")[1])
    assert [tuple(row.values()) for row in shown] == ROWS
    assert list(shown[0]) == ["Time (ms)", "Service", "Host", "What", "State", "Migration"]


def test_of_the_last_request_of_a_server(novasim, journal, server_id, request_id):
    actions = [{"action": "resize", "request_id": request_id}, {"action": "create", "request_id": "req-old"}]
    journal.on("GET", f"/servers/{server_id}/os-instance-actions", {"instanceActions": actions})
    assert len(json.loads(novasim("trace", "--last", "demo", "-f", "json")[1])) == len(HOPS)


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (("trace",), 2, "trace: which request? Give either its id, or --last SERVER"),
    (("trace", "req-1", "--last", "demo"), 2, "trace: which request? Give either its id, or --last SERVER"),
    (("trace", "req-1"), 1, "the journal knows nothing of req-1. See: novasim instance-action-list"),
])
def test_which_request(novasim, journal, arguments, code, said):
    assert novasim(*arguments) == (code, "", f"novasim: {said}\n")


def test_server_without_actions(novasim, journal, server_id):
    journal.on("GET", f"/servers/{server_id}/os-instance-actions", {"instanceActions": []})
    assert novasim("trace", "--last", "demo")[2] == (
        "novasim: nothing was asked of 'demo' so far. See: novasim list\n")
