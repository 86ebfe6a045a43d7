"""A hop fails, and the database has no connection left to say so: the server must not stay in the middle of its move."""

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
