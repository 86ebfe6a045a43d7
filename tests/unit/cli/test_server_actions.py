"""The verbs on a server: body, microversion, and what is said."""

import getpass

import pytest

from novasim.cli import poll


@pytest.mark.parametrize(("arguments", "body", "version"), [
    (("resize", "demo", "m1.medium"), {"resize": {"flavorRef": "3"}}, None),
    (("resize-confirm", "demo"), {"confirmResize": None}, None),
    (("resize-revert", "demo"), {"revertResize": None}, None),
    (("migrate", "demo"), {"migrate": None}, None),
    (("migrate", "demo", "--host", "cmp-2"), {"migrate": {"host": "cmp-2"}}, "compute 2.56"),
    (("lock", "demo"), {"lock": None}, None),
    (("lock", "demo", "--reason", "mine"), {"lock": {"locked_reason": "mine"}}, "compute 2.73"),
    (("unlock", "demo"), {"unlock": None}, None),
    (("start", "demo"), {"os-start": None}, None),
    (("stop", "demo"), {"os-stop": None}, None),
    (("reboot", "demo"), {"reboot": {"type": "SOFT"}}, None),
    (("reboot", "demo", "--hard"), {"reboot": {"type": "HARD"}}, None),
    (("pause", "demo"), {"pause": None}, None),
    (("unpause", "demo"), {"unpause": None}, None),
    (("suspend", "demo"), {"suspend": None}, None),
    (("resume", "demo"), {"resume": None}, None),
    (("unrescue", "demo"), {"unrescue": None}, None),
    (("force-delete", "demo"), {"forceDelete": None}, None),
    (("restore", "demo"), {"restore": None}, None),
    (("reset-state", "demo"), {"os-resetState": {"state": "error"}}, None),
    (("reset-state", "demo", "--active"), {"os-resetState": {"state": "active"}}, None),
])
def test_sends(novasim, nova, server_id, request_id, arguments, body, version):
    code, out, err = novasim(*arguments)
    assert (code, out, err) == (0, f"{arguments[0]} of demo accepted ({request_id})\n", "")
    assert nova.sent("POST", f"/servers/{server_id}/action") == [body]
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == version


@pytest.mark.parametrize(("arguments", "body"), [
    ((), None), (("--password", "pw"), {"adminPass": "pw"}),
    (("--image", "155d900f-4e14-4e4c-a73d-069cbf4541e6"),
     {"rescue_image_ref": "155d900f-4e14-4e4c-a73d-069cbf4541e6"})])
def test_rescue_shows_the_password(novasim, nova, server_id, request_id, arguments, body):
    nova.on("POST", f"/servers/{server_id}/action", {"adminPass": "pw"})
    assert novasim("rescue", "demo", *arguments) == (
        0, f"adminPass: pw\nrescue of demo accepted ({request_id})\n", "")
    assert nova.sent("POST", f"/servers/{server_id}/action") == [{"rescue": body}]


def test_set_password_asks_for_it_twice(novasim, nova, server_id, request_id, monkeypatch):
    typed = ["one", "one", "one", "two"]
    monkeypatch.setattr(getpass, "getpass", lambda _: typed.pop(0))
    assert novasim("set-password", "demo") == (0, f"set-password of demo accepted ({request_id})\n", "")
    assert nova.sent("POST", f"/servers/{server_id}/action") == [{"changePassword": {"adminPass": "one"}}]
    assert novasim("set-password", "demo") == (1, "", "novasim: the two passwords differ. Nothing was changed\n")
    assert len(nova.sent("POST", f"/servers/{server_id}/action")) == 1


def test_restore_looks_among_the_deleted(novasim, nova):
    assert novasim("restore", "demo")[0] == 0
    assert nova.requests[0]["query"]["status"] == ["SOFT_DELETED"]


@pytest.mark.parametrize(("verb", "status"), [("pause", "PAUSED"), ("suspend", "SUSPENDED"), ("restore", "ACTIVE")])
def test_poll_until_the_power_has_changed(novasim, nova, server_of, server_id, request_id, monkeypatch, verb, status):
    monkeypatch.setattr(poll.pauses, "__defaults__", (0.001, 0.002))
    nova.on("GET", f"/servers/{server_id}", {"server": server_of(status=status, task="x")},
            {"server": server_of(status=status)})
    assert novasim(verb, "demo", "--poll")[:2] == (0, f"demo is {status} on cmp-1 ({request_id})\n")


def test_poll_says_where_the_server_is(novasim, nova, server_of, server_id, request_id, monkeypatch):
    monkeypatch.setattr(poll.pauses, "__defaults__", (0.001, 0.002))
    nova.on("GET", f"/servers/{server_id}", {"server": server_of(status="RESIZE", task="resize_prep")},
            {"server": server_of(status="VERIFY_RESIZE", host="cmp-2")})
    code, out, err = novasim("resize", "demo", "m1.medium", "--poll")
    assert (code, out) == (0, f"demo is VERIFY_RESIZE on cmp-2 ({request_id})\n")
    assert "resize demo: RESIZE/resize_prep" in err


def test_refused_action(novasim, nova, server_id, request_id):
    nova.on("POST", f"/servers/{server_id}/action",
            (409, {"conflictingRequest": {"code": 409, "message": "Instance is locked"}}))
    assert novasim("stop", "demo") == (1, "", f"novasim: Instance is locked (HTTP 409, {request_id})\n")


@pytest.mark.parametrize("verb", ["lock", "unlock", "reset-state"])
def test_what_is_done_at_once_cannot_be_polled(novasim, nova, verb):
    code, _out, err = novasim(verb, "demo", "--poll")
    assert code == 2
    assert "unrecognized arguments: --poll" in err
