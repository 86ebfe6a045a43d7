"""Host aggregates through REST: made, filled, changed, refused; and the zones that follow from them."""

import pytest

BOB = "bob:p1"
IMAGE = "70a599e0-31e7-49b7-b260-868f441e862b"


@pytest.fixture
def make(cloud):
    """An aggregate with hosts; returns its number: ``make("a", "east", "cmp-1")``."""
    def call(name, zone=None, *hosts):
        answer = cloud.call("POST", "/os-aggregates", {"aggregate": {"name": name, "availability_zone": zone}})
        assert answer.status == 200, answer.text
        number = answer.body["aggregate"]["id"]
        for host in hosts:
            assert act(cloud, number, "add_host", host=host).status == 200
        return number
    return call


def act(cloud, number, action, user="admin:admin", version=None, **content):
    return cloud.call("POST", f"/os-aggregates/{number}/action", {action: content}, user=user, version=version)


def test_an_aggregate_from_beginning_to_end(cloud):
    made = cloud.call("POST", "/os-aggregates", {"aggregate": {"name": "a", "availability_zone": "east"}})
    assert (made.status, made.body) == (200, {"aggregate": {
        "id": 1, "name": "a", "availability_zone": "east", "created_at": "2026-01-01T12:00:00.000000",
        "updated_at": None, "deleted": False, "deleted_at": None}})
    shown = act(cloud, 1, "add_host", host="cmp-1").body
    assert shown == {"aggregate": made.body["aggregate"] | {
        "hosts": ["cmp-1"], "metadata": {"availability_zone": "east"}}}
    assert cloud.get("/os-aggregates/1").body == shown
    assert cloud.get("/os-aggregates").body == {"aggregates": [shown["aggregate"]]}
    cloud.clock.advance(60)
    changed = act(cloud, 1, "set_metadata", metadata={"ssd": "true", "gone": None}).body["aggregate"]
    assert changed["metadata"] == {"availability_zone": "east", "ssd": "true"}
    assert changed["updated_at"] == "2026-01-01T12:01:00.000000"
    assert act(cloud, 1, "set_metadata", metadata={"ssd": None}).body["aggregate"]["metadata"] == {
        "availability_zone": "east"}
    renamed = cloud.call("PUT", "/os-aggregates/1", {"aggregate": {"name": "b", "availability_zone": "west"}})
    assert (renamed.body["aggregate"]["name"], renamed.body["aggregate"]["availability_zone"]) == ("b", "west")
    assert cloud.call("DELETE", "/os-aggregates/1").status == 400
    assert act(cloud, 1, "remove_host", host="cmp-1").body["aggregate"]["hosts"] == []
    gone = cloud.call("DELETE", "/os-aggregates/1")
    assert (gone.status, gone.text) == (200, "")
    assert cloud.get("/os-aggregates").body == {"aggregates": []}


@pytest.mark.spec("3.12/2.41")
@pytest.mark.parametrize(("version", "has"), [("2.40", False), ("2.41", True)])
def test_uuid_from_2_41_on(cloud, make, version, has):
    make("a")
    assert ("uuid" in cloud.get("/os-aggregates/1", version=version).body["aggregate"]) is has
    assert ("uuid" in cloud.get("/os-aggregates", version=version).body["aggregates"][0]) is has


def test_refusals(cloud, make):
    make("a", "east", "cmp-1")
    make("b", "west", "cmp-2")
    make("c", None, "cmp-2")
    for answer, status, text in (
            (cloud.call("POST", "/os-aggregates", {"aggregate": {"name": "a"}}), 409, "Aggregate a already exists."),
            (cloud.call("PUT", "/os-aggregates/2", {"aggregate": {"name": "a"}}), 409, "Aggregate a already exists."),
            (cloud.get("/os-aggregates/77"), 404, "Aggregate 77 could not be found."),
            (cloud.get("/os-aggregates/a"), 400, "id must be an integer"),
            (cloud.get("/os-aggregates/-1"), 404, "Aggregate -1 could not be found."),
            (cloud.call("DELETE", "/os-aggregates/77"), 404, "Aggregate 77 could not be found."),
            (act(cloud, 1, "add_host", host="gone"), 404, "Compute host gone could not be found."),
            (act(cloud, 1, "add_host", host="cmp-1"), 409, "Aggregate 1 already has host cmp-1."),
            (act(cloud, 1, "add_host", host="cmp-2"), 409, "Cannot add host to aggregate 1. Reason: One or more hosts "
                                                           "already in availability zone(s) ['west']."),
            (act(cloud, 1, "remove_host", host="cmp-2"), 404, "Aggregate 1 has no host cmp-2."),
            (act(cloud, 77, "add_host", host="cmp-1"), 404, "Aggregate 77 could not be found."),
            (act(cloud, 3, "set_metadata", metadata={"availability_zone": "east"}), 400,
             "Cannot perform action 'update aggregate metadata' on aggregate 3. Reason: One or more hosts already in "
             "availability zone(s) ['west']."),
            (cloud.call("DELETE", "/os-aggregates/1"), 400,
             "Cannot perform action 'delete' on aggregate 1. Reason: not empty."),
            (act(cloud, 1, "evict"), 400, "There is no such action: evict"),
            (cloud.call("POST", "/os-aggregates/1/action", {}), 400, "Malformed request body")):
        assert (answer.status, answer.message) == (status, text)


