"""The servers of a real deployment, started once for all integration tests and gone with them."""

import daemons
import pytest


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
