"""Shares of servers in a cluster without shared file systems: none is there and none is found, but all is checked."""

import pytest

SHARE = "e8debdc0-447a-4376-a10a-4cd9122d7986"
BODY = {"share": {"share_id": SHARE, "tag": "data"}}


def shares(cloud, server, method="GET", path="", body=None, version="2.97", user="bob:p1"):
    return cloud.call(method, f"/servers/{server}/shares{path}", body, version, user)


def test_there_are_none_and_none_is_found(cloud):
    server = cloud.boot()
    cloud.set(server, vm_state="stopped")
    assert shares(cloud, server).body == {"shares": []}
    for method, path, body in (("GET", f"/{SHARE}", None), ("POST", "", BODY), ("DELETE", f"/{SHARE}", None)):
        answer = shares(cloud, server, method, path, body)
        assert (answer.status, answer.message) == (
            404, f"Share {SHARE} could not be found: this cluster has no shared file systems.")
        assert shares(cloud, server, method, path, body, version="2.96").status == 404
        assert shares(cloud, server, method, path, body, user="eve:p2").message == (
            f"Instance {server} could not be found.")


@pytest.mark.parametrize("body", [{}, {"share": {}}, {"share": {"share_id": "x"}}, {"share": {"share_id": 1}},
                                  {"share": {"share_id": SHARE, "tag": "a b"}}, BODY | {"x": 1}])
def test_bad_bodies_are_refused(cloud, body):
    assert shares(cloud, cloud.boot(), "POST", "", body).status == 400


@pytest.mark.parametrize(("method", "path", "body", "name"), [("POST", "", BODY, "attach_share"),
                                                              ("DELETE", f"/{SHARE}", None, "detach_share")])
def test_a_server_has_to_be_stopped(cloud, method, path, body, name):
    server = cloud.boot()
    answer = shares(cloud, server, method, path, body)
    assert (answer.status, answer.message) == (
        409, f"Cannot '{name}' instance {server} while it is in vm_state active")
