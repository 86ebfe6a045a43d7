"""A hop fails and the database has no connection left to say so: its server must not stay in the middle of the move."""

import pytest
from cluster_fixture import DEADLINE_S
from sqlalchemy.exc import TimeoutError as PoolTimeout

from novasim.compute import resize
from novasim.rpc.sim_driver import Bus


@pytest.mark.spec("12.4/8")
@pytest.mark.parametrize(("do", "state"), [("raise", "error"), ("refuse", "active")])
def test_the_end_of_a_hop_is_written_in_the_end(cluster, monkeypatch, do, state):
    uuid, write, tries = cluster.boot(), cluster.db.write, []

    def busy(function, *args, **kwargs):
        if function is resize.break_off:
            tries.append(function)
            if len(tries) < 3:
                raise PoolTimeout("QueuePool limit reached")
        return write(function, *args, **kwargs)

    monkeypatch.setattr(cluster.db, "write", busy)
    monkeypatch.setattr(cluster.db._patience, "retry_interval", 0)
    cluster.faults.add({"at": "virt.migrate_disk_and_power_off", "do": {do: "the disk is full"}})
    cluster.begin(uuid, "resize")
    assert Bus.of(cluster.conf.transport_url).wait_idle(DEADLINE_S)
    assert (cluster.state(uuid), len(tries)) == ((state, None), 3)
    assert "the disk is full" in cluster.fault(uuid)


def test_the_fault_of_a_database_error_has_a_code(cluster, monkeypatch):
    """SQLAlchemy's errors have a code that is a text; MariaDB refuses it as that of a fault."""
    uuid, write = cluster.boot(), cluster.db.write

    def busy(function, *args, **kwargs):
        if function.__name__ == "hand_over":
            raise PoolTimeout("QueuePool limit reached", code="3o7r")
        return write(function, *args, **kwargs)

    monkeypatch.setattr(cluster.db, "write", busy)
    cluster.resize(uuid, until="compute_resize_instance failed")
    fault = cluster.get(f"/servers/{uuid}")["server"]["fault"]
    assert fault["code"] == 500
