"""A message to a host that has no queue is known to be lost at once: the request fails, or goes elsewhere."""

import pytest
from cluster_fixture import ADMIN, SMALL

from novasim import states
from novasim.rpc.sim_driver import Bus


def lose_queue(cluster, *hosts):
    """As a broker does that was started again, before the agents have found it."""
    bus = Bus.of(cluster.conf.transport_url)
    for host in hosts:
        queue = bus._queues.pop(f"compute.{host}")
        assert not queue.backlog


def test_the_api_answers_at_once(cluster):
    uuid = cluster.boot()
    lose_queue(cluster, cluster.row(uuid).host)
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"os-stop": None})
    assert answer.status_int == 503
    assert f"Compute service of {cluster.row(uuid).host} is unavailable" in answer.text
    assert cluster.state(uuid) == (states.ACTIVE, None), "and takes back what it had begun"
    actions = cluster.get(f"/servers/{uuid}/os-instance-actions")["instanceActions"]
    assert (actions[0]["action"], actions[0]["message"]) == ("stop", "Error")


@pytest.mark.parametrize("word", ["resize", "migrate"])
def test_a_move_tries_another_host(make_cluster, word):
    cluster = make_cluster(hosts=3)
    uuid = cluster.boot()
    others = sorted({"cmp-0001", "cmp-0002", "cmp-0003"} - {cluster.row(uuid).host})
    # The first is chosen first: it has more room.
    cluster.boot(SMALL, ADMIN, availability_zone=f"nova:{others[1]}")
    mark = cluster.watch.mark()
    lose_queue(cluster, others[0])
    cluster.resize(uuid) if word == "resize" else cluster.migrate(uuid)
    assert cluster.row(uuid).host == others[1]
    assert cluster.watch.count(f"chose {others[0]}", mark) == 1
    cluster.confirm(uuid)


def test_a_build_tries_another_host(make_cluster):
    cluster = make_cluster(hosts=3)
    lose_queue(cluster, "cmp-0001", "cmp-0002")
    assert {cluster.row(cluster.boot()).host for _ in range(3)} == {"cmp-0003"}


def test_a_move_is_given_back_when_nobody_is_there(cluster):
    uuid = cluster.boot()
    lose_queue(cluster, *({"cmp-0001", "cmp-0002", "cmp-0003"} - {cluster.row(uuid).host}))
    before = cluster.quota()
    cluster.resize(uuid, SMALL, until="restored")
    assert (cluster.state(uuid), cluster.quota()) == ((states.ACTIVE, None), before)
    assert cluster.fault(uuid).startswith("No valid host")


def test_a_forced_host_is_not_replaced(cluster):
    lose_queue(cluster, "cmp-0002")
    mark = cluster.watch.mark()
    uuid = cluster.create(token=ADMIN, availability_zone="nova:cmp-0002")
    cluster.watch.wait("build failed", mark, instance_uuid=uuid)
    assert cluster.fault(uuid) == "Compute service of cmp-0002 is unavailable at this time."


def test_no_conductor_yet(cluster):
    uuid = cluster.boot()
    Bus.of(cluster.conf.transport_url).delete(["conductor"])
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"resize": {"flavorRef": SMALL}})
    assert answer.status_int == 503
    assert cluster.state(uuid) == (states.ACTIVE, None)
    assert {reserved for _, reserved in cluster.quota().values()} == {0}
