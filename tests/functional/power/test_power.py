"""Pause, suspend, rescue, password, and what they leave of server, guest and record when they end well, badly, late."""

import pytest
from cluster_fixture import TINY, USER

from novasim import states
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.sim.clock import ManualClock

# What is asked for -> (from where, status asked for, event, vm_state, power_state, REST status) of a good end.
VERBS = {
    "pause": (["active"], "compute_pause_instance", "paused", 3, "PAUSED"),
    "unpause": (["pause"], "compute_unpause_instance", "active", 1, "ACTIVE"),
    "suspend": (["active"], "compute_suspend_instance", "suspended", 7, "SUSPENDED"),
    "resume": (["suspend"], "compute_resume_instance", "active", 1, "ACTIVE"),
    "rescue": (["active"], "compute_rescue_instance", "rescued", 1, "RESCUE"),
    "unrescue": (["rescue"], "compute_unrescue_instance", "active", 1, "ACTIVE"),
    "changePassword": (["active"], "compute_set_admin_password", "active", 1, "ACTIVE"),
}
BODIES = {"changePassword": {"adminPass": "s3cret"}}
RPC = {"changePassword": "set_admin_password"}
TASKS = {"pause": "pausing", "unpause": "unpausing", "suspend": "suspending", "resume": "resuming",
         "rescue": "rescuing", "unrescue": "unrescuing", "changePassword": "updating_password"}
DRIVER = {"changePassword": "set_admin_password"}


def ask(cluster, uuid, word):
    """Ask for it; returns the request id."""
    return cluster.action(uuid, {word: BODIES.get(word)}, status=200 if word == "rescue" else 202)


def do(cluster, uuid, word, until=None):
    mark = cluster.watch.mark()
    request = ask(cluster, uuid, word)
    cluster.watch.wait(until or VERBS[word][1], mark, instance_uuid=uuid)
    return request


def ready(cluster, word):
    """A server from which a verb is legal."""
    uuid = cluster.boot()
    for before in VERBS[word][0]:
        if before != "active":
            do(cluster, uuid, before)
    return uuid


def lose(cluster, method):
    cluster.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop", "times": 1})


@pytest.fixture
def manual(make_cluster):
    return make_cluster(clock=ManualClock(), **{"conductor.recovery_after": 10})


@pytest.mark.spec("2.3/pause", "2.3/unpause", "2.3/suspend", "2.3/resume", "2.3/rescue", "2.3/unrescue",
                  "2.3/changePassword")
@pytest.mark.parametrize("word", VERBS)
def test_it_does_what_it_says(cluster, word):
    _, event, vm_state, power_state, status = VERBS[word]
    uuid = ready(cluster, word)
    host, quota = cluster.row(uuid).host, cluster.quota()
    record = cluster.record(uuid, do(cluster, uuid, word))
    row = cluster.row(uuid)
    assert (row.vm_state, row.task_state, row.power_state, row.host) == (vm_state, None, power_state, host)
    assert cluster.status(uuid) == status
    assert cluster.guests(uuid) == {(host, "guest"): power_state}
    assert (record["action"], record["message"]) == (word, None)
    assert [(hop["event"], hop["result"], hop["host"]) for hop in record["events"]] == [(event, "Success", host)]
    assert cluster.quota() == quota
    assert cluster.audit() == []


@pytest.mark.parametrize("word", VERBS)
def test_a_hypervisor_that_fails_half_way(cluster, word):
    """A pause that did not come about leaves the server as it was; of the others nothing is known: ERROR."""
    _, event, *_ = VERBS[word]
    uuid = ready(cluster, word)
    before, power_state = cluster.row(uuid).vm_state, cluster.row(uuid).power_state
    cluster.faults.add({"at": f"virt.{DRIVER.get(word, word)}", "do": {"raise": "no luck"}, "times": 1})
    record = cluster.record(uuid, do(cluster, uuid, word, f"{event} failed"))
    row = cluster.row(uuid)
    after = before if word in ("pause", "unpause") else "error"
    assert (row.vm_state, row.task_state, row.power_state) == (after, None, power_state)
    assert cluster.fault(uuid) == "no luck"
    assert (record["message"], record["events"][0]["result"]) == ("Error", "Error")
    if after == "error":
        cluster.do(uuid, "reboot")
        assert cluster.state(uuid) == ("active", None)


