"""What a fresh cluster has: the flavors everybody knows, two images, one to rebuild a server from, networks, and its
machines."""

from __future__ import annotations

import ipaddress
import uuid

from novasim.db import flavors, images, networks, simulated_hosts
from novasim.db.engine import Database, Transaction
from novasim.objects import Flavor
from novasim.sim import hostnames

# (name, whether it is shared, whether it is external, its subnet), so large that an address drawn by chance is free.
NETWORKS = (("private", True, False, "10.0.0.0/8"), ("public", False, True, "172.24.0.0/16"))

# name, memory in MB, vCPUs, root disk in GB; flavorids count from 1.
FLAVORS = (("m1.tiny", 512, 1, 1), ("m1.small", 2048, 1, 20), ("m1.medium", 4096, 2, 40), ("m1.large", 8192, 4, 80),
           ("m1.xlarge", 16384, 8, 160))
IMAGE_ID = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
# id, name, size in bytes.
IMAGES = ((IMAGE_ID, "cirros", 16300544), ("70a599e0-31e7-49b7-b260-868f441e862b", "alpine", 61865984))
# The process of a cluster that plays its machines, and how many there are when nobody says so.
FLEET = "cmp-0001"
HOSTS = 10


def add_networks(tx: Transaction) -> None:
    """A network that everybody may use, and one for floating IPs."""
    for name, shared, external, cidr in NETWORKS:
        network_id, subnet = str(uuid.uuid4()), ipaddress.ip_network(cidr)
        common = {"project_id": "admin", "name": name, "description": ""}
        networks.create(tx, networks.NETWORKS, [common | {
            "uuid": network_id, "admin_state_up": True, "shared": shared, "external": external, "mtu": 1500}])
        networks.create(tx, networks.SUBNETS, [common | {
            "uuid": str(uuid.uuid4()), "name": f"{name}-subnet", "network_id": network_id, "cidr": cidr,
            "ip_version": subnet.version, "gateway_ip": str(subnet[1]), "enable_dhcp": True,
            "first_ip": str(subnet[2]), "last_ip": str(subnet[-2]), "dns_nameservers": None, "host_routes": None}])


def seed(database: Database) -> bool:
    """Put in what is missing, into an empty cluster only; False when there was something already. Networks come into
    one that has never had any, too: it may be older than they are."""
    def fill(tx: Transaction) -> bool:
        if not networks.any_ever(tx):
            add_networks(tx)
        if flavors.list_page(tx, is_public=None, limit=1) or images.list_page(tx, limit=1):
            return False
        for number, (name, memory_mb, vcpus, root_gb) in enumerate(FLAVORS, 1):
            flavors.create(tx, Flavor(flavorid=str(number), name=name, memory_mb=memory_mb, vcpus=vcpus,
                                      root_gb=root_gb))
        for image in IMAGES:
            images.create(tx, *image)
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
