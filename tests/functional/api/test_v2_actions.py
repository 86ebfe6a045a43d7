"""Actions at /v2: the checks, texts and codes of 2014, on the same domain."""

from __future__ import annotations

import threading

import pytest

from novasim import exceptions, states
from novasim.api import resize
from novasim.db import hosts, quotas

ADMIN = "admin:p1"


@pytest.fixture
def server(cloud):
    return cloud.boot()


@pytest.mark.spec("S6", "3.3/missing-flavor-ref", "3.3/empty-flavor-ref", "3.3/flavor-ref-type", "3.3/flavor-ref-href",
                  "3.3/disk-config", "3.3/flavor-not-found", "3.3/same-flavor")
@pytest.mark.parametrize(("content", "message"), [
    (None, "Resize requests require 'flavorRef' attribute."), ({}, "Resize requests require 'flavorRef' attribute."),
    ("3", "Resize requests require 'flavorRef' attribute."), ([], "Resize requests require 'flavorRef' attribute."),
    ({"flavorRef": ""}, "Resize request has invalid 'flavorRef' attribute."),
    ({"flavorRef": None}, "Unable to locate requested flavor."),
    ({"flavorRef": []}, "Unable to locate requested flavor."),
    ({"flavorRef": "http://localhost/v2/p1/flavors/3"}, "Unable to locate requested flavor."),
    ({"flavorRef": "none"}, "Unable to locate requested flavor."),
    ({"flavorRef": "off"}, "Unable to locate requested flavor."),
    ({"flavorRef": 1}, "Resize requires a flavor change."),
    ({"flavorRef": "3", "OS-DCF:diskConfig": "auto"}, "OS-DCF:diskConfig must be either 'MANUAL' or 'AUTO'."),
    ({"flavorRef": "3", "OS-DCF:diskConfig": None}, "OS-DCF:diskConfig must be either 'MANUAL' or 'AUTO'."),
])
def test_resizes_that_are_none(cloud, v2, server, content, message):
    answer = v2.act(server, "resize", content)
    assert (answer.status, answer.body) == (400, {"badRequest": {"code": 400, "message": message}})
    assert cloud.row(server).task_state is None


@pytest.mark.spec("S6", "3.3/unknown-keys", "3.12/legacy-header")
def test_a_resize_is_the_same_one(cloud, v2, server):
    answer = v2.act(server, "resize", {"flavorRef": 3, "OS-DCF:diskConfig": "MANUAL", "unknown": {}},
                    headers={"X-OpenStack-Nova-API-Version": "nonsense"})
    assert (answer.status, answer.text) == (202, "")
    [(method, _, _, sent)] = cloud.conductor.sent
    assert (method, sent["flavor"].flavorid, sent["instance"].auto_disk_config) == ("migrate_server", "3", False)
    assert not {"OpenStack-API-Version", "X-OpenStack-Nova-API-Version", "Vary"} & set(answer.headers)
    assert answer.headers["x-compute-request-id"].startswith("req-")


@pytest.mark.spec("S7", "3.3/over-quota")
def test_over_quota_is_413_with_the_numbers_of_the_first(cloud, v2, server):
    cloud.db.write(quotas.set_limits, "p1", {"cores": 1, "ram": 1000})
    answer = v2.act(server, "resize", {"flavorRef": "3"})
    assert (answer.status, answer.headers["Retry-After"], answer.body) == (413, "0", {"overLimit": {
        "code": 413, "retryAfter": "0",
        "message": "Quota exceeded for cores,ram: Requested 1, but already used 1 of 1 cores"}})
    assert cloud.row(server).task_state is None


@pytest.mark.spec("3.3/one-unlimited")
def test_over_quota_beside_an_unlimited_resource(cloud, v2, server):
    cloud.db.write(quotas.set_limits, "p1", {"cores": -1, "ram": 1000})
    answer = v2.act(server, "resize", {"flavorRef": "3"})
    assert (answer.status, answer.message) == (
        413, "Quota exceeded for ram: Requested 3584, but already used 512 of 1000 ram")


