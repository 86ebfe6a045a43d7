"""An admin resets a server that no host has been chosen for: what was under way with it comes to nothing, and all that
can be done with it is to delete it."""

import pytest
from cluster_fixture import ADMIN
from holding import Kept


@pytest.mark.parametrize(("state", "status"), [("active", "ACTIVE"), ("error", "ERROR")])
def test_before_a_host_was_chosen(cluster, monkeypatch, state, status):
    kept = Kept(monkeypatch, cluster.embedded.app.conductor, "build_instances")
    uuid = cluster.create()
    kept.wait()
    cluster.action(uuid, {"os-resetState": {"state": state}}, ADMIN)
    mark = cluster.watch.mark()
    kept.send()
    cluster.watch.wait("receive run_instance", mark)
    shown = cluster.get(f"/servers/{uuid}", ADMIN, "2.96")["server"]
    assert (shown["status"], shown["OS-EXT-SRV-ATTR:host"], shown["hostId"]) == (status, None, "")
    assert (cluster.held(uuid), cluster.guests(uuid)) == ([], {})
    for body in ({"resize": {"flavorRef": "2"}}, {"migrate": None}, {"reboot": {"type": "HARD"}}, {"os-stop": None}):
        answer = cluster.http("POST", f"/servers/{uuid}/action", body, ADMIN)
        assert answer.status_int == 409, (body, answer.text)
    assert cluster.quota()["cores"] == (1, 0)
    assert cluster.http("DELETE", f"/servers/{uuid}").status_int == 204
    assert cluster.http("GET", f"/servers/{uuid}").status_int == 404
    assert cluster.quota()["cores"] == (0, 0)
