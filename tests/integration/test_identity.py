"""The identity service on the databases of a split cluster: begun by several processes at once, and its rules."""

import threading

import pytest

from novasim import exceptions
from novasim.api.identity.tokens import ROLES, Tokens
from novasim.db import identity, versioning
from novasim.db import identity_models as models
from novasim.db.engine import Database
from novasim.launch import wiring
from novasim.sim.clock import Clock

ACCOUNTS = [{"user": user, "project": "p", "roles": ["admin"], "password_hash": "h"} for user in ("u", "U", "u ")]


@pytest.fixture(params=["mariadb", "postgresql"])
def databases(request):
    """Three processes' ways to a new database."""
    url = request.getfixturevalue(request.param).database()
    made = [Database(url, Clock(), 2) for _ in range(3)]
    versioning.upgrade(made[0])
    yield made
    for database in made:
        database.close()


def together(databases, function):
    """What a function gives, called for all databases at the same moment."""
    start, results = threading.Barrier(len(databases)), []

    def run(database):
        start.wait(10)
        results.append(function(database))

    threads = [threading.Thread(target=run, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_several_processes_begin_at_once(databases):
    conf = wiring.build_config(overrides={"identity.password_hash_rounds": 4})
    seeded = together(databases, lambda database: database.write(identity.seed, ROLES, ACCOUNTS))
    assert sorted(seeded) == [False, False, True]
    services = together(databases, lambda database: Tokens(conf, database, database.clock))
    assert len({service._key for service in services}) == 1
    users = databases[0].read(identity.search, models.users)
    assert sorted(user["name"] for user in users) == ["U", "u", "u "], "as they are written"


def test_roles_go_with_what_they_were_for(databases):
    database = databases[0]
    database.write(identity.seed, ROLES, ACCOUNTS)
    [project] = database.read(identity.search, models.projects)
    user = database.read(identity.find_named, models.users, None, "u", None, "Default")
    held = database.read(identity.standing, user["uuid"], identity.PROJECT, project["uuid"], "a")
    assert (list(held["roles"].values()), held["project_name"], held["revoked"]) == (["admin"], "p", False)
    for _ in range(2):
        database.write(identity.revoke_token, "a", database.clock.now().replace(year=2999))
    assert database.read(identity.standing, user["uuid"], identity.PROJECT, project["uuid"], "a")["revoked"]
    with pytest.raises(exceptions.Conflict):
        database.write(identity.create, models.projects, {"name": "p", "domain_id": "default", "enabled": True})
    database.write(identity.remove, models.users, user["uuid"])
    assert database.read(identity.assignments, user_id=user["uuid"]) == []
    database.write(identity.remove, models.projects, project["uuid"])
    assert {row["target_type"] for row in database.read(identity.assignments)} == {"domain", "system"}
    assert {row["default_project_id"] for row in database.read(identity.search, models.users)} == {None}
    database.write(identity.remove, models.domains, "default")
    assert database.read(identity.search, models.users) == database.read(identity.assignments) == []
    role = database.read(identity.search, models.roles)[0]
    database.write(identity.remove, models.roles, role["uuid"])


def test_down_and_up_again(databases):
    from alembic import command

    with databases[0].engine.begin() as connection:
        command.downgrade(versioning._config(connection), "0006")
    versioning.upgrade(databases[0])
    assert databases[0].write(identity.seed, ROLES, ACCOUNTS)