@pytest.mark.spec("3.3/auto-disk-config", "3.3/image-mismatch", "3.3/other-invalid", "3.3/zero-disk")
def test_what_else_a_resize_refuses(cloud, v2, server, monkeypatch):
    assert v2.act(server, "resize", {"flavorRef": "zero"}).message == (
        "Server disk was unable to be resized because: Resize to zero disk flavor is not allowed.")
    for error, code, message in (
            (exceptions.AutoDiskConfigDisabledByImage(image="i"), 400, "Invalid instance image."),
            (exceptions.FlavorMemoryTooSmall(), 400, "Invalid instance image."),
            (exceptions.Invalid("numa"), 400, "Invalid instance image."),
            (exceptions.ImageNotFound(image_id="i"), 400,
             "Image that the instance was started with could not be found."),
            (RuntimeError("secret"), 500,
             "The server has either erred or is incapable of performing the requested operation.")):
        def fail(*_args, error=error):
            raise error
        monkeypatch.setattr(resize, "_check_flavor", fail)
        answer = v2.act(server, "resize", {"flavorRef": "3"})
        assert (answer.status, answer.message) == (code, message)


@pytest.mark.spec("3.2/4", "3.2/6", "3.2/9", "3.3/instance-missing", "3.3/locked", "3.3/bad-state",
                  "3.4/migrate-policy", "3.4/migrate-not-found", "3.4/migrate-bad-state")
def test_refusals_in_the_words_of_2014(cloud, v2, server):
    assert v2.act("missing", "resize", {"flavorRef": "3"}).body == {
        "itemNotFound": {"code": 404, "message": "Instance could not be found"}}
    assert v2.act(server, "resize", {"flavorRef": "3"}, user="eve:p2").message == "Instance could not be found"
    assert v2.act("missing", "os-stop").message == "Instance not found"
    assert v2.act("missing", "migrate", user=ADMIN).message == "Instance missing could not be found."
    assert v2.get("/servers/missing").message == "Instance could not be found"
    assert v2.act(server, "migrate").status == 403
    cloud.set(server, locked=True, locked_by="owner")
    assert v2.act(server, "resize", {"flavorRef": "3"}).body == {
        "conflictingRequest": {"code": 409, "message": f"Instance {server} is locked"}}
    cloud.set(server, locked=False, vm_state=states.PAUSED)
    for action, content in (("resize", {"flavorRef": "none"}), ("migrate", None), ("confirmResize", None),
                            ("revertResize", None)):
        assert v2.act(server, action, content, user=ADMIN).body == {"conflictingRequest": {
            "code": 409, "message": f"Cannot '{action}' while instance is in vm_state paused"}}
    assert v2.act(server, "os-stop").message == (
        f"Instance {server} in vm_state paused. Cannot stop while the instance is in this state.")
    cloud.set(server, vm_state=states.ACTIVE, launched_at=None)
    assert v2.act(server, "resize", {"flavorRef": "3"}).message == (
        "Cannot 'resize' an instance which has never been active")
    assert v2.act(server, "os-stop").message == (
        f"Instance {server} in launched_at None. Cannot stop while the instance is in this state.")
    cloud.set(server, launched_at=cloud.clock.now(), task_state=states.RESIZE_PREP)
    assert v2.act(server, "resize", {"flavorRef": "3"}).message == (
        "Cannot 'resize' while instance is in task_state resize_prep")


@pytest.mark.spec("3.4/confirm-success", "3.4/revert-success", "3.4/confirm-no-migration", "3.4/revert-no-migration",
                  "3.4/revert-flavor-gone")
