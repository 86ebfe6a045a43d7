"""A database for a test of small pieces, at the newest revision, with a stopped clock."""

import pytest

from novasim.sim.clock import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def db(make_database, clock):
    """All tables and nothing in them."""
    return make_database(clock)
