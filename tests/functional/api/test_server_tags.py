"""Tags of servers: listed, put, added and taken away, and found by."""

import json

import published_samples
import pytest
from published_samples import SAMPLES, differences

BOB, EVE = "bob:p1", "eve:p2"
NAMES = ("none", "a", "b", "ab")


def tags(cloud, server, method="GET", tag=None, body=None, version="2.26", user=BOB):
    path = f"/servers/{server}/tags" + ("" if tag is None else f"/{tag}")
    return cloud.call(method, path, body, version, user)


def present(cloud, server):
    return tags(cloud, server).body["tags"]


def test_tags_are_put_added_seen_and_taken_away(cloud):
    server = cloud.boot()
    assert present(cloud, server) == []
    answer = tags(cloud, server, "PUT", "one")
    assert (answer.status, answer.body) == (201, None)
    assert answer.headers["Location"].endswith(f"/v2.1/servers/{server}/tags/one")
    assert (tags(cloud, server, "PUT", "one").status, tags(cloud, server, "GET", "one").status) == (204, 204)
    answer = tags(cloud, server, "PUT", body={"tags": ["three", "two", "three"]})
    assert (answer.status, answer.body) == (200, {"tags": ["three", "two"]})
    assert tags(cloud, server, "GET", "one").message == f"Server {server} has no tag 'one'"
    assert tags(cloud, server, "HEAD", "one").status == tags(cloud, server, "DELETE", "one").status == 404
    assert tags(cloud, server, "HEAD", "two").status == tags(cloud, server, "DELETE", "two").status == 204
    assert present(cloud, server) == ["three"]
    assert tags(cloud, server, "DELETE").status == tags(cloud, server, "DELETE").status == 204
    assert present(cloud, server) == []


def test_they_are_shown_from_2_26_on(cloud):
    server = cloud.boot()
    tags(cloud, server, "PUT", body={"tags": ["b", "a"]})
    for path, field in ((f"/servers/{server}", "server"), ("/servers/detail", "servers")):
        for version, shown in (("2.25", None), ("2.26", ["a", "b"]), ("2.104", ["a", "b"])):
            answer = cloud.get(path, version=version, user=BOB).body[field]
            assert (answer if field == "server" else answer[0]).get("tags") == shown
    put = cloud.call("PUT", f"/servers/{server}", {"server": {"name": "n"}}, "2.26", BOB)
    assert put.body["server"]["tags"] == ["a", "b"]
    assert tags(cloud, server, version="2.25").status == 404


def test_a_server_is_made_with_tags(cloud):
    body = {"server": {"name": "x", "flavorRef": "1", "imageRef": cloud.image, "networks": "none",
                       "tags": ["a", "b", "a"], "max_count": 2}}
    assert cloud.call("POST", "/servers", body, "2.51", BOB).status == 400
    assert cloud.call("POST", "/servers", body, "2.52", BOB).status == 202
    listed = cloud.get("/servers/detail", version="2.52", user=BOB).body["servers"]
    assert [one["tags"] for one in listed] == [["a", "b"], ["a", "b"]]


def test_they_go_with_their_server(cloud):
    server = cloud.boot(host=None)
    cloud.set(server, vm_state="active")
    tags(cloud, server, "PUT", "a")
    cloud.call("DELETE", f"/servers/{server}", user=BOB)
    with cloud.db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM tags").all() == []
    assert tags(cloud, server).status == 404


def test_fifty_and_no_more(cloud):
    server, many = cloud.boot(), [f"tag{number:02}" for number in range(51)]
    assert tags(cloud, server, "PUT", body={"tags": many}).status == 400
    assert tags(cloud, server, "PUT", body={"tags": many[:50]}).status == 200
    answer = tags(cloud, server, "PUT", "one-more")
    assert (answer.status, answer.message) == (400, "The number of tags exceeded the per-server limit 50")
    assert tags(cloud, server, "PUT", "tag07").status == 204
    assert present(cloud, server) == many[:50]


