"""What one kind of database refuses, or Python itself, is refused at the door with any: no answer is a 5xx."""

import pytest
from cluster_fixture import ADMIN, TINY, USER

HEADER = "OpenStack-API-Version"
NUMBERS = [("ram", "99999999999\n"), ("vcpus", "1\n"), ("disk", "1\n")]


def test_a_version_of_many_digits(cluster):
    answer = cluster.http("GET", "/servers", token=USER, version="2." + "9" * 5000)
    assert answer.status_int == 400
    assert cluster.http("GET", "/servers", token=USER, version="9" * 99 + ".1").status_int == 406


@pytest.mark.parametrize("name", ["name", "host", "marker", "flavor", "reservation_id"])
def test_a_nul_in_a_query(cluster, name):
    assert cluster.http("GET", f"/servers?{name}=a%00b", token=ADMIN).status_int == 400


@pytest.mark.parametrize("token", ["alice:" + "p" * 256, "u" * 256 + ":demo", "alice:a\0b"])
def test_an_identity_that_no_column_holds(cluster, token):
    answer = cluster.http("POST", "/os-server-groups", {"server_group": {"name": "g", "policies": ["affinity"]}}, token)
    assert answer.status_int == 401
    assert answer.json["error"]["code"] == 401


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"1e400"])
def test_what_is_no_number(cluster, value):
    raw = b'{"flavor": {"name": "odd", "ram": 64, "vcpus": 1, "disk": 1, "rxtx_factor": ' + value + b"}}"
    assert cluster.http("POST", "/flavors", token=ADMIN, raw=raw).status_int == 400


@pytest.mark.parametrize(("field", "value"), NUMBERS)
def test_a_number_with_the_end_of_a_line(cluster, field, value):
    flavor = {"name": "odd", "id": "odd", "ram": 64, "vcpus": 1, "disk": 1, field: value}
    answer = cluster.http("POST", "/flavors", {"flavor": flavor}, ADMIN)
    assert answer.status_int == 400
    assert field in answer.json["badRequest"]["message"]


def test_a_key_with_the_end_of_a_line(cluster):
    uuid = cluster.boot()
    answer = cluster.http("POST", f"/servers/{uuid}/metadata", {"metadata": {"k" * 255 + "\n": "v"}}, USER)
    assert answer.status_int == 400
    assert "does not match any of the regexes" in answer.json["badRequest"]["message"]


def test_a_description_may_end_with_the_end_of_a_line(cluster):
    uuid = cluster.boot()
    body = {"server": {"description": "two\nlines\n"}}
    assert cluster.http("PUT", f"/servers/{uuid}", body, USER, "2.19").json["server"]["description"] == "two\nlines\n"


def test_a_rescue_from_the_image_of_another_project(cluster):
    theirs = cluster.boot(TINY, "eve:other")
    answer = cluster.http("POST", f"/servers/{theirs}/action", {"createImage": {"name": "secret"}}, "eve:other", "2.45")
    cluster.settle()
    uuid, image = cluster.boot(), answer.json["image_id"]
    rescue = {"rescue": {"rescue_image_ref": image}}
    answer = cluster.http("POST", f"/servers/{uuid}/action", rescue, USER)
    assert answer.status_int == 400
    assert cluster.state(uuid) == ("active", None)
    assert cluster.http("POST", f"/servers/{theirs}/action", rescue, "eve:other").status_int == 200
