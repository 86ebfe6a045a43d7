"""How a database of thousands of rows finds the one that a hop is about: by an index, never by reading a table."""

import pytest
from sqlalchemy import insert, text

from novasim.db import actions, models, versioning
from novasim.db.engine import Database
from novasim.sim.clock import Clock

ROWS = 3000


@pytest.fixture
def database(mariadb):
    database = Database(mariadb.database(), Clock())
    versioning.upgrade(database)
    yield database
    database.close()


def fill(tx):
    tx.execute(text("SET FOREIGN_KEY_CHECKS = 0"))
    tx.execute(insert(models.instance_actions), [
        {"action": "resize", "instance_uuid": f"u{number}", "request_id": f"r{number}", "deleted": 0}
        for number in range(ROWS)])
    tx.execute(insert(models.instance_actions_events), [
        {"event": "e", "action_id": number + 1, "deleted": 0} for number in range(ROWS)])
    tx.execute(text("SET FOREIGN_KEY_CHECKS = 1"))


def test_the_end_of_a_hop_reads_its_own_event_only(database):
    database.write(fill)
    database.write(lambda tx: tx.execute(text("ANALYZE TABLE instance_actions, instance_actions_events")).all())

    def read_by(tx):
        tx.execute(text("FLUSH STATUS"))
        actions.finish_event(tx, "r7", "u7", "e")
        rows = tx.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'")).all()
        return sum(int(count) for _, count in rows)

    assert database.write(read_by) < 20
