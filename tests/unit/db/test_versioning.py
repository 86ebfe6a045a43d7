"""The revisions bring a database to what models.py says."""

import contextlib

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from novasim.db import models, versioning
from novasim.db.engine import Database
from novasim.sim.clock import Clock


@pytest.fixture
def revised(tmp_path):
    """A database that went through all revisions."""
    with contextlib.closing(Database(f"sqlite:///{tmp_path}/revised.sqlite", Clock())) as database:
        versioning.upgrade(database, "head")
        yield database


def schema(database):
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        return {tuple(row) for row in rows}


def test_the_schema_is_that_of_the_models(revised, db):
    assert schema(revised) == schema(db), "a fresh database is made at once"
    with revised.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, models.metadata) == []


def test_the_newest_revision_is_that_of_the_newest_file(revised):
    with revised.engine.connect() as connection:
        assert ScriptDirectory.from_config(versioning._config(connection)).get_heads() == [versioning.head()]


def test_an_older_database_is_brought_up_to_date(tmp_path):
    with contextlib.closing(Database(f"sqlite:///{tmp_path}/old.sqlite", Clock())) as old:
        assert versioning.current(old) is None
        versioning.upgrade(old, "0001")
        assert versioning.current(old) == "0001"
        versioning.upgrade(old)
        assert versioning.current(old) == versioning.head()


def test_the_revision_is_told(db):
    assert versioning.current(db) == versioning.head()
    versioning.upgrade(db)
    assert versioning.current(db) == versioning.head()


def test_every_where_of_a_service_has_an_index(db):
    """The tables that grow with use are never read as a whole by the statements that run all the time."""
    plans = {
        "instances by uuid": "SELECT id FROM instances WHERE uuid = 'x' AND deleted = 0",
        "servers of a host": "SELECT id FROM instances WHERE host IN ('a', 'b') AND deleted = 0",
        "servers of a project": "SELECT id FROM instances WHERE project_id = 'p' AND deleted = 0 "
                                "ORDER BY created_at DESC LIMIT 5",
        "stuck": "SELECT id FROM instances WHERE task_state = 'resize_prep' AND updated_at <= '2026-01-01'",
        "move of a server": "SELECT id FROM migrations WHERE instance_uuid = 'x' AND status IN ('finished')",
        "stale moves": "SELECT id FROM migrations WHERE (status = 'a' AND step IS NULL OR status = 'b' AND step = 'c') "
                       "AND updated_at <= '2026-01-01'",
        "claims of a server": "SELECT id FROM claims WHERE instance_uuid = 'x'",
        "claims of hosts": "SELECT sum(vcpus) FROM claims WHERE host IN ('a', 'b') GROUP BY host, node",
        "open reservations": "SELECT id FROM reservations WHERE instance_uuid = 'x' AND deleted = 0",
        "expired reservations": "SELECT id FROM reservations WHERE deleted = 0 AND expire < '2026-01-01'",
        "usage": "SELECT id FROM quota_usages WHERE project_id = 'p' AND deleted = 0",
        "action": "SELECT id FROM instance_actions WHERE instance_uuid = 'x' AND request_id = 'y'",
        "events": "SELECT id FROM instance_actions_events WHERE event = 'e' AND action_id = 1",
        "system metadata": "SELECT key FROM instance_system_metadata WHERE instance_uuid = 'x' AND deleted = 0",
        "ports of a server": "SELECT id FROM ports WHERE device_id IN ('a', 'b') AND deleted = 0",
        "addresses of ports": "SELECT id FROM ip_allocations WHERE port_id IN ('a', 'b')",
        "is an address taken": "SELECT id FROM ip_allocations WHERE subnet_id = 's' AND ip_address IN ('a', 'b')",
        "networks to be used unasked": "SELECT id FROM networks WHERE deleted = 0 AND (project_id = 'p' OR shared)",
        "images of a project": "SELECT id FROM images WHERE deleted = 0 AND (project_id = 'p' OR visibility = 'x')",
        "user by name": "SELECT users.id FROM users JOIN domains ON domains.uuid = users.domain_id "
                        "WHERE users.name = 'u' AND domains.name = 'd'",
        "project by name": "SELECT id FROM projects WHERE name = 'p' ORDER BY name",
        "roles of a user": "SELECT id FROM role_assignments WHERE user_id = 'u' AND target_type = 'project' "
                           "AND target_id = 'p'",
        "users of a project": "SELECT id FROM role_assignments WHERE target_type = 'project' AND target_id = 'p'",
        "taken back": "SELECT id FROM revoked_tokens WHERE audit_id = 'a'",
        "forgotten": "DELETE FROM revoked_tokens WHERE expires_at < '2026-01-01'",
        "heartbeat": "UPDATE services SET report_count = 1 WHERE binary = 'b' AND host IN ('a') AND deleted = 0",
    }
    with db.engine.connect() as connection:
        for name, statement in plans.items():
            steps = [row[3] for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement)]
            assert not [step for step in steps if step.startswith("SCAN")], (name, steps)
