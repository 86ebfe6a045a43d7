"""Administrators who set the same thing at once, on real databases: each of them succeeds, and nobody waits for
another in a circle."""

import concurrent.futures
import threading

import pytest

from novasim.db import aggregates, flavors, quotas
from novasim.objects import Flavor

CLIENTS, ROUNDS = 8, 6


@pytest.fixture
def database(make_database):
    return make_database(CLIENTS)


def at_once(work):
    """Run ``work(client, round)`` by all clients, round by round at the same moment."""
    barrier = threading.Barrier(CLIENTS)

    def run(client):
        for number in range(ROUNDS):
            barrier.wait()
            work(client, number)

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(run, range(CLIENTS)))


def test_limits(database):
    def work(client, number):
        database.write(quotas.set_limits, f"p{number}", {"cores": client, "ram": client})
        database.write(quotas.set_limits, f"p{number}", {"cores": client}, "u")
        database.write(quotas.set_class_limits, f"c{number}", {"cores": client, "ram": client})

    at_once(work)
    for number in range(ROUNDS):
        found = database.read(quotas.limits, f"p{number}", {})
        assert found["cores"] == found["ram"] in range(CLIENTS)
        of_class = database.read(quotas.default_limits, {}, f"c{number}")
        assert of_class["cores"] == of_class["ram"] in range(CLIENTS)


def test_extra_specs(database):
    flavor = database.write(flavors.create, Flavor(
        id=0, flavorid="f", name="f", memory_mb=1, vcpus=1, root_gb=1, ephemeral_gb=0, swap=0))
    at_once(lambda client, number: database.write(
        flavors.set_extra_specs, flavor.id, {f"a{number}": str(client), f"b{number}": str(client)}))
    specs = database.read(flavors.extra_specs, [flavor.id])[flavor.id]
    assert all(specs[f"a{number}"] == specs[f"b{number}"] for number in range(ROUNDS))


def test_aggregates(database):
    """A change of name and zone touches its own row and looks at all others."""
    numbers = [database.write(aggregates.create, f"a{client}").id for client in range(CLIENTS)]

    def change(tx, client, number):
        aggregates.rename(tx, numbers[client], f"{client}-{number}")
        aggregates.set_metadata(tx, numbers[client], {"availability_zone": f"z{number}"}, "update aggregate")

    at_once(lambda client, number: database.write(change, client, number))
    assert {row.name for row in database.read(aggregates.list_all)} == {
        f"{client}-{ROUNDS - 1}" for client in range(CLIENTS)}
