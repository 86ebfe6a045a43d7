"""A deletion whose message is lost while the server's move waits for a message too: nobody looked for either."""

import pytest
from cluster_fixture import DEADLINE_S

from novasim import exceptions
from novasim.conductor import recovery
from novasim.rpc.sim_driver import Bus
from novasim.sim.clock import ManualClock


@pytest.mark.spec("12.4/4")
@pytest.mark.parametrize("hop", ["resize_instance", "finish_resize"])
def test_a_deletion_goes_before_a_move(make_cluster, hop):
    cluster = make_cluster(clock=ManualClock(), **{"conductor.recovery_after": 1})
    bus = Bus.of(cluster.conf.transport_url)
    uuid = cluster.boot()
    for method in (hop, "terminate_instance"):
        cluster.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop", "times": 1})
    cluster.begin(uuid, "resize")
    assert bus.wait_idle(DEADLINE_S)
    cluster.begin(uuid, "delete")
    assert cluster.row(uuid).task_state == "deleting"
    cluster.clock.advance(2)
    recovery.recover(cluster.orchestrator)
    assert bus.wait_idle(DEADLINE_S)
    with pytest.raises(exceptions.InstanceNotFound):
        cluster.row(uuid)
    assert cluster.all_guests() == []
