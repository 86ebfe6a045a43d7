"""Many servers of one group claim hosts at once on a real database: the policy holds, and nobody deadlocks."""

import collections
import concurrent.futures

import pytest

from novasim import exceptions
from novasim.compute import tracker
from novasim.db import endings, groups, hosts, instances
from novasim.objects import CURRENT, ComputeNode, Flavor, Instance, InstanceGroup

CLIENTS = 16
HOSTS = [f"cmp-{number}" for number in range(4)]
FLAVOR = Flavor(flavorid="1", name="small", memory_mb=1, vcpus=1)
LIMITS = {"instances": -1, "cores": -1, "ram": -1, "server_groups": -1, "server_group_members": -1}


@pytest.fixture
def database(make_database):
    """One that does not try again: a deadlock is an error."""
    return make_database(CLIENTS, max_retries=0)


@pytest.fixture
def group(database):
    def write(tx):
        hosts.register(tx, HOSTS, hosts.COMPUTE, "compute")
        hosts.register_nodes(tx, [ComputeNode(uuid="", host=host, hypervisor_hostname=host, vcpus=99, memory_mb=999,
                                              local_gb=99) for host in HOSTS], {})
        return groups.create(tx, InstanceGroup(uuid="", name="g", policy="anti-affinity", max_server_per_host=3,
                                               project_id="p", user_id="u"), LIMITS)
    return database.write(write)


@pytest.mark.spec("12.1/7")
def test_claims_joins_and_deletes_at_once(database, group):
    """Each client makes a server of the group, claims one host after the other until one takes it, and deletes every
    other one of its servers again."""
    def server(number):
        def write(tx):
            locked = groups.lock(tx, group.uuid)
            made = Instance(uuid=f"00000000-0000-4000-8000-{number:012d}", project_id="p", user_id="u",
                            system_metadata=FLAVOR.to_sys(CURRENT), **instances.flavor_columns(FLAVOR))
            instances.create(tx, [made])
            groups.add_members(tx, locked, "u", [made.uuid], LIMITS)
            return made
        return database.write(write)

    def claim(made, host):
        def write(tx):
            instances.update(tx, made.uuid, host=host, node=host)
            tracker.claim(tx, host, host, made.uuid, FLAVOR, {})
        database.write(write)

    def run(client):
        taken = 0
        for number in range(client * 4, client * 4 + 4):
            made = server(number)
            for host in HOSTS:
                try:
                    claim(made, host)
                except exceptions.GroupPolicyViolated:
                    continue
                taken += 1
                break
            crowd = database.read(groups.servers_by_host, group.id, [])
            assert max(crowd.values(), default=0) <= 3, crowd
            if number % 2:
                database.write(endings.erase, made.uuid)
        return taken

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        taken = sum(pool.map(run, range(CLIENTS)))
    assert taken >= 3 * len(HOSTS)
    crowd = collections.Counter(database.read(groups.servers_by_host, group.id, []))
    assert max(crowd.values()) <= 3
    assert len(database.read(groups.get, group.uuid).members) == CLIENTS * 2