@pytest.mark.parametrize(("method", "path", "body", "field"), [
    ("POST", "", {"aggregate": {}}, "name"),
    ("POST", "", {"aggregate": {"name": ""}}, "name"),
    ("POST", "", {"aggregate": {"name": " a "}}, "name"),
    ("POST", "", {"aggregate": {"name": "a" * 256}}, "name"),
    ("POST", "", {"aggregate": {"name": "x", "availability_zone": "a:b"}}, "availability_zone"),
    ("POST", "", {"aggregate": {"name": "x", "colour": "red"}}, "colour"),
    ("PUT", "/1", {"aggregate": {}}, "aggregate"),
    ("PUT", "/1", {"aggregate": {"availability_zone": None}}, "availability_zone"),
    ("POST", "/1/action", {"add_host": {"host": "a b"}}, "host"),
    ("POST", "/1/action", {"add_host": "cmp-1"}, "add_host"),
    ("POST", "/1/action", {"set_metadata": {"metadata": {"a": 1}}}, "a"),
    ("POST", "/1/action", {"set_metadata": {"metadata": {"a/b": "1"}}}, "a/b"),
    ("POST", "/1/action", {"set_metadata": {"metadata": {"a": "x" * 256}}}, "a"),
])
def test_bad_bodies_name_the_field(cloud, make, method, path, body, field):
    make("a")
    answer = cloud.call(method, "/os-aggregates" + path, body)
    assert answer.status == 400
    assert field in answer.message


@pytest.mark.spec("3.12/2.81")
def test_images_from_2_81_on(cloud, make):
    make("a")
    path, body = "/os-aggregates/{}/images", {"cache": [{"id": IMAGE}]}
    accepted = cloud.call("POST", path.format(1), body, version="2.81")
    assert (accepted.status, accepted.text) == (202, "")
    assert cloud.call("POST", path.format(1), body, version="2.80").status == 404
    assert cloud.call("POST", path.format(77), body, version="2.81").status == 404
    for bad in ({"cache": []}, {"cache": [{"id": "x"}]}, {"cache": [{"id": IMAGE}] * 2}, {}):
        assert cloud.call("POST", path.format(1), bad, version="2.81").status == 400


def test_only_for_administrators(cloud, make):
    make("a")
    assert [cloud.call(method, path, body, user=BOB, version="2.81").status for method, path, body in (
        ("GET", "/os-aggregates", None), ("GET", "/os-aggregates/1", None), ("DELETE", "/os-aggregates/1", None),
        ("POST", "/os-aggregates", {"aggregate": {"name": "b"}}),
        ("PUT", "/os-aggregates/1", {"aggregate": {"name": "b"}}),
        ("POST", "/os-aggregates/1/images", {"cache": [{"id": IMAGE}]}))] == [403] * 6
    assert [act(cloud, 1, name, BOB, **content).status for name, content in (
        ("add_host", {"host": "cmp-1"}), ("remove_host", {"host": "cmp-1"}),
        ("set_metadata", {"metadata": {}}))] == [403] * 3


@pytest.mark.spec("12.3/44")
def test_zones_follow_at_once(cloud, make):
    """No clock ticks here: what an aggregate says is what the next answer says."""
    server = cloud.boot(host="cmp-2")

    def zone():
        return cloud.get(f"/servers/{server}").body["server"]["OS-EXT-AZ:availability_zone"]

    def zones():
        return [one["zoneName"] for one in cloud.get("/os-availability-zone").body["availabilityZoneInfo"]]

    assert (zone(), zones()) == ("nova", ["nova"])
    make("a", "east", "cmp-2")
    assert (zone(), zones()) == ("east", ["east", "nova"])
    assert [one["zone"] for one in cloud.get("/os-services?host=cmp-2").body["services"]] == ["east"]
    assert act(cloud, 1, "set_metadata", metadata={"availability_zone": "west"}).message.endswith(
        "Reason: One or more hosts contain instances in this zone.")
    assert cloud.boot(host=None, availability_zone="east")
    act(cloud, 1, "remove_host", host="cmp-2")
    assert (zone(), zones()) == ("nova", ["nova"])
    answer = cloud.call("POST", "/servers", {"server": {
        "name": "vm", "flavorRef": "1", "imageRef": cloud.image, "availability_zone": "east"}})
    assert (answer.status, answer.message) == (400, "The requested availability zone is not available")


def test_a_deleted_service_leaves_its_aggregates(cloud, make):
    make("a", None, "cmp-3", "cmp-1")
    [service] = cloud.get("/os-services?host=cmp-3").body["services"]
    assert cloud.call("DELETE", f"/os-services/{service['id']}").status == 204
    assert cloud.get("/os-aggregates/1").body["aggregate"]["hosts"] == ["cmp-1"]
