"""What a fresh cluster has: the flavors everybody knows, one image, and its machines."""

from __future__ import annotations

from novasim.db import flavors, images, simulated_hosts
from novasim.db.engine import Database, Transaction
from novasim.objects import Flavor
from novasim.sim import hostnames

# name, memory in MB, vCPUs, root disk in GB; flavorids count from 1.
FLAVORS = (("m1.tiny", 512, 1, 1), ("m1.small", 2048, 1, 20), ("m1.medium", 4096, 2, 40), ("m1.large", 8192, 4, 80),
           ("m1.xlarge", 16384, 8, 160))
IMAGE_ID = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
IMAGE = ("cirros", 16300544)
# The process of a cluster that plays its machines, and how many there are when nobody says so.
FLEET = "cmp-0001"
HOSTS = 10


def seed(database: Database) -> bool:
    """Put in what is missing, into an empty cluster only; False when there was something already."""
    def fill(tx: Transaction) -> bool:
        if flavors.list_page(tx, is_public=None, limit=1) or images.list_page(tx, limit=1):
            return False
        for number, (name, memory_mb, vcpus, root_gb) in enumerate(FLAVORS, 1):
            flavors.create(tx, Flavor(flavorid=str(number), name=name, memory_mb=memory_mb, vcpus=vcpus,
                                      root_gb=root_gb))
        images.create(tx, IMAGE_ID, *IMAGE)
        return True

    return database.write(fill)


def machines(database: Database, profile: str, count: int | None) -> int:
    """See that a cluster has so many machines; one that has more keeps them.

    :param profile: the shape of new ones
    :param count: None: those it has, or ten
    :returns: how many it has
    """
    def fill(tx: Transaction) -> int:
        if count is not None or not simulated_hosts.names(tx):
            wanted = hostnames.expand(hostnames.of_cluster(count or HOSTS))
            simulated_hosts.enrol(tx, FLEET, profile, wanted, again=True)
        return len(simulated_hosts.names(tx))

    return database.write(fill)