@pytest.mark.parametrize("word", VERBS)
def test_a_hypervisor_that_refuses(cluster, word):
    """It failed before it touched anything: the server is what it was."""
    _, event, *_ = VERBS[word]
    uuid = ready(cluster, word)
    before = cluster.state(uuid)
    cluster.faults.add({"at": f"virt.{DRIVER.get(word, word)}", "do": {"refuse": "not now"}, "times": 1})
    do(cluster, uuid, word, f"{event} failed")
    assert cluster.state(uuid) == before
    do(cluster, uuid, word)
    assert cluster.audit() == []


@pytest.mark.parametrize("word", [word for word in VERBS if word != "changePassword"])
def test_a_lost_message(manual, word):
    uuid = ready(manual, word)
    method = RPC.get(word, f"{word}_instance")
    lose(manual, method)
    mark = manual.watch.mark()
    request = ask(manual, uuid, word)
    manual.watch.wait(f"send {method}", mark)
    assert manual.row(uuid).task_state == TASKS[word]
    assert recovery.recover(manual.orchestrator) == 0, "it is given its time"
    manual.clock.advance(10)
    assert recovery.recover(manual.orchestrator) == 1
    manual.watch.wait(VERBS[word][1], mark, instance_uuid=uuid)
    assert manual.state(uuid) == (VERBS[word][2], None)
    assert manual.record(uuid, request)["message"] is None


def test_a_lost_password_must_be_set_again(manual):
    """It stood in the message only: nobody wrote it down."""
    uuid = manual.boot()
    lose(manual, "set_admin_password")
    request = ask(manual, uuid, "changePassword")
    manual.clock.advance(10)
    assert recovery.recover(manual.orchestrator) == 1
    assert manual.state(uuid) == ("active", None)
    assert manual.record(uuid, request)["message"] == "Error"
    do(manual, uuid, "changePassword")


@pytest.mark.parametrize("word", VERBS)
def test_a_message_that_comes_twice(cluster, word):
    uuid = ready(cluster, word)
    cluster.faults.add({"at": "rpc.send", "match": {"method": RPC.get(word, f"{word}_instance")}, "do": "duplicate"})
    do(cluster, uuid, word)
    cluster.embedded.stop()
    cluster.start()
    assert cluster.state(uuid) == (VERBS[word][2], None)
    assert cluster.audit() == []


@pytest.mark.parametrize("word", VERBS)
def test_a_delete_in_the_middle(cluster, monkeypatch, word):
    uuid = ready(cluster, word)
    verb = DRIVER.get(word, word)
    real = getattr(cluster.agents.driver, verb)

    def deleted_meanwhile(*args):
        cluster.delete(uuid)
        real(*args)

    monkeypatch.setattr(cluster.agents.driver, verb, deleted_meanwhile)
    mark = cluster.watch.mark()
    ask(cluster, uuid, word)
    cluster.watch.wait("deleted", mark, instance_uuid=uuid)
    cluster.restart()
    assert (cluster.all_guests(), cluster.audit()) == ([], [])


def test_the_password_of_a_rescue_is_the_users_or_made_up(cluster):
    uuid = cluster.boot()
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"rescue": {"adminPass": "MySecretPass"}})
    assert (answer.status_int, answer.json) == (200, {"adminPass": "MySecretPass"})
    cluster.watch.wait("compute_rescue_instance", instance_uuid=uuid)
    do(cluster, uuid, "unrescue")
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"rescue": None})
    assert (answer.status_int, list(answer.json), len(answer.json["adminPass"])) == (200, ["adminPass"], 12)
    cluster.watch.wait("compute_rescue_instance", times=2, instance_uuid=uuid)


