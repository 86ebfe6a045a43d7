"""services.version: a service says of which generation it is, at each start anew."""

from sqlalchemy import update

from novasim.db import hosts, models
from novasim.version import SERVICE_VERSION


def _age(tx, host):
    tx.execute(update(models.services).where(models.services.c.host == host).values(version=0))


def test_the_oldest_agent_counts(db):
    assert db.read(hosts.least_version) is None
    db.write(hosts.register, ["ctl"], "nova-conductor", "conductor")
    db.write(_age, "ctl")
    assert db.read(hosts.least_version) is None, "only agents count"
    for names in (["a", "b"], ["b", "c"]):
        db.write(hosts.register, names, hosts.COMPUTE, "compute")
    assert db.read(hosts.least_version) == SERVICE_VERSION
    db.write(_age, "b")
    assert db.read(hosts.least_version) == 0
    db.write(hosts.register, ["a", "b"], hosts.COMPUTE, "compute")
    assert db.read(hosts.least_version) == SERVICE_VERSION
