"""Pure parts of creating a server and of showing one."""

import pytest

from novasim.api import build
from novasim.api.views import servers
from novasim.api.wsgi import FAULT_NAMES, HttpError, error_response
from novasim.exceptions import NotFound, OverQuota


@pytest.mark.parametrize(("name", "hostname"), [
    ("vm", "vm"), ("My Server_1", "my-server-1"), ("ünï", "n"), ("日本", "server-ID"), ("-a.", "a"),
    ("x" * 99, "x" * 63)])
def test_default_hostname(name, hostname):
    assert build.default_hostname(name, "ID") == hostname


def test_host_id_hides_the_host_and_differs_by_project():
    assert servers.host_id("p1", None) == ""
    assert len(servers.host_id("p1", "cmp-1")) == 56
    assert servers.host_id("p1", "cmp-1") != servers.host_id("p2", "cmp-1")


def test_no_field_of_a_server_is_shown_twice():
    for view in (servers.SHOW, servers.DETAIL, servers.UPDATE):
        for version in range(1, 105):
            keys = [key for key, _ in servers._fields(view, version, True)]
            assert len(keys) == len(set(keys)), (view, version)


@pytest.mark.parametrize(("error", "code", "message"), [
    (NotFound("gone"), 404, "gone"), (HttpError(405, "no", {"Allow": "GET"}), 405, "no"),
    (OverQuota(overs="ram", requested="1", used="2", allowed="3"), 403, None)])
def test_errors_become_answers(error, code, message):
    answer = error_response(error)
    fault = answer.body[FAULT_NAMES[code]]
    assert (answer.status, fault["code"]) == (code, code)
    assert message is None or fault["message"] == message


def test_a_traceback_that_came_over_the_wire_is_not_told():
    class Remote(NotFound):
        def __str__(self):
            return "gone\nTraceback (most recent call last):"

    assert error_response(Remote("gone")).body["itemNotFound"]["message"] == "gone"
