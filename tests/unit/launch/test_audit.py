"""The audit is silent about a cluster in order, and names each kind of damage."""

import pytest
from oslo_config import cfg
from sqlalchemy import text

from novasim import quota, states
from novasim.compute.virt.driver import GUEST, Guest
from novasim.compute.virt.store import GuestStore
from novasim.db import claims, engine, groups, hosts, instances, migrations, ports, quotas, versioning
from novasim.launch import audit, wiring
from novasim.objects import CURRENT, ComputeNode, Flavor, Instance, InstanceGroup, Migration
from novasim.sim.clock import Clock

UUID = "11111111-1111-1111-1111-111111111111"
SMALL = Flavor(id=1, flavorid="1", name="small", memory_mb=512, vcpus=1, root_gb=5)
LIMITS = {"instances": 10, "cores": 10, "ram": 9999}
RESERVED = {"memory_mb": 512, "disk_gb": 0, "vcpus": 0}


@pytest.fixture
def conf(tmp_path) -> cfg.ConfigOpts:
    return wiring.build_config(overrides={"state_path": str(tmp_path)})


@pytest.fixture
def store(tmp_path):
    """What the hypervisors hold."""
    store = GuestStore(tmp_path / "hypervisors.sqlite")
    yield store
    store.close()


@pytest.fixture
def database(conf):
    database = engine.connect(conf, Clock())
    versioning.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def server(database, store):
    """One server at rest on c1, with everything that belongs to it."""
    def fill(tx):
        hosts.register(tx, ["c1", "c2"], hosts.COMPUTE, "compute")
        hosts.register_nodes(tx, [ComputeNode(uuid="", host=name, hypervisor_hostname=name, vcpus=8, memory_mb=8192,
                                              local_gb=100) for name in ("c1", "c2")], RESERVED)
        instances.create(tx, [Instance(
            uuid=UUID, project_id="p", user_id="u", vm_state=states.ACTIVE, power_state=states.RUNNING, host="c1",
            node="c1", **instances.flavor_columns(SMALL), system_metadata=SMALL.to_sys(CURRENT))])
        claims.take(tx, "c1", "c1", UUID, SMALL, {})
        quotas.use(tx, "p", "u", quota.boot_deltas(SMALL), LIMITS)

    database.write(fill)
    store.put(Guest("c1", UUID, GUEST, states.RUNNING, 1, 512, 0))


def test_a_cluster_in_order_has_no_findings(conf, database, server):
    assert audit.run(conf, database) == []


ADD_KEY = 'INSERT INTO instance_system_metadata (instance_uuid, "key", value) VALUES'
DAMAGE = [
    ("UPDATE compute_nodes SET memory_mb_used = 1 WHERE host = 'c1'",
     "host c1: memory_mb used is 1, its claims and reserve add up to 1024"),
    ("UPDATE compute_nodes SET vcpus_used = 3 WHERE host = 'c2'",
     "host c2: vcpus used is 3, its claims and reserve add up to 0"),
    ("UPDATE claims SET migration_id = NULL, host = 'c2', node = 'c2'", "its claim is ('c2', 512, 1, 5)"),
    ("DELETE FROM claims", "0 claims of its own, not 1"),
    ("UPDATE instances SET vm_state = 'resized'", "0 moves wait for confirm or revert, not 1"),
    ("UPDATE instances SET vm_state = 'stopped'", "its guest's power state is 1, not 4"),
    ("UPDATE instances SET host = 'c2'", "lives on c2, its guest is on ['c1']"),
    ("UPDATE instances SET memory_mb = 1", "its columns are not those of its flavor small"),
    ("UPDATE instances SET deleted = id", f"guest of the deleted server {UUID} on c1"),
    ("UPDATE instances SET deleted = id", f"claim of the deleted server {UUID} on c1"),
    (f"{ADD_KEY} ('{UUID}', 'old_instance_type_id', '2')", "1 keys old_instance_type_*, not 0"),
    (f"{ADD_KEY} ('{UUID}', 'old_vm_state', 'active')", "old_vm_state is left over"),
    ("UPDATE quota_usages SET in_use = 7 WHERE resource = 'cores'",
     "quota p/u/cores: 7 in use, the servers count for 1"),
    ("UPDATE quota_usages SET reserved = 2 WHERE resource = 'ram'",
     "quota p/u/ram: 2 reserved, the reservations add up to 0"),
]


@pytest.mark.parametrize(("statement", "finding"), DAMAGE)
def test_damage_in_the_tables_is_named(conf, database, server, statement, finding):
    database.write(lambda tx: tx.execute(text(statement)))
    found = audit.run(conf, database)
    assert any(finding in line for line in found), found


def test_a_server_group_with_a_deleted_server_is_named(conf, database, server):
    limits = {"server_groups": -1, "server_group_members": -1}

    def write(tx):
        group = groups.create(tx, InstanceGroup(uuid="", name="g", policy="affinity", project_id="p", user_id="u"),
                              limits)
        groups.add_members(tx, group, "u", [UUID], limits)
    database.write(write)
    assert audit.run(conf, database) == []
    database.write(lambda tx: tx.execute(text("UPDATE instances SET deleted = id")))
    assert f"server group 1 has the deleted server {UUID}" in audit.run(conf, database)


@pytest.mark.parametrize(("device", "findings"), [
    (UUID, [f"server {UUID}: nothing says that it has ports, and it has p"]),
    ("gone", ["port p of the deleted server gone"])])
def test_ports_of_nobody_and_unknown_ones_are_named(conf, database, server, device, findings):
    def damage(tx):
        ports.create(tx, [{"uuid": "p", "network_id": "n", "device_id": device, "device_owner": "compute:nova"}], [])

    database.write(damage)
    assert audit.run(conf, database) == findings


def test_an_address_of_nobody_is_named(conf, database, server):
    subnet = {"id": "s", "first_ip": "10.0.0.2", "last_ip": "10.0.0.2"}
    database.write(ports.allocate, [ports.Need("p", "n", subnet)])
    assert audit.run(conf, database) == ["address 10.0.0.2 is given to p, which is gone"]


def test_a_guest_that_runs_twice_is_named(conf, database, server, store):
    store.put(Guest("c2", UUID, GUEST, states.RUNNING, 1, 512, 0))
    assert f"server {UUID}: its guest runs on c1 and c2" in audit.run(conf, database)


def test_a_guest_that_is_gone_is_named(conf, database, server, store):
    store.remove("c1", UUID, [GUEST])
    assert audit.run(conf, database) == [f"server {UUID} (active/None): lives on c1, its guest is on no host"]


def test_a_move_that_nobody_works_on_is_named(conf, database, server):
    database.write(migrations.create, Migration(uuid="", instance_uuid=UUID, status=states.FINISHED,
                                                source_compute="c2", dest_compute="c1"))
    found = audit.run(conf, database)
    assert any("a move is finished" in line for line in found), found
    assert any("claims for the moves []" in line for line in found), found


def test_a_server_in_the_middle_of_something_is_judged_by_what_always_holds(conf, database, server, store):
    database.write(instances.update, UUID, task_state=states.POWERING_OFF)
    store.set_power("c1", UUID, states.SHUTDOWN)
    assert audit.run(conf, database) == []
