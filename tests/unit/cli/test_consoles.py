"""What a server tells of itself."""

import json


def test_the_log_is_printed_as_it_is(novasim, nova, server_id):
    path = f"/servers/{server_id}/action"
    nova.on("POST", path, {"output": "one\ntwo"})
    assert novasim("console-log", "demo") == (0, "one\ntwo\n", "")
    assert novasim("console-log", "demo", "--length", "2")[0] == 0
    assert nova.sent("POST", path) == [{"os-getConsoleOutput": {}}, {"os-getConsoleOutput": {"length": 2}}]
    assert novasim("console-log", "demo", "--length", "-1")[0] == 2


def test_a_console_is_opened(novasim, nova, server_id):
    asked = {"protocol": "vnc", "type": "novnc"}
    nova.on("POST", f"/servers/{server_id}/remote-consoles", {"remote_console": asked | {"url": "http://x/?token=t"}})
    assert json.loads(novasim("get-vnc-console", "demo", "-f", "json")[1])["url"] == "http://x/?token=t"
    assert nova.sent("POST", f"/servers/{server_id}/remote-consoles") == [{"remote_console": asked}]
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == "compute 2.6"


def test_diagnostics_and_dumps(novasim, nova, server_id):
    nova.on("GET", f"/servers/{server_id}/diagnostics", {"uptime": 5, "cpu_details": [{"id": 0}]})
    assert json.loads(novasim("diagnostics", "demo", "-f", "json")[1]) == {"uptime": 5, "cpu_details": [{"id": 0}]}
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == "compute 2.48"
    code, out, _err = novasim("trigger-crash-dump", "demo")
    assert (code, out.startswith("trigger-crash-dump of demo accepted")) == (0, True)
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == "compute 2.17"
