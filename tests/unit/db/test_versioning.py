"""The revisions bring a database to what models.py says."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from novasim.db import models, versioning


def test_the_schema_is_that_of_the_models(db):
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, models.metadata) == []


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
        "heartbeat": "UPDATE services SET report_count = 1 WHERE binary = 'b' AND host IN ('a') AND deleted = 0",
    }
    with db.engine.connect() as connection:
        for name, statement in plans.items():
            steps = [row[3] for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement)]
            assert not [step for step in steps if step.startswith("SCAN")], (name, steps)
