"""Actions, events and faults."""

import pytest

from novasim import exceptions
from novasim.db import actions


@pytest.fixture
def begun(db, make_server, ctxt):
    server = make_server()
    db.write(actions.start, ctxt, server.uuid, "resize")
    return server.uuid, ctxt.request_id


def test_an_event_that_ends_well(db, begun):
    uuid, request = begun
    db.write(actions.start_event, request, uuid, "prep", "cmp-1")
    db.write(actions.finish_event, request, uuid, "prep")
    record = db.read(actions.get, uuid, request)
    (event,) = record["events"]
    assert (record["message"], event["event"], event["result"], event["host"]) == (None, "prep", "Success", "cmp-1")


@pytest.mark.parametrize("final", [True, False])
def test_an_event_that_fails(db, begun, final):
    uuid, request = begun
    db.write(actions.start_event, request, uuid, "prep")
    db.write(actions.finish_event, request, uuid, "prep", "Traceback ...", final)
    record = db.read(actions.get, uuid, request)
    assert record["message"] == ("Error" if final else None)
    assert (record["events"][0]["result"], record["events"][0]["traceback"]) == ("Error", "Traceback ...")


def test_an_event_without_an_action_is_not_kept(db, begun):
    db.write(actions.start_event, "req-other", begun[0], "prep")
    assert db.read(actions.get, *begun)["events"] == []


def test_pages(db, clock, make_server, ctxt):
    server, requests = make_server(), []
    for number in range(5):
        clock.advance(number % 2)
        ctxt.request_id = f"req-{number}"
        db.write(actions.start, ctxt, server.uuid, "stop")
        requests.insert(0, ctxt.request_id)
    found, marker = [], None
    while page := db.read(actions.list_page, server.uuid, 2, marker):
        found += [row["request_id"] for row in page]
        marker = found[-1]
    assert found == requests
    assert db.read(actions.newest_request, server.uuid, ("stop",)) == "req-4"
    assert db.read(actions.newest_request, server.uuid, ("start",)) is None
    with pytest.raises(exceptions.Invalid):
        db.read(actions.list_page, server.uuid, 2, "req-none")
    with pytest.raises(exceptions.ActionNotFound):
        db.read(actions.get, server.uuid, "req-none")


def test_the_newest_fault_of_each(db, make_server):
    first, second = make_server().uuid, make_server().uuid
    db.write(actions.add_fault, first, exceptions.NoValidHost(reason="full"), None, "trace")
    db.write(actions.add_fault, first, ValueError("x" * 300), "cmp-1")
    db.write(actions.add_fault, second, exceptions.Invalid("bad"))
    faults = db.read(actions.latest_faults, [first, second])
    assert (faults[first]["message"], faults[first]["code"], faults[first]["host"]) == ("x" * 255, 500, "cmp-1")
    assert (faults[second]["message"], faults[second]["code"]) == ("bad", 400)
