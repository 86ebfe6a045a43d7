"""Many operations of one project at once on a real database: they wait for each other, but never in a circle."""

import concurrent.futures

import sqlalchemy

from novasim.db import quotas, versioning
from novasim.db.engine import Database
from novasim.objects import Instance
from novasim.sim.clock import Clock

CLIENTS, ROUNDS = 8, 10
UNLIMITED = {"instances": -1, "cores": -1, "ram": -1}
BOOT = {"instances": 1, "cores": 1, "ram": 512}


def deadlocks(database):
    with database.engine.connect() as connection:
        row = connection.execute(sqlalchemy.text("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")).one()
    return int(row.Value)


def test_reserving_and_settling_do_not_deadlock(mariadb):
    database = Database(mariadb.database(), Clock(), CLIENTS)
    versioning.upgrade(database)
    servers = [Instance(uuid=f"00000000-0000-4000-8000-{number:012d}", project_id="p", user_id="u")
               for number in range(CLIENTS)]

    def grow(server):
        """Resize to twice the memory and back: only memory is reserved, cores are given back too."""
        for _ in range(ROUNDS):
            database.write(quotas.reserve, server, {"ram": 512}, UNLIMITED, 100)
            database.write(quotas.settle, server, {"cores": -1, "ram": -512})
            database.write(quotas.settle, server, {"cores": 1, "ram": 512})

    database.write(quotas.use, "p", "u", BOOT, UNLIMITED)
    before = deadlocks(database)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(grow, servers))
    assert deadlocks(database) == before
    assert database.read(quotas.usage, "p") == {name: (amount, 0) for name, amount in BOOT.items()}
    database.close()
