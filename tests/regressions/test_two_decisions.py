"""Two requests decide over one move: whoever finds that it was faster than himself is told so with 409."""

import pytest
from cluster_fixture import DEADLINE_S

from novasim.api import guards
from novasim.rpc.sim_driver import Bus

ACTIONS = {"confirm": {"confirmResize": None}, "revert": {"revertResize": None}}


@pytest.fixture
def overtaken(cluster, monkeypatch):
    """Ask for something; a rival comes before the API's look at server and move, or right after it. Returns the
    answer."""
    def ask(uuid, word, rival, before):
        real = guards.find_beside

        def slow(*args):
            monkeypatch.setattr(guards, "find_beside", real)
            found = None if before else real(*args)
            cluster.begin(uuid, rival)
            assert Bus.of(cluster.conf.transport_url).wait_idle(DEADLINE_S)
            return found or real(*args)

        monkeypatch.setattr(guards, "find_beside", slow)
        return cluster.http("POST", f"/servers/{uuid}/action", ACTIONS[word])
    return ask


@pytest.fixture
def resized(cluster):
    uuid = cluster.boot()
    cluster.resize(uuid)
    return uuid


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("rival", ACTIONS)
@pytest.mark.parametrize("word", ACTIONS)
def test_the_other_was_done_meanwhile(cluster, overtaken, resized, word, rival, before):
    answer = overtaken(resized, word, rival, before)
    assert answer.status_int == 409, answer.text
    assert "while it is in vm_state active" in answer.text
    assert cluster.move(resized).status == {"confirm": "confirmed", "revert": "reverted"}[rival]


@pytest.mark.parametrize("word", ACTIONS)
@pytest.mark.parametrize(("rival", "before", "status", "text"), [
    ("confirm", False, 409, "while it is in migration_status confirming"),
    ("confirm", True, 400, "Instance has not been resized."),
    ("revert", False, 409, "while it is in task_state resize_reverting"),
    ("revert", True, 409, "while it is in task_state resize_reverting")])
@pytest.mark.spec("12.2/18")
def test_the_other_is_under_way(cluster, overtaken, resized, word, rival, before, status, text):
    cluster.faults.add({"at": "rpc.send", "match": {"method": f"{rival}_resize"}, "do": "drop"})
    answer = overtaken(resized, word, rival, before)
    assert (answer.status_int, text in answer.text) == (status, True), answer.text
    assert cluster.move(resized).status == {"confirm": "confirming", "revert": "reverting"}[rival]
