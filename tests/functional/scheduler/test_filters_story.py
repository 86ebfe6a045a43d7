"""Filters that ask which servers are on the hosts, on a whole cluster: what the database says is what they see."""

import pytest
from cluster_fixture import ADMIN


def refuse(cluster):
    """A server that finds no host; what an admin reads of it."""
    mark = cluster.watch.mark()
    uuid = cluster.create()
    cluster.watch.wait("build failed", mark, instance_uuid=uuid)
    return cluster.get(f"/servers/{uuid}", ADMIN)["server"]["fault"]["details"]


@pytest.mark.parametrize("driver", ["FilterScheduler", "CachingScheduler"])
def test_as_many_servers_as_each_host_may_have(make_cluster, driver):
    cluster = make_cluster(hosts=2, **{
        "scheduler.driver": f"nova.scheduler.{driver}", "filter_scheduler.max_instances_per_host": 1,
        "filter_scheduler.enabled_filters": ["ComputeFilter", "NumInstancesFilter", "JsonFilter"]})
    first, second = cluster.boot(), cluster.boot()
    assert cluster.row(first).host != cluster.row(second).host
    assert "0 of 2: 2 NumInstancesFilter; e.g. cmp-0001: has 1 servers" in refuse(cluster)
    cluster.delete(first)
    assert cluster.row(cluster.boot()).host != cluster.row(second).host