def test_confirm_and_revert(cloud, v2, server):
    cloud.resized(server)
    assert v2.act(server, "confirmResize", {"ignored": 1}).status == 204
    for action in ("confirmResize", "revertResize"):
        answer = v2.act(server, action)
        assert (answer.status, answer.message) == (400, "Instance has not been resized.")
    other = cloud.boot()
    cloud.resized(other)
    assert cloud.call("DELETE", "/flavors/3").status == 202
    answer = v2.act(other, "revertResize")
    assert (answer.status, answer.message) == (400, "Flavor used by the instance could not be found.")
    third = cloud.boot()
    cloud.resized(third, "2")
    assert v2.act(third, "revertResize").status == 202


@pytest.mark.spec("3.4/migrate-success", "3.4/migrate-other", "3.4/migrate-source-down")
def test_migrate_tells_nothing_of_what_went_wrong(cloud, v2, server, monkeypatch):
    assert v2.act(server, "migrate", {"host": "cmp-2"}, user=ADMIN).status == 202
    hint = cloud.conductor.sent.pop()[3]["scheduler_hint"]["filter_properties"]
    assert "requested_destination" not in hint, "a host came with 2.56"
    other = cloud.boot()
    default = "The server could not comply with the request since it is either malformed or otherwise incorrect."
    cloud.conductor.broken = RuntimeError("no bus")
    answer = v2.act(other, "migrate", user=ADMIN)
    assert (answer.status, answer.message) == (400, default)
    assert cloud.row(other).task_state is None
    cloud.conductor.broken = None
    monkeypatch.setattr(resize, "_start", lambda *_: 1 / 0)
    answer = v2.act(other, "migrate", user=ADMIN)
    assert (answer.status, answer.message) == (400, default)
    cloud.clock.advance(3600)
    assert v2.act(other, "migrate", user=ADMIN).status == 409, "a source that is down is not asked"


@pytest.mark.spec("3.2/3")
@pytest.mark.parametrize(("action", "content", "message"), [
    ("reboot", None, "Missing argument 'type' for reboot"), ("reboot", {}, "Missing argument 'type' for reboot"),
    ("reboot", {"type": 1}, "Argument 'type' for reboot must be a string"),
    ("reboot", {"type": "warm"}, "Argument 'type' for reboot is not HARD or SOFT"),
    ("os-resetState", None, "Desired state must be specified.  Valid states are: active, error"),
    ("os-resetState", {"state": "paused"}, "Desired state must be specified.  Valid states are: active, error"),
    ("os-resetState", {"state": []}, "Desired state must be specified.  Valid states are: active, error"),
    ("fly", None, "There is no such action: fly"), ("os-simulate", {}, "There is no such action: os-simulate"),
])
def test_bodies_of_other_actions(v2, server, action, content, message):
    for target in (server, "missing"):
        answer = v2.act(target, action, content, user=ADMIN)
        assert (answer.status, answer.message) == (400, message)


@pytest.mark.spec("3.2/3")
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"{}", b'{"os-stop": null, "lock": null}', b"\xff"])
def test_bodies_that_name_no_action(v2, server, raw):
    answer = v2.call("POST", f"/servers/{server}/action", raw=raw)
    assert (answer.status, answer.message) == (400, "Malformed request body")


def test_power_and_reset(cloud, v2, server):
    assert v2.act(server, "reboot", {"type": "sOfT", "x": 1}).status == 202
    assert cloud.compute.sent.pop()[3]["reboot_type"] == "SOFT"
    # As in 2014, a hard reboot may overtake a soft one; a second hard one may not.
    assert v2.act(server, "reboot", {"type": "HARD"}).status == 202
    assert v2.act(server, "reboot", {"type": "HARD"}).status == 409
    assert v2.act(server, "os-resetState", {"state": "error", "x": 1}, user=ADMIN).status == 202
    assert v2.act(server, "os-stop").status == 202


@pytest.mark.parametrize(("task", "kind", "status"), [
    (states.RESUMING, "SOFT", 202), (states.REBOOTING, "SOFT", 409), (states.REBOOT_STARTED, "HARD", 409),
    (states.PAUSING, "HARD", 202)])
