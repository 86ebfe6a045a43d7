"""Many operations of one project at once on a real database: no limit is passed at any moment, and nobody deadlocks."""

import concurrent.futures
import random

import pytest
import sqlalchemy

from novasim import exceptions
from novasim.db import quotas
from novasim.objects import Instance

CLIENTS, ROUNDS = 32, 8
BOOT = {"instances": 1, "cores": 1, "ram": 512}
UNLIMITED = {"instances": -1, "cores": -1, "ram": -1}
# The project's limits leave room for a few of the clients only; one of the two users has a lower one of his own.
TIGHT = {"instances": -1, "cores": CLIENTS + 10, "ram": 512 * CLIENTS + 9 * 1024}
DEADLOCKS = {
    "mysql": "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Innodb_deadlocks'",
    "postgresql": "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"}


@pytest.fixture
def database(make_database):
    return make_database(CLIENTS)


def deadlocks(database):
    with database.engine.connect() as connection:
        return int(connection.execute(sqlalchemy.text(DEADLOCKS[database.engine.dialect.name])).scalar_one())


def servers():
    return [Instance(uuid=f"00000000-0000-4000-8000-{number:012d}", project_id="p", user_id=f"u{number % 2}")
            for number in range(CLIENTS)]


def boot_all(database, limits):
    for server in servers():
        database.write(quotas.use, "p", server.user_id, BOOT, limits)


def run_all(work):
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(work, servers()))


def test_reserving_and_settling_do_not_deadlock(database):
    def grow(server):
        """Resize to twice the memory and back: only memory is reserved, cores are given back too."""
        for _ in range(ROUNDS):
            database.write(quotas.reserve, server, {"ram": 512}, UNLIMITED, 100)
            database.write(quotas.settle, server, {"cores": -1, "ram": -512})
            database.write(quotas.settle, server, {"cores": 1, "ram": 512})

    boot_all(database, UNLIMITED)
    before = deadlocks(database)
    run_all(grow)
    assert deadlocks(database) == before
    assert database.read(quotas.usage, "p") == {name: (amount * CLIENTS, 0) for name, amount in BOOT.items()}


def test_no_limit_is_passed_at_any_moment(database):
    """Clients reserve, commit, give back or roll back as chance has it; everyone looks at the sums in between."""
    boot_all(database, UNLIMITED)
    database.write(quotas.set_limits, "p", {"cores": CLIENTS // 2 + 3}, "u0")
    before = deadlocks(database)

    def over():
        for user, most in ((None, TIGHT["cores"]), ("u0", CLIENTS // 2 + 3)):
            in_use, reserved = database.read(quotas.usage, "p", user)["cores"]
            if in_use + reserved > most:
                yield user, in_use, reserved

    def use(server):
        chance, refused, seen = random.Random(server.uuid), 0, []
        for _ in range(ROUNDS):
            delta = {"cores": chance.choice((1, 2)), "ram": 1024}
            try:
                database.write(quotas.reserve, server, delta, TIGHT, 100)
            except exceptions.OverQuota:
                refused += 1
                continue
            seen += over()
            if chance.random() < 0.5:
                database.write(quotas.rollback, server.uuid)
                continue
            database.write(quotas.settle, server, {name: -amount for name, amount in delta.items()})
            seen += over()
            database.write(quotas.settle, server, delta)
        return refused, seen

    results = run_all(use)
    assert [seen for _, seen in results if seen] == []
    assert 0 < sum(refused for refused, _ in results) < CLIENTS * ROUNDS
    assert deadlocks(database) == before
    assert database.read(quotas.usage, "p") == {name: (amount * CLIENTS, 0) for name, amount in BOOT.items()}