@pytest.mark.parametrize(("tag", "told"), [
    ("x" * 61, f"Tag '{'x' * 61}' is too long. Maximum length of a tag is 60"),
    ("a,b", "Tag 'a,b' is invalid. It must be a non empty string without characters '/' and ','. Validation error "
            "message: 'a,b' does not match '^[^,/]*$'")])
def test_bad_tags_in_a_url(cloud, tag, told):
    answer = tags(cloud, cloud.boot(), "PUT", tag)
    assert (answer.status, answer.message) == (400, told)


@pytest.mark.parametrize("body", [{}, {"tags": None}, {"tags": "a"}, {"tags": [""]}, {"tags": ["a,b"]},
                                  {"tags": ["a/b"]}, {"tags": [1]}, {"tags": ["x" * 61]}, {"tags": [], "x": 1}])
def test_bad_tags_in_a_body(cloud, body):
    server = cloud.boot()
    tags(cloud, server, "PUT", "kept")
    assert tags(cloud, server, "PUT", body=body).status == 400
    assert present(cloud, server) == ["kept"]


@pytest.mark.parametrize(("method", "tag", "body", "name"), [
    ("PUT", "a", None, "update tag"), ("PUT", None, {"tags": []}, "update tags"), ("DELETE", "a", None, "delete tag"),
    ("DELETE", None, None, "delete tags")])
def test_a_server_has_to_be_at_rest(cloud, method, tag, body, name):
    server = cloud.boot()
    cloud.set(server, vm_state="resized")
    answer = tags(cloud, server, method, tag, body)
    assert (answer.status, answer.message) == (
        409, f"Cannot '{name}' instance {server} while it is in vm_state resized")
    assert tags(cloud, server).status == 200


@pytest.fixture
def named(cloud):
    """Servers called as the tags that they have."""
    for name in NAMES:
        server = cloud.boot(name=name)
        tags(cloud, server, "PUT", body={"tags": [] if name == "none" else list(name)})
    return cloud


@pytest.mark.parametrize(("query", "found"), [
    ("tags=a", {"a", "ab"}), ("tags=a,b", {"ab"}), ("tags=b,a", {"ab"}), ("tags-any=a,b", {"a", "b", "ab"}),
    ("tags=c", set()), ("tags-any=c", set()), ("not-tags=a,b", {"none", "a", "b"}), ("not-tags-any=a,b", {"none"}),
    ("not-tags=a", {"none", "b"}), ("tags-any=a,b&not-tags=a,b", {"a", "b"}), ("tags=a&not-tags-any=b", {"a"}),
    ("tags=", set(NAMES)), ("not-tags-any=c", set(NAMES)), ("tags=A", set())])
def test_servers_are_found_by_their_tags(named, query, found):
    for path in ("/servers", "/servers/detail"):
        answer = named.get(f"{path}?{query}", version="2.26", user=BOB)
        assert {server["name"] for server in answer.body["servers"]} == found
        below = named.get(f"{path}?{query}", version="2.25", user=BOB)
        assert len(below.body["servers"]) == len(NAMES), "a query that is not known yet"


def test_the_tags_of_a_page_are_read_at_once(named):
    from sqlalchemy import event
    seen = []
    event.listen(named.db._reader, "before_cursor_execute", lambda *args: seen.append(args[2]))
    for limit in (1, 4):
        seen.clear()
        named.get(f"/servers/detail?limit={limit}", version="2.26", user=BOB)
        assert len([text for text in seen if "FROM tags" in text]) == 1


@published_samples.needed
def test_samples_are_taken_and_answered(cloud):
    folder = SAMPLES / "os-server-tags" / "v2.26"
    server = cloud.boot()
    samples = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    answer = tags(cloud, server, "PUT", body=samples.pop("server-tags-put-all-req"))
    assert answer.body == samples.pop("server-tags-put-all-resp") == samples.pop("server-tags-index-resp")
    assert tags(cloud, server).body == answer.body
    for name, path in (("server-tags-show-details-resp", f"/servers/{server}"),
                       ("servers-tags-details-resp", "/servers/detail")):
        assert not differences(cloud.get(path, version="2.26", user=BOB).body, samples.pop(name))
    assert samples == {}