def test_a_password_is_written_nowhere(cluster, caplog):
    caplog.set_level(0)
    uuid = cluster.boot()
    do(cluster, uuid, "changePassword")
    cluster.faults.add({"at": "virt.set_admin_password", "do": {"raise": "no luck"}})
    do(cluster, uuid, "changePassword", "compute_set_admin_password failed")
    cluster.stop()
    assert "s3cret" not in caplog.text
    for path in cluster.state_dir.rglob("*"):
        assert path.is_dir() or b"s3cret" not in path.read_bytes(), path
    cluster.start()


@pytest.mark.parametrize(("body", "text"), [
    ({"rescue": {"adminPass": 5}}, "Invalid input for field/attribute adminPass. Value: 5. 5 is not of type 'string'"),
    ({"rescue": {"rescue_image_ref": "x"}},
     "Invalid input for field/attribute rescue_image_ref. Value: x. 'x' is not a 'uuid'"),
    ({"rescue": {"wrong": 1}}, "wrong"), ({"changePassword": {}}, "'adminPass' is a required property"),
    ({"changePassword": None}, "changePassword"), ({"changePassword": {"adminPass": None}}, "adminPass"),
])
def test_a_body_that_is_wrong(cluster, body, text):
    uuid = cluster.boot()
    answer = cluster.http("POST", f"/servers/{uuid}/action", body)
    assert answer.status_int == 400
    assert text in answer.json["badRequest"]["message"]
    assert cluster.state(uuid) == ("active", None)


@pytest.mark.parametrize(("word", "verb", "power_state"), [("pause", "unpause", 1), ("suspend", "power_off", 4),
                                                           ("rescue", "power_off", 4)])
def test_the_audit_knows_how_the_guest_must_be(cluster, word, verb, power_state):
    uuid = cluster.boot()
    do(cluster, uuid, word)
    getattr(cluster.agents.driver, verb)(cluster.row(uuid).host, uuid)
    [finding] = cluster.audit()
    assert f"its guest's power state is {power_state}, not {VERBS[word][3]}" in finding
    getattr(cluster.agents.driver, word)(cluster.row(uuid).host, uuid)


def test_agents_that_are_too_old_for_it(make_cluster):
    """Below the cap there is no such message: the request is refused, and nothing has happened."""
    cluster = make_cluster(**{"upgrade_levels.compute": "havana"})
    uuid = cluster.boot()
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"pause": None})
    assert (answer.status_int, cluster.state(uuid)) == (503, ("active", None))


@pytest.mark.spec("8.11/power-copy")
@pytest.mark.parametrize(("word", "power"), [("pause", "suspend"), ("rescue", "power_off")])
def test_power_that_is_only_copied(cluster, word, power):
    """Of a paused server that is suspended, or a rescued one that is off, the record says so, and no more happens."""
    uuid = ready(cluster, word)
    do(cluster, uuid, word)
    host, vm_state = cluster.row(uuid).host, cluster.row(uuid).vm_state
    getattr(cluster.agents.driver, power)(host, uuid)
    periodics.sync_power_states(cluster.agents)
    row = cluster.row(uuid)
    assert (row.vm_state, row.task_state) == (vm_state, None)
    assert row.power_state == cluster.agents.driver.power_state(host, uuid)
    # As the audit wants it at the end.
    getattr(cluster.agents.driver, {"pause": "pause", "rescue": "rescue"}[word])(host, uuid)


@pytest.mark.spec("8.11/power-paused")
def test_a_paused_guest_that_went_off_is_stopped(cluster):
    uuid = cluster.boot(TINY, USER)
    do(cluster, uuid, "pause")
    cluster.agents.driver.power_off(cluster.row(uuid).host, uuid)
    mark = cluster.watch.mark()
    periodics.sync_power_states(cluster.agents)
    cluster.watch.wait("compute_stop_instance", mark, instance_uuid=uuid)
    assert cluster.state(uuid) == ("stopped", None)
    assert cluster.row(uuid).power_state == states.SHUTDOWN
