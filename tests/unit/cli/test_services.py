"""Services: the list, and enable and disable by host in the microversion that takes a host."""

import pytest


def test_list_sends_its_filters(novasim, api):
    api.on("GET", "/os-services", {"services": []})
    assert novasim("service-list", "--host", "h", "--binary", "nova-compute")[0] == 0
    assert api.requests[0]["query"] == {"host": ["h"], "binary": ["nova-compute"]}


@pytest.mark.parametrize(("arguments", "path", "body"), [
    (("service-enable", "h"), "enable", {}),
    (("service-disable", "h"), "disable", {}),
    (("service-disable", "h", "--reason", "old"), "disable-log-reason", {"disabled_reason": "old"}),
])
def test_change(novasim, api, arguments, path, body):
    changed = {"host": "h", "binary": "nova-compute", "status": "changed"}
    api.on("PUT", f"/os-services/{path}", {"service": changed})
    assert novasim("--api-version", "2.60", *arguments) == (0, "nova-compute on h is changed\n", "")
    assert api.sent("PUT", f"/os-services/{path}") == [{"host": "h", "binary": "nova-compute"} | body]
    assert api.requests[0]["headers"]["OpenStack-API-Version"] == "compute 2.1"
