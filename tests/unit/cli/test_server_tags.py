"""Tags of servers, and the servers that they find."""

import json

import pytest


@pytest.fixture
def tags(nova, server_id):
    path = f"/servers/{server_id}/tags"
    nova.on("GET", path, {"tags": ["a", "b"]})
    nova.on("PUT", path, {"tags": ["c", "d"]})
    nova.on("DELETE", path, (204, None))
    for tag in ("a", "b%20c"):
        nova.on("PUT", f"{path}/{tag}", (201, None))
        nova.on("DELETE", f"{path}/{tag}", (204, None))
    return nova


@pytest.mark.parametrize(("command", "tags_given", "method", "ends", "said"), [
    ("server-tag-add", ("a", "b c"), "PUT", ("/a", "/b%20c"), "demo has got a, b c\n"),
    ("server-tag-delete", ("a", "b c"), "DELETE", ("/a", "/b%20c"), "demo is without a, b c\n"),
    ("server-tag-set", ("c", "d"), "PUT", ("",), "demo has c, d\n"),
    ("server-tag-delete-all", (), "DELETE", ("",), "demo has no tags any more\n")])
def test_tags_are_changed(novasim, tags, server_id, command, tags_given, method, ends, said):
    assert novasim(command, "demo", *tags_given) == (0, said, "")
    sent = [request for request in tags.requests if request["method"] == method]
    assert [request["path"].partition("/tags")[2] for request in sent] == list(ends)
    assert {request["headers"]["OpenStack-API-Version"] for request in sent} == {"compute 2.26"}
    if command == "server-tag-set":
        assert tags.sent("PUT", f"/servers/{server_id}/tags") == [{"tags": ["c", "d"]}]


def test_they_are_listed(novasim, tags):
    assert json.loads(novasim("server-tag-list", "demo", "-f", "json")[1]) == [{"Tag": "a"}, {"Tag": "b"}]


def test_servers_are_made_with_them_and_found(novasim, tags, server_id):
    tags.on("POST", "/servers", {"server": {"id": server_id}})
    code, _out, err = novasim("boot", "x", "--flavor", "2", "--image", "cirros", "--tags", "a,b", "--key-name", "k")
    assert (code, err) == (0, "")
    [body] = tags.sent("POST", "/servers")
    assert (body["server"]["tags"], body["server"]["key_name"], body["server"]["networks"]) == (["a", "b"], "k", "auto")
    assert novasim("list", "--tags", "a,b")[0] == 0
    [asked] = [request for request in tags.requests if "tags" in request["query"]]
    assert (asked["query"]["tags"], asked["headers"]["OpenStack-API-Version"]) == (["a,b"], "compute 2.26")
