"""A server whose guest is off, or not there at all, is put right by the clock, and can be deleted by its user."""

from novasim import states
from novasim.compute import periodics


def test_a_stop_that_failed_is_tried_again(cluster):
    """The guest's power is noted by then, and no news any more."""
    uuid = cluster.boot()
    cluster.agents.driver.power_off(cluster.row(uuid).host, uuid)
    cluster.faults.add({"at": "virt.power_off", "do": {"raise": "no luck"}, "times": 1})
    periodics.sync_power_states(cluster.agents)
    row = cluster.row(uuid)
    assert (row.vm_state, row.task_state, row.power_state) == ("active", None, states.SHUTDOWN)
    periodics.sync_power_states(cluster.agents)
    assert cluster.state(uuid) == ("stopped", None)


def test_a_server_without_a_guest_is_deleted_for_good(make_cluster):
    """There is nothing to be kept, and nothing to be powered off."""
    cluster = make_cluster(reclaim_instance_interval=3600)
    uuid = cluster.boot()
    cluster.faults.add({"at": "virt.spawn", "do": {"raise": "no luck"}, "times": 1})
    mark = cluster.watch.mark()
    cluster.begin(uuid, "rebuild")
    cluster.watch.wait("rebuild failed", mark)
    assert (cluster.state(uuid), cluster.guests(uuid)) == (("error", None), {})
    mark = cluster.watch.mark()
    answer = cluster.http("DELETE", f"/servers/{uuid}")
    assert answer.status_int == 204, answer.text
    cluster.watch.wait("deleted", mark, instance_uuid=uuid)
    record = cluster.record(uuid, answer.headers["x-openstack-request-id"])
    assert (record["action"], record["message"]) == ("delete", None)
    assert (cluster.quota()["instances"], cluster.audit()) == ((0, 0), [])
