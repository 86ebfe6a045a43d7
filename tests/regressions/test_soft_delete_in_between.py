"""A server is soft-deleted while something is done to it: that has ended, and does not look as if it went on."""

import pytest
from cluster_fixture import DEADLINE_S

from novasim.rpc.sim_driver import Bus
from novasim.sim.clock import ManualClock


@pytest.mark.parametrize(("word", "lost"), [("resize", "prep_resize"), ("resize", "migrate_server"),
                                            ("stop", "stop_instance")])
def test_what_it_interrupts_has_ended(make_cluster, word, lost):
    cluster = make_cluster(clock=ManualClock(), reclaim_instance_interval=3600, **{"conductor.recovery_after": 1})
    bus = Bus.of(cluster.conf.transport_url)
    uuid = cluster.boot()
    cluster.faults.add({"at": "rpc.send", "match": {"method": lost}, "do": "drop"})
    for action in (word, "delete"):
        cluster.begin(uuid, action)
        assert bus.wait_idle(DEADLINE_S)
    assert cluster.state(uuid) == ("soft-delete", None)
    cluster.clock.advance(2)
    assert cluster.audit() == []
