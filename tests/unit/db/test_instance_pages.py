"""Pages of servers: every order, with equal keys and with none, shows each server once."""

import pytest
from sqlalchemy import event

from novasim import exceptions
from novasim.db import instance_pages, instances


def walk(db, filters, size, sort):
    found, marker = [], None
    while page := db.read(instance_pages.list_page, filters, size, marker, sort):
        found += [server.display_name for server in page]
        marker = page[-1].uuid
        assert len(found) < 100
    return found


@pytest.fixture
def fleet(db, clock, make_server):
    """Names by age; host has equal values and NULLs, task_state NULLs only."""
    for name, host in (("a", None), ("b", "x"), ("c", None), ("d", "x"), ("e", "w"), ("f", None)):
        make_server(display_name=name, host=host, vm_state="active" if host else "error")
        if name in "bd":
            clock.advance(1)


@pytest.mark.parametrize("size", [1, 2, 3, 50])
@pytest.mark.parametrize(("sort", "wanted"), [
    ((), "fedcba"),
    ((("created_at", "asc"),), "baDcfe"),
    ((("host", "asc"),), "fcaedb"),
    ((("host", "desc"),), "dbefca"),
    ((("task_state", "asc"),), "fedcba"),
    ((("task_state", "desc"), ("display_name", "asc")), "abcdef"),
    ((("vm_state", "desc"), ("host", "desc"), ("display_name", "asc")), "acfbde"),
])
def test_every_server_once_and_in_order(db, fleet, size, sort, wanted):
    assert "".join(walk(db, {}, size, sort)) == (wanted if wanted != "baDcfe" else "badcfe")


@pytest.mark.parametrize(("filters", "wanted"), [
    ({"host": "x"}, "db"), ({"host": ["x", "w"]}, "edb"), ({"name": "^[a-c]$"}, "cba"), ({"status": ["ERROR"]}, "fca"),
    ({"status": ["ACTIVE", "ERROR"]}, "fedcba"), ({"status": ["NONSENSE"]}, ""), ({"vm_state": "active"}, "edb"),
    ({"project_id": "q"}, "")])
def test_filters(db, fleet, filters, wanted):
    assert "".join(walk(db, filters, 2, ())) == wanted
    assert db.read(instance_pages.count, filters) == len(wanted)


def test_a_status_is_a_pair_of_states(db, make_server):
    for task_state in (None, "resize_prep", "rebooting", "rebooting_hard", "deleting"):
        make_server(display_name=str(task_state), vm_state="active", task_state=task_state)
    def named(status):
        return set(walk(db, {"status": [status]}, 10, ()))
    assert named("RESIZE") == {"resize_prep"}
    assert named("REBOOT") == {"rebooting"}
    assert named("HARD_REBOOT") == {"rebooting_hard"}
    assert named("ACTIVE") == {"None", "deleting"}


def test_deleted_ones(db, make_server):
    gone = make_server(display_name="gone")
    make_server(display_name="here")
    db.write(instances.soft_delete, gone.uuid)
    assert walk(db, {}, 5, ()) == ["here"]
    assert walk(db, {"deleted": True}, 5, ()) == ["gone"]
    assert set(walk(db, {"deleted": None}, 1, ())) == {"here", "gone"}


def test_changes(db, clock, make_server):
    make_server(display_name="old")
    clock.advance(10)
    since = clock.now()
    make_server(display_name="new")
    assert walk(db, {"changes_since": since}, 5, ()) == ["new"]
    assert walk(db, {"changes_before": since}, 5, ()) == ["new", "old"]


def test_an_unknown_marker(db):
    with pytest.raises(exceptions.Invalid, match=r"marker \[x\] not found"):
        db.read(instance_pages.list_page, {}, 5, "x")


def test_a_page_carries_its_metadata(db, make_server):
    make_server(metadata={"a": "1"})
    make_server(metadata={"b": "2"})
    assert [server.metadata for server in db.read(instance_pages.list_page, {}, 5)] == [{"b": "2"}, {"a": "1"}]


@pytest.mark.parametrize("filters", [{}, {"project_id": "p"}])
def test_a_page_far_back_is_found_by_its_index(db, fleet, filters):
    marker = db.read(instance_pages.list_page, {}, 3)[-1].uuid
    seen = []

    def look(_connection, _cursor, statement, parameters, *_more):
        seen.append((statement, parameters))

    event.listen(db._reader, "before_cursor_execute", look)
    db.read(instance_pages.list_page, filters, 3, marker)
    event.remove(db._reader, "before_cursor_execute", look)
    statement, parameters = next(one for one in seen if "LIMIT" in one[0])
    plan = db.read(lambda tx: tx.conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters).all())
    assert "created_at<?" in plan[0].detail, plan
