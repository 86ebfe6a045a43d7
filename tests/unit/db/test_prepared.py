"""A statement that is compiled once says to the driver what SQLAlchemy would say each time."""

from datetime import datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, event, insert
from sqlalchemy.dialects import sqlite

from novasim.db import actions, claims, instances, migrations, models, prepared, quotas

NOW = datetime(2026, 1, 2, 3, 4, 5, 600)
SERVER = {"b_uuid": "uuid", "b_now": NOW}
OF_USER = {"b_project": "p", "b_user": None, "b_now": NOW, "more": "than it needs"}
STATEMENTS = {
    "an insert": (actions._START, {
        "action": "resize", "instance_uuid": "uuid", "request_id": "req", "user_id": None, "project_id": "p",
        "start_time": NOW, "created_at": NOW, "updated_at": NOW, "deleted": 0}),
    "an insert from a select": (actions._start_statement(("a", "b")), {
        "b_now": NOW, "b_finish": None, "b_result": None, "b_host": "h", "b_uuid": "uuid", "b_request": "req"}),
    "a swap": (instances._update_statement(frozenset({"task_state", "updated_at"}), (("host", True, 1),)), {
        "b_uuid": "uuid", "v_task_state": None, "v_updated_at": NOW, "e0_host": "100%"}),
    "with LIKE": (instances._PROMOTE, SERVER),
    "with a status": (migrations._advance_statement(frozenset({"status"}), ("finished",), "confirming", (None,)), {
        "b_id": 1, "v_status": "confirming"}),
    "a sum": (claims._add_statement(frozenset({"vcpus"})), {
        "b_host": "h", "b_node": "h", "b_now": NOW, "b_memory_mb": 1, "b_disk_gb": 2, "b_vcpus": 3,
        "b_limit_vcpus": 1.5}),
    "a delete": (quotas._CLOSE_ONE, {"b_id": 7}),
    "with a hint": (quotas._reserve_statement(("cores", "ram")), {**OF_USER, "b_delta_cores": 1, "b_delta_ram": 2})}


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_the_driver_gets(name):
    engine, statement, given, heard = create_engine("sqlite://"), *STATEMENTS[name], []
    models.metadata.create_all(engine)
    event.listen(engine, "before_cursor_execute", lambda *told: heard.append(told[2:4]))
    ready = prepared.prepare(statement, tuple(given), engine.dialect)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.execute(statement, given)
        connection.rollback()
        connection.exec_driver_sql(ready.text, ready.values(given))
    engine.dispose()
    assert heard[1] == heard[2]


def test_what_is_left_to_the_execution_is_refused():
    table = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer, default=lambda: 1))
    with pytest.raises(AssertionError):
        prepared.prepare(insert(table), ("id",), sqlite.dialect())


def test_nothing_is_left_out():
    with pytest.raises(AssertionError):
        prepared.prepare(instances._PROMOTE, ("b_uuid",), sqlite.dialect())
