"""What the versions from 2.97 on change of servers and flavors, where the samples do not show it."""

import pytest

BOB = "bob:p1"


def pin(cloud, server, zone, version="2.104"):
    return cloud.call("PUT", f"/servers/{server}", {"server": {"pinned_availability_zone": zone}}, version, BOB)


def pinned(cloud, server):
    return cloud.get(f"/servers/{server}", version="2.104", user=BOB).body["server"]["pinned_availability_zone"]


def add_zone(cloud, zone, host):
    made = cloud.call("POST", "/os-aggregates", {"aggregate": {"name": zone, "availability_zone": zone}}).body
    cloud.call("POST", f"/os-aggregates/{made['aggregate']['id']}/action", {"add_host": {"host": host}})


def test_a_server_is_pinned_to_its_zone_and_unpinned(cloud):
    add_zone(cloud, "west", "cmp-2")
    server = cloud.boot()
    assert pin(cloud, server, "nova").body["server"]["pinned_availability_zone"] == "nova"
    assert pinned(cloud, server) == "nova"
    assert pin(cloud, server, "nowhere").message == "The requested availability zone is not available"
    answer = pin(cloud, server, "west")
    assert (answer.status, answer.message) == (
        409, f"Instance {server} is in availability zone nova and cannot be pinned to west.")
    assert pinned(cloud, server) == "nova"
    assert pin(cloud, server, None).body["server"]["pinned_availability_zone"] is None
    assert pinned(cloud, server) is None


def test_a_server_that_is_nowhere_is_pinned_anywhere(cloud):
    add_zone(cloud, "west", "cmp-2")
    server = cloud.boot()
    cloud.set(server, vm_state="shelved_offloaded", host=None, node=None)
    assert pin(cloud, server, "west").status == 200
    assert pinned(cloud, server) == "west"


@pytest.mark.parametrize(("zone", "version"), [("nova", "2.103"), ("", "2.104"), (5, "2.104"), ("x" * 256, "2.104")])
def test_bad_pins_are_refused(cloud, zone, version):
    answer = pin(cloud, cloud.boot(), zone, version)
    assert answer.status == 400
    assert "pinned_availability_zone" in answer.message


@pytest.mark.parametrize("hints", [{}, {"same_host": "48e6a9f6-30af-47e0-bc04-acaed113bb4e"},
                                   {"query": "[\">\"]", "mine": ["x", "y"]}])
def test_hints_are_shown_as_lists_from_2_100_on(cloud, hints):
    server = cloud.boot(hints=hints)
    shown = cloud.get(f"/servers/{server}", version="2.100", user=BOB).body["server"]["scheduler_hints"]
    assert shown == {name: value if isinstance(value, list) else [value] for name, value in hints.items()}
    listed = cloud.get("/servers/detail", version="2.100", user=BOB).body["servers"]
    assert [one["scheduler_hints"] for one in listed] == [shown]


def test_the_properties_of_an_image_are_those_it_had(cloud):
    server = cloud.boot()
    cloud.call("PUT", f"/images/{cloud.image}/metadata", {"metadata": {"architecture": "arm"}})
    shown = cloud.get(f"/servers/{server}", version="2.98", user=BOB).body["server"]["image"]
    assert shown["properties"] == {"architecture": "x86_64", "auto_disk_config": "True"}
    assert "properties" not in cloud.get(f"/servers/{server}", version="2.97", user=BOB).body["server"]["image"]


@pytest.mark.spec("3.12/2.102")
@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", "/flavors", None), ("GET", "/flavors/1", None), ("GET", "/flavors/1/os-extra_specs", None),
    ("GET", "/flavors/priv/os-flavor-access", None), ("DELETE", "/flavors/1", None),
    ("POST", "/flavors", {"flavor": {"name": "f", "ram": 1, "vcpus": 1, "disk": 0}}),
    ("PUT", "/flavors/1", {"flavor": {"description": "x"}}),
    ("POST", "/flavors/1/os-extra_specs", {"extra_specs": {"mine:a": "b"}})])
def test_flavors_take_no_unknown_query(cloud, method, path, body):
    answer = cloud.call(method, f"{path}?x=1", body, "2.102")
    assert (answer.status, answer.message) == (400, "Additional properties are not allowed ('x' was unexpected)")
    if path != "/flavors" or method != "GET":
        assert cloud.call(method, f"{path}?x=1", body, "2.74").status < 300


@pytest.mark.spec("3.12/2.102")
def test_a_flavor_has_no_factor_any_more(cloud):
    body = {"flavor": {"name": "f", "ram": 1, "vcpus": 1, "disk": 0, "rxtx_factor": 2.0}}
    assert cloud.call("POST", "/flavors", body, "2.101").body["flavor"]["rxtx_factor"] == 2.0
    assert "rxtx_factor" in cloud.call("POST", "/flavors", body, "2.102").message


@pytest.mark.spec("3.12/2.102")
def test_flavors_are_found_by_name(cloud):
    named = cloud.get("/flavors?name=m1.s", version="2.102").body["flavors"]
    assert [flavor["name"] for flavor in named] == ["m1.small"]
    assert cloud.get("/flavors?name=(", version="2.102").status == 400
    assert len(cloud.get("/flavors?name=m1.s", version="2.74").body["flavors"]) > 1


def certificates(cloud, server, user=BOB):
    found = cloud.get(f"/servers/{server}", version="2.63", user=user).body["server"]["trusted_image_certificates"]
    [listed] = cloud.get("/servers/detail", version="2.63", user=user).body["servers"]
    assert listed["trusted_image_certificates"] == found
    return found


def create(cloud, version="2.63", **fields):
    body = {"server": {"name": "x", "flavorRef": "1", "imageRef": cloud.image, "networks": "none"} | fields}
    return cloud.call("POST", "/servers", body, version, BOB)


def test_trusted_certificates_are_kept_and_changed_by_a_rebuild(cloud):
    server = create(cloud, trusted_image_certificates=["a", "b"]).body["server"]["id"]
    assert certificates(cloud, server) == ["a", "b"]
    cloud.set(server, vm_state="active", task_state=None, host="cmp-1", node="cmp-1", launched_at=cloud.clock.now())
    for fields, after in (({}, ["a", "b"]), ({"trusted_image_certificates": ["c"]}, ["c"]),
                          ({"trusted_image_certificates": None}, None)):
        answer = cloud.act(server, "rebuild", {"imageRef": cloud.image} | fields, version="2.63", user=BOB)
        assert answer.body["server"]["trusted_image_certificates"] == certificates(cloud, server) == after
        cloud.set(server, task_state=None)
    cloud.conductor.broken = RuntimeError()
    body = {"imageRef": cloud.image, "trusted_image_certificates": ["z"]}
    assert cloud.act(server, "rebuild", body, version="2.63", user=BOB).status == 503
    assert certificates(cloud, server) is None, "what nobody was told of is put back"


def test_a_server_without_certificates_gets_some_by_a_rebuild(cloud):
    server = cloud.boot()
    assert certificates(cloud, server) is None
    body = {"imageRef": cloud.image, "trusted_image_certificates": ["a"]}
    assert cloud.act(server, "rebuild", body, version="2.63", user=BOB).status == 202
    assert certificates(cloud, server) == ["a"]


@pytest.mark.parametrize("bad", [[], [""], ["a", "a"], [1], "a", ["a"] * 51, [str(number) for number in range(51)]])
def test_bad_certificates_are_refused(cloud, bad):
    assert "trusted_image_certificates" in create(cloud, trusted_image_certificates=bad).message
    assert create(cloud, "2.62", trusted_image_certificates=["a"]).status == 400
