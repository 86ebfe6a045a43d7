"""An admin resets a server in the middle of a move: the move ends, and the server holds room on one host only."""

import pytest
from cluster_fixture import ADMIN, SMALL

from novasim import states

SMALL_HELD = (2048, 1, 20, False)
TINY_HELD = (512, 1, 1, False)


def reset_during(cluster, monkeypatch, uuid, verb):
    """Reset the server while the hypervisor works on it; return when the hop has seen it."""
    real = getattr(cluster.agents.driver, verb)

    def work(*args, **kwargs):
        result = real(*args, **kwargs)
        cluster.action(uuid, {"os-resetState": {"state": "active"}}, ADMIN)
        return result

    monkeypatch.setattr(cluster.agents.driver, verb, work)
    cluster.resize(uuid, SMALL, until="state reset to active")


def test_while_it_is_reverted(cluster, monkeypatch):
    uuid = cluster.boot()
    host = cluster.row(uuid).host
    cluster.resize(uuid, SMALL)
    real = cluster.agents.driver.destroy

    def destroy(*args, **kwargs):
        real(*args, **kwargs)
        cluster.action(uuid, {"os-resetState": {"state": "active"}}, ADMIN)

    monkeypatch.setattr(cluster.agents.driver, "destroy", destroy)
    cluster.revert(uuid, until="guest put back")
    assert (cluster.state(uuid), cluster.row(uuid).host) == (("active", None), host)
    assert cluster.held(uuid) == [(host, *TINY_HELD)]
    assert cluster.quota()["ram"] == (512, 0)
    assert cluster.guests(uuid) == {(host, "guest"): states.RUNNING}


def test_while_the_disks_move(cluster, monkeypatch):
    uuid = cluster.boot()
    host = cluster.row(uuid).host
    reset_during(cluster, monkeypatch, uuid, "migrate_disk_and_power_off")
    cluster.watch.wait("guest put back")
    assert cluster.state(uuid) == ("active", None)
    assert cluster.held(uuid) == [(host, *TINY_HELD)]
    assert cluster.quota()["ram"] == (512, 0)
    assert cluster.guests(uuid) == {(host, "guest"): states.RUNNING}


def test_while_the_destination_starts_it(cluster, monkeypatch):
    uuid = cluster.boot()
    reset_during(cluster, monkeypatch, uuid, "finish_migration")
    assert cluster.state(uuid) == ("active", None)
    assert cluster.held(uuid) == [(cluster.row(uuid).host, *TINY_HELD)]
    assert cluster.quota()["ram"] == (512, 0)


@pytest.mark.spec("2.3/lock")
@pytest.mark.parametrize(("word", "vm_state"), [("active", "active"), ("error", "error")])
def test_while_it_waits_for_a_confirm(cluster, word, vm_state):
    uuid = cluster.boot()
    cluster.resize(uuid, SMALL)
    cluster.action(uuid, {"os-resetState": {"state": word}}, ADMIN)
    assert cluster.state(uuid) == (vm_state, None)
    assert cluster.held(uuid) == [(cluster.row(uuid).host, *SMALL_HELD)]
    assert cluster.quota()["ram"] == (2048, 0)
    cluster.action(uuid, {"confirmResize": None}, ADMIN, 409)
    cluster.delete(uuid)
    # The audit at the end of the test sees that no copy is left on the source.
