"""A bus of its own for each test, with everything of the product on it but the services."""

import uuid

import pytest

from novasim.launch import seam, wiring
from novasim.rpc.sim_driver import Bus
from novasim.rpc.transport import Messaging
from novasim.sim.clock import Clock
from novasim.sim.faults import Faults
from novasim.sim.journal import Journal

# Of greenthreads alone.
collect_ignore = [] if seam.is_green() else ["test_green_executor.py"]


@pytest.fixture
def make_bus():
    """``make_bus({"upgrade_levels.compute": "havana"})``: messaging, faults, journal and the bus below."""
    made = []

    def make(overrides=None):
        url = f"sim://{uuid.uuid4().hex}/"
        conf = wiring.build_config(overrides={"transport_url": url, "rpc_response_timeout": 5} | (overrides or {}))
        journal, faults = Journal(None, "test", Clock()), Faults()
        messaging = Messaging(conf, journal, faults)
        messaging.journal, messaging.faults, messaging.bus = journal, faults, Bus.of(url)
        made.append((messaging, url))
        return messaging

    yield make
    for messaging, url in made:
        messaging.stop(5)
        Bus.forget(url)


@pytest.fixture
def bus(make_bus):
    return make_bus()
