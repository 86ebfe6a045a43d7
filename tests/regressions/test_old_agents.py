"""What agents below the cap cannot be told is not begun, and does not wait for ever."""

import pytest
from cluster_fixture import ADMIN
from live_stories import ask, check_at


@pytest.mark.parametrize("version", ["2.24", "2.34"])
def test_a_live_migration(make_cluster, version):
    cluster = make_cluster(**{"upgrade_levels.compute": "icehouse"})
    uuid = cluster.boot()
    mark, host = cluster.watch.mark(), cluster.row(uuid).host
    if version == "2.24":
        answer = ask(cluster, uuid, version, 400, block_migration=True, disk_over_commit=False)
        assert "too old for live_migration" in answer.json["badRequest"]["message"]
    else:
        ask(cluster, uuid, version)
        cluster.watch.wait("restored", mark)
    check_at(cluster, uuid, host)
    assert "too old for live_migration" in cluster.fault(uuid)


def test_an_evacuation(make_cluster):
    cluster = make_cluster(**{"upgrade_levels.compute": "icehouse"})
    uuid = cluster.boot()
    host = cluster.row(uuid).host
    cluster.http("PUT", "/os-services/force-down", {"host": host, "binary": "nova-compute", "forced_down": True}, ADMIN,
                 "2.11")
    mark = cluster.watch.mark()
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"evacuate": {}}, ADMIN, "2.14")
    assert answer.status_int == 200, answer.text
    cluster.watch.wait("restored", mark)
    check_at(cluster, uuid, host)
    assert "too old for rebuild_instance" in cluster.fault(uuid)