def test_the_states_are_those_of_2014(cloud, v2, server, task, kind, status):
    cloud.set(server, task_state=task)
    assert v2.act(server, "reboot", {"type": kind}).status == status


def test_force_delete_wants_a_server_that_is_deleted_softly(cloud, v2, server):
    answer = v2.act(server, "forceDelete")
    assert (answer.status, answer.message) == (409, "Cannot 'forceDelete' while instance is in vm_state active")
    cloud.set(server, vm_state=states.SOFT_DELETED)
    assert v2.act(server, "forceDelete").status == 202


def test_lock_and_unlock(cloud, v2, server):
    assert v2.act(server, "lock", {"locked_reason": "came later"}).status == 202
    assert (cloud.row(server).locked_by, cloud.row(server).locked_reason) == ("owner", None)
    assert v2.act(server, "unlock").status == 202
    assert v2.act(server, "lock", user="admin:admin").status == 202
    assert v2.act(server, "unlock").status == 403
    assert v2.act("missing", "lock").message == "Instance could not be found"


def test_what_else_goes_wrong_with_a_lock_is_422(cloud, v2, server, monkeypatch):
    def fail(*_args):
        raise exceptions.MessagingUnavailable(reason="x")
    monkeypatch.setattr(cloud.api.db, "write", fail)
    answer = v2.act(server, "lock")
    assert (answer.status, answer.body) == (422, {"computeFault": {
        "code": 422, "message": "Unable to process the contained instructions"}})


@pytest.mark.spec("3.3/race")
def test_of_many_one_wins_in_either_generation(cloud, v2, server):
    found = []
    start = threading.Barrier(6)

    def ask(number):
        start.wait()
        door = v2 if number % 2 else cloud
        found.append(door.act(server, "resize", {"flavorRef": "3"}).status)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [202] + [409] * 5


@pytest.mark.spec("3.3/not-ready")
def test_a_host_that_is_down_is_refused_here_too(cloud, v2, server):
    cloud.clock.advance(3600)
    assert not cloud.db.read(hosts.is_up, "cmp-1", cloud.clock.now())
    answer = v2.act(server, "resize", {"flavorRef": "3"})
    assert (answer.status, answer.message) == (409, "Service is unavailable at this time.")


LIVE = {"host": None, "block_migration": False, "disk_over_commit": False}


@pytest.mark.parametrize("content", [None, {}, {"host": None}, {"host": "cmp-2", "block_migration": False}, "x"])
def test_live_migrations_that_say_too_little(v2, server, content):
    answer = v2.act(server, "os-migrateLive", content, user=ADMIN)
    assert (answer.status, answer.message) == (
        400, "host, block_migration and disk_over_commit must be specified for live migration.")


def test_a_live_migration(cloud, v2, server):
    assert v2.act(server, "os-migrateLive", LIVE | {"block_migration": "maybe"}, user=ADMIN).status == 400
    assert v2.act(server, "os-migrateLive", LIVE | {"host": "cmp-1"}, user=ADMIN).message == (
        f"Unable to migrate instance ({server}) to current host (cmp-1).")
    answer = v2.act(server, "os-migrateLive", LIVE | {"force": True}, user=ADMIN)
    assert answer.status == 202, answer.text
    [(method, _, _, sent)] = cloud.conductor.sent
    assert sent["live"] is True
    other = cloud.boot()
    cloud.conductor.broken = RuntimeError("no bus")
    for host, where in ((None, "another host"), ("cmp-2", "host cmp-2")):
        answer = v2.act(other, "os-migrateLive", LIVE | {"host": host}, user=ADMIN)
        assert (answer.status, answer.message) == (400, f"Live migration of instance {other} to {where} failed")
    cloud.set(other, vm_state=states.PAUSED)
    assert v2.act(other, "os-migrateLive", LIVE, user=ADMIN).message == (
        "Cannot 'os-migrateLive' while instance is in vm_state paused"), "a paused server was not moved in 2014"
    assert v2.act(other, "os-migrateLive", LIVE).status == 403
