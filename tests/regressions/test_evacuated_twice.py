"""An evacuation that another one of the same server has overtaken leaves the other one's guest alone."""

import threading

import pytest
from cluster_fixture import ADMIN
from holding import DEADLINE_S, Held

from novasim.compute import evacuate


def ask(cluster, uuid, host):
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"evacuate": {"host": host}}, ADMIN, "2.14")
    assert answer.status_int == 200, answer.text


@pytest.mark.parametrize("fails", [False, True])
def test_to_the_same_host(cluster, monkeypatch, fails):
    """The first one comes to its end when the second has made its guest, and is about to power it off."""
    cleaned, real = threading.Event(), evacuate._remove

    def remove(*args):
        real(*args)
        cleaned.set()

    monkeypatch.setattr(evacuate, "_remove", remove)
    uuid = cluster.stopped()
    source = cluster.row(uuid).host
    dest = next(host for host in cluster.agents.hosts if host != source)
    answer = cluster.http("PUT", "/os-services/force-down", {
        "host": source, "binary": "nova-compute", "forced_down": True}, ADMIN, "2.11")
    assert answer.status_int == 200, answer.text
    first = Held(monkeypatch, cluster, "spawn", after=True)
    ask(cluster, uuid, dest)
    first.wait()
    second = Held(monkeypatch, cluster, "power_off")
    mark = cluster.watch.mark()
    ask(cluster, uuid, dest)
    second.wait()
    if fails:
        cluster.faults.add({"at": "virt.power_off", "do": {"raise": "no luck"}, "times": 1})
    first.release()
    assert cleaned.wait(DEADLINE_S)
    assert (dest, "guest") in cluster.guests(uuid)
    second.release()
    cluster.watch.wait("evacuated", mark, instance_uuid=uuid)
    assert cluster.state(uuid) == ("stopped", None)
