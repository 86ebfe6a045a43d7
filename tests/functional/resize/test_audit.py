"""The audit finds each kind of damage, and names it."""

import pytest
from cluster_fixture import MEDIUM
from sqlalchemy import delete, insert, update

from novasim import states
from novasim.compute.virt.driver import GUEST, Guest
from novasim.db import claims, models, quotas
from novasim.objects import Flavor


def change(table, **values):
    return lambda tx, uuid: tx.execute(update(table).values(**values))


def second_move(tx, uuid):
    tx.execute(insert(models.migrations), {"uuid": "m2", "instance_uuid": uuid, "status": "pre-migrating",
                                           "migration_type": "resize", "deleted": 0, "hidden": False})


def lost_key(tx, uuid):
    table = models.instance_system_metadata
    tx.execute(delete(table).where(table.c.instance_uuid == uuid, table.c.key == "old_instance_type_swap"))


def reserved(tx, uuid):
    tx.execute(update(models.quota_usages).where(models.quota_usages.c.resource == "ram").values(reserved=5))


def no_old_state(tx, uuid):
    table = models.instance_system_metadata
    tx.execute(delete(table).where(table.c.instance_uuid == uuid, table.c.key == "old_vm_state"))


DAMAGE = {
    "vcpus used is 9": change(models.compute_nodes, vcpus_used=9),
    "its columns are not those of its flavor": change(models.instances, memory_mb=1),
    "its claim is": change(models.claims, vcpus=17),
    "claims of its own, not 1": lambda tx, uuid: claims.take(
        tx, "cmp-0001", "cmp-0001", uuid, Flavor(flavorid="", name="", memory_mb=0, vcpus=0), {}),
    "claims for the moves": change(models.claims, migration_id=None),
    "2 moves are in progress": second_move,
    "moves wait for confirm or revert, not 1": change(models.migrations, status="migrating"),
    "a move is finished": change(models.instances, vm_state="active"),
    "9 keys old_instance_type_": lost_key,
    "old_vm_state is missing": no_old_state,
    "in use, the servers count for": change(models.quota_usages, in_use=77),
    "5 reserved, the reservations add up to 0": reserved,
}


@pytest.fixture
def resized(make_cluster):
    """A resized server in a cluster of its own whose damage is undone by its end, so that the last audit is clean."""
    cluster = make_cluster()
    uuid = cluster.boot()
    cluster.resize(uuid, MEDIUM)
    return cluster, uuid


@pytest.mark.spec("12.4/1", "12.4/2", "12.4/3")
@pytest.mark.parametrize("finding", DAMAGE)
def test_damage_in_the_database(resized, finding):
    cluster, uuid = resized
    assert cluster.audit() == []
    path = cluster.state_dir / "novasim.sqlite"
    with cluster.db.engine.connect() as connection:
        copy = backup(connection.connection.driver_connection, path.with_suffix(".copy"))
        cluster.db.write(DAMAGE[finding], uuid)
        found = cluster.audit()
        restore(connection.connection.driver_connection, copy)
    assert any(finding in text for text in found), found


def backup(connection, path):
    import sqlite3
    copy = sqlite3.connect(path)
    connection.backup(copy)
    return copy


def restore(connection, copy):
    copy.backup(connection)
    copy.close()


@pytest.mark.spec("12.4/7", "8.8/6")
def test_damage_on_the_hypervisors(cluster):
    uuid = cluster.boot()
    host, other = cluster.row(uuid).host, "cmp-0003"
    if other == host:
        other = "cmp-0002"
    store = cluster.agents.driver._store
    guest = store.get(host, uuid)
    for doing, finding in (
            (lambda: store.remove(host, uuid, [GUEST]), "its guest is on no host"),
            (lambda: store.set_power(host, uuid, states.SHUTDOWN), "power state is 4, not 1"),
            (lambda: store.put(guest._replace(host=other)), "its guest runs on cmp"),
            (lambda: store.put(guest._replace(host=other, role="backup", power_state=4)), "copy for a revert is left"),
            (lambda: store.put(Guest(other, "x" * 36, GUEST, 1, 1, 1, 1)), "guest of the deleted server")):
        doing()
        found = cluster.audit()
        assert any(finding in text for text in found), (finding, found)
        for row in store.list():
            store.remove(row.host, row.instance_uuid, [row.role])
        store.put(guest)
        assert cluster.audit() == []


def test_what_a_deleted_server_leaves(cluster):
    uuid = cluster.boot()
    server = cluster.row(uuid)
    cluster.delete(uuid)

    def plant(tx):
        claims.take(tx, "cmp-0001", "cmp-0001", uuid, server.flavor(), {})
        quotas.reserve(tx, server, {"cores": 1}, {"cores": 5, "ram": 5, "instances": 5}, 100)

    cluster.db.write(plant)
    found = cluster.audit()
    assert any(f"claim of the deleted server {uuid} on cmp-0001" in text for text in found), found
    assert any(f"of the deleted server {uuid}" in text and "reservation" in text for text in found), found
    cluster.db.write(claims.drop_all, uuid)
    cluster.db.write(quotas.rollback, uuid)
