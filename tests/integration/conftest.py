"""The servers of a real deployment, started once for all integration tests and gone with them."""

import contextlib
import pathlib
import random

import daemons
import fleet
import pytest

from novasim.cli import trace_azure
from novasim.db import versioning
from novasim.db.engine import Database
from novasim.sim.clock import Clock

TRACE = pathlib.Path(__file__).parents[3] / "shared" / "data" / "azure-2017"
SLOW = """
copy_disks: false
stages:
  - {name: copy, when: {op: migrate_disk_and_power_off}, delay_s: 0.5, jitter_s: 2.0}
  - {name: start-on-destination, when: {op: finish_migration}, delay_s: 0.5, jitter_s: 2.0}
"""
SHAPES = "1,0.75 a\n1,1.75 b\n2,3.5 g\n4,7 k\n8,14 m\n8,56 o\n"


@pytest.fixture(scope="session")
def rabbitmq():
    """A RabbitMQ of our own: ``rabbitmq.url``."""
    with daemons.RabbitMQ() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb():
    """A MariaDB of our own: ``mariadb.database()`` is the URL of a fresh database."""
    with daemons.MariaDB() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL of our own: ``postgresql.database()`` is the URL of a fresh database."""
    with daemons.PostgreSQL() as server:
        yield server


@pytest.fixture(params=["mariadb", "postgresql"])
def make_database(request):
    """Connect to a fresh database with our tables, for each kind: ``make_database(clients, max_retries=0)``."""
    with contextlib.ExitStack() as stack:
        def make(clients, **options):
            url = request.getfixturevalue(request.param).database()
            database = stack.enter_context(contextlib.closing(Database(url, Clock(), clients, **options)))
            versioning.upgrade(database)
            return database

        yield make


@pytest.fixture
def slow_stages(tmp_path):
    """Stages of a move that take so long that a kill meets moves in every step."""
    path = tmp_path / "stages.yaml"
    path.write_text(SLOW)
    return str(path)


@pytest.fixture
def make_fleet(tmp_path):
    """Start an empty fleet in a folder of its own: ``make_fleet(bus, database, {option: value})``.

    At the end of the test none of its processes may be left, however the test went, and the audit of what they leave
    is clean.
    """
    with contextlib.ExitStack() as stack:
        made = []

        def make(bus, database, options=None):
            home = tmp_path / f"fleet-{len(made)}"
            home.mkdir()
            made.append(stack.enter_context(fleet.Fleet(home, bus, database, options)))
            return made[-1]

        yield make
    for one in made:
        # Where it had hypervisors; a fleet without agents of its own has lent another one its services.
        if (one.home / "state" / "hypervisors.sqlite").exists():
            assert one.audit() == "audit clean"
        assert not one.running()


@pytest.fixture(scope="session")
def trace(tmp_path_factory):
    """The folder of the Azure trace; where there is none, that of a made-up trace of the same layout."""
    if (TRACE / trace_azure.ARRIVALS).exists():
        return TRACE
    folder, chance = tmp_path_factory.mktemp("trace"), random.Random(2017)
    (folder / trace_azure.FLAVORS).write_text(SHAPES)
    (folder / trace_azure.BINS).write_text("".join(f"{300 * number} {number}\n" for number in range(1, 41)))
    with (folder / trace_azure.ARRIVALS).open("w") as came, (folder / trace_azure.LIFETIMES).open("w") as went:
        for seconds in range(0, 20 * 300, 300):
            batches = [chance.randint(1, 12) for _ in range(20)]
            letters = (",".join(chance.choices("abggkkmo", k=size)) for size in batches)
            ends = (",".join(f"{chance.choice('UUC')}{chance.randint(1, 40)}" for _ in range(size)) for size in batches)
            came.write(f"{seconds} {',|,'.join(letters)},|,\n")
            went.write(f"{seconds} {',|,'.join(ends)},|,\n")
    return folder
