"""The Image API v2 as its clients use it: stories over HTTP, and who may do what."""

import hashlib
import json

import pytest

from novasim.db import endings, images

ADMIN, BOB, EVE = "admin:admin", "bob:p1", "eve:p2"
PATCH = "application/openstack-images-v2.1-json-patch"
NOWHERE = "00000000-0000-4000-8000-000000000000"


def ask(cloud, method, path, body=None, user=BOB, raw=None, kind=None):
    return cloud.call(method, f"@/image{path}", body, user=user, raw=raw,
                      headers={"Content-Type": kind} if kind else None)


def make(cloud, user=BOB, **fields):
    answer = ask(cloud, "POST", "/v2/images", {
        "name": "mine", "disk_format": "raw", "container_format": "bare"} | fields, user)
    assert answer.status == 201, answer.text
    return answer.body["id"]


def upload(cloud, image, contents=b"abc", user=BOB, kind="application/octet-stream"):
    return ask(cloud, "PUT", f"/v2/images/{image}/file", raw=contents, user=user, kind=kind)


def active(cloud, user=BOB, contents=b"abc", **fields):
    image = make(cloud, user, **fields)
    assert upload(cloud, image, contents, user).status == 204
    return image


def change(cloud, image, *operations, user=BOB, kind=PATCH):
    return ask(cloud, "PATCH", f"/v2/images/{image}", raw=json.dumps(operations).encode(), user=user, kind=kind)


def show(cloud, image, user=BOB):
    return ask(cloud, "GET", f"/v2/images/{image}", user=user)


def listed(cloud, query="", user=BOB):
    answer = ask(cloud, "GET", f"/v2/images{query}", user=user)
    assert answer.status == 200, answer.text
    return answer.body


def names(cloud, query="", user=BOB):
    return [image["name"] for image in listed(cloud, query, user)["images"]]


def test_the_version_document_needs_no_token(cloud):
    for path in ("", "/"):
        answer = cloud.call("GET", f"@/image{path}", user="")
        assert answer.status == 300
        newest = answer.body["versions"][0]
        assert newest["status"] == "CURRENT"
        assert newest["links"] == [{"rel": "self", "href": "http://localhost/image/v2/"}]
    assert cloud.call("GET", "@/image/versions").status == 200


def test_an_image_from_queued_to_deleted(cloud):
    made = ask(cloud, "POST", "/v2/images", {"name": "mine", "os_distro": "none", "tags": ["b", "a", "b"]})
    assert made.status == 201
    image = made.body["id"]
    assert made.headers["Location"] == f"http://localhost/image/v2/images/{image}"
    assert made.body == show(cloud, image).body
    assert made.body == {
        "id": image, "name": "mine", "status": "queued", "visibility": "shared", "owner": "p1", "size": None,
        "virtual_size": None, "checksum": None, "os_hash_algo": None, "os_hash_value": None, "protected": False,
        "os_hidden": False, "min_ram": 0, "min_disk": 0, "disk_format": None, "container_format": None,
        "tags": ["a", "b"], "os_distro": "none", "created_at": "2026-01-01T12:00:00Z",
        "updated_at": "2026-01-01T12:00:00Z", "self": f"/v2/images/{image}", "file": f"/v2/images/{image}/file",
        "schema": "/v2/schemas/image"}
    assert ask(cloud, "GET", f"/v2/images/{image}/file").status == 204
    assert upload(cloud, image).message == "Property disk_format must be set prior to saving data."
    changed = change(cloud, image, {"op": "replace", "path": "/disk_format", "value": "raw"},
                     {"op": "add", "path": "/container_format", "value": "bare"},
                     {"op": "add", "path": "/a~1b", "value": "c"}, {"op": "remove", "path": "/os_distro"})
    assert (changed.status, changed.body["a/b"], "os_distro" in changed.body) == (200, "c", False)
    assert upload(cloud, image, b"contents").status == 204
    shown = show(cloud, image).body
    assert (shown["status"], shown["size"]) == ("active", 8)
    assert shown["checksum"] == hashlib.md5(b"contents", usedforsecurity=False).hexdigest()
    assert (shown["os_hash_algo"], shown["os_hash_value"]) == ("sha512", hashlib.sha512(b"contents").hexdigest())
    answer = ask(cloud, "GET", f"/v2/images/{image}/file")
    assert (answer.status, answer.text, answer.headers["Content-Type"]) == (200, "contents", "application/octet-stream")
    assert upload(cloud, image).status == 409
    assert ask(cloud, "DELETE", f"/v2/images/{image}").status == 204
    assert show(cloud, image).status == ask(cloud, "DELETE", f"/v2/images/{image}").status == 404


def test_the_same_images_as_those_of_compute(cloud):
    image = active(cloud, min_ram=1024)
    assert cloud.get(f"/images/{image}", user=BOB).body["image"]["minRam"] == 1024
    server = {"name": "x", "imageRef": image}
    too_small = cloud.call("POST", "/servers", {"server": server | {"flavorRef": "1"}}, user=BOB)
    assert too_small.message == "Flavor's memory is too small for requested image."
    assert cloud.call("POST", "/servers", {"server": server | {"flavorRef": "2"}}, user=BOB).status == 202
    # Not to be used: of another project, out of use, not there yet.
    private = active(cloud, EVE, visibility="private")
    assert ask(cloud, "POST", f"/v2/images/{image}/actions/deactivate").status == 204
    for reference, message in ((private, "Can not find requested image"), (image, f"Image {image} is not active."),
                               (queued := make(cloud), f"Image {queued} is not active.")):
        refused = cloud.call("POST", "/servers", {"server": server | {"flavorRef": "2", "imageRef": reference}},
                             user=BOB)
        assert (refused.status, refused.message) == (400, message)


def test_a_snapshot_is_an_image_of_its_project(cloud):
    server = cloud.boot()
    made = cloud.act(server, "createImage", {"name": "copy"}, user=BOB, version="2.45").body["image_id"]
    shown = show(cloud, made).body
    assert (shown["status"], shown["visibility"], shown["owner"], shown["instance_uuid"]) == (
        "queued", "private", "p1", server)
    assert upload(cloud, made).status == 409
    assert show(cloud, made, EVE).status == 404


BAD_BODIES = [
    {"name": 5}, {"min_ram": -1}, {"min_disk": 1 << 40}, {"visibility": "secret"}, {"disk_format": "floppy"},
    {"tags": "a"}, {"tags": [1]}, {"os_distro": 5}, {"id": "x"}, {"protected": "yes"}, {"name": "x" * 256},
    {"": "x"}, {"x" * 256: "x"}]


def test_bad_bodies(cloud):
    answers = [ask(cloud, "POST", "/v2/images", body) for body in BAD_BODIES]
    assert [answer.status for answer in answers] == [400] * len(BAD_BODIES)
    assert all(answer.message for answer in answers)


def test_what_a_member_may_not_set(cloud):
    image = make(cloud)
    for name, value in (("status", "active"), ("size", 5), ("self", "x"), ("visibility", "public"), ("owner", "p2")):
        assert ask(cloud, "POST", "/v2/images", {name: value}).status == 403, name
        assert change(cloud, image, {"op": "replace", "path": f"/{name}", "value": value}).status == 403, name


def test_an_id_of_one_s_own_choice_once(cloud):
    assert make(cloud, id=NOWHERE) == NOWHERE
    assert ask(cloud, "POST", "/v2/images", {"id": NOWHERE}, EVE).status == 409


BAD_CHANGES = [
    ({"op": "remove", "path": "/name"}, 403), ({"op": "remove", "path": "/nothing"}, 409),
    ({"op": "replace", "path": "/nothing", "value": "x"}, 409), ({"op": "add", "path": "/a/b", "value": "x"}, 400),
    ({"op": "add", "path": "name", "value": "x"}, 400), ({"op": "move", "path": "/name"}, 400),
    ({"op": "add", "path": "/name"}, 400), ({"op": "add", "path": "/os_distro", "value": 5}, 400),
    ({"op": "replace", "path": "/min_ram", "value": "5"}, 400), ({"op": "replace", "path": "/id", "value": "x"}, 403),
    ({"op": "replace", "path": "/disk_format", "value": "iso"}, 403)]


def test_a_change_is_refused_as_a_whole(cloud):
    image = active(cloud)
    before = show(cloud, image).body
    for operation, status in BAD_CHANGES:
        fine = {"op": "replace", "path": "/name", "value": "other"}
        assert change(cloud, image, fine, operation).status == status, operation
    assert show(cloud, image).body == before


def test_a_patch_is_a_patch(cloud):
    image = make(cloud)
    answer = change(cloud, image, {"op": "remove", "path": "/x"}, kind="application/json")
    assert (answer.status, answer.headers["Accept-Patch"].partition(",")[0]) == (415, PATCH)
    assert ask(cloud, "PATCH", f"/v2/images/{image}", raw=b"[", kind=PATCH).status == 400
    assert ask(cloud, "PATCH", f"/v2/images/{image}", raw=b"{}", kind=PATCH).status == 400


@pytest.mark.parametrize(("visibility", "found", "shown", "usable"), [
    ("private", False, False, False), ("shared", False, False, False), ("community", False, True, True),
    ("public", True, True, True)])
def test_who_sees_an_image(cloud, visibility, found, shown, usable):
    image = active(cloud, ADMIN, name="theirs", visibility=visibility, owner="p1")
    assert "theirs" in names(cloud)
    assert show(cloud, image).status == 200
    assert ("theirs" in names(cloud, user=EVE)) == found
    assert (show(cloud, image, EVE).status == 200) == shown
    booted = cloud.call("POST", "/servers", {"server": {"name": "x", "flavorRef": "2", "imageRef": image}}, user=EVE)
    assert (booted.status == 202) == usable
    assert ("theirs" in names(cloud, "?visibility=community", EVE)) == (visibility == "community")
    assert ("theirs" in names(cloud, "?visibility=all", EVE)) == shown
    # Nobody else may touch it.
    refused = 403 if shown else 404
    for answer in (change(cloud, image, {"op": "replace", "path": "/name", "value": "x"}, user=EVE),
                   ask(cloud, "DELETE", f"/v2/images/{image}", user=EVE), upload(cloud, image, user=EVE),
                   ask(cloud, "PUT", f"/v2/images/{image}/tags/x", user=EVE),
                   ask(cloud, "POST", f"/v2/images/{image}/actions/deactivate", user=EVE),
                   ask(cloud, "POST", f"/v2/images/{image}/members", {"member": "p2"}, EVE)):
        assert answer.status == refused
    assert show(cloud, image).body["name"] == "theirs"


def test_sharing(cloud):
    image = active(cloud, name="shared")
    assert ask(cloud, "GET", f"/v2/images/{image}/tasks").body == {"tasks": []}
    assert ask(cloud, "DELETE", "/v2/images/").status == 404, "an empty id"
    members = f"/v2/images/{image}/members"
    assert ask(cloud, "POST", members, {"member": "p2"}).body["status"] == "pending"
    assert ask(cloud, "POST", members, {"member": "p2"}).status == 409
    assert ask(cloud, "POST", members, {"member": "p3"}).status == 200
    # A member may use it, and sees it in lists once it accepts; of the members it sees itself.
    assert show(cloud, image, EVE).status == 200
    assert "shared" not in names(cloud, user=EVE)
    assert "shared" in names(cloud, "?member_status=pending", EVE)
    assert "shared" in names(cloud, "?member_status=all", EVE)
    assert ask(cloud, "PUT", f"{members}/p2", {"status": "accepted"}).status == 403
    assert ask(cloud, "PUT", f"{members}/p2", {"status": "maybe"}, EVE).status == 400
    assert ask(cloud, "PUT", f"{members}/p2", {"status": "accepted"}, EVE).body["status"] == "accepted"
    assert "shared" in names(cloud, user=EVE)
    assert [row["member_id"] for row in ask(cloud, "GET", members).body["members"]] == ["p2", "p3"]
    assert [row["member_id"] for row in ask(cloud, "GET", members, user=EVE).body["members"]] == ["p2"]
    assert ask(cloud, "GET", f"{members}/p3", user=EVE).status == 404
    assert ask(cloud, "GET", f"{members}/p2").body["member_id"] == "p2"
    assert ask(cloud, "DELETE", f"{members}/p2", user=EVE).status == 403
    assert ask(cloud, "DELETE", f"{members}/p2").status == 204
    assert ask(cloud, "DELETE", f"{members}/p2").status == 404
    assert show(cloud, image, EVE).status == 404
    assert ask(cloud, "PUT", f"{members}/p2", {"status": "accepted"}, ADMIN).status == 404
    # Not shared any more: it has no members, and they see nothing.
    change(cloud, image, {"op": "replace", "path": "/visibility", "value": "private"})
    assert ask(cloud, "GET", members).status == ask(cloud, "POST", members, {"member": "p4"}).status == 403
    assert show(cloud, image, "carl:p3").status == 404


def test_protected(cloud):
    image = active(cloud, protected=True)
    for answer in (ask(cloud, "DELETE", f"/v2/images/{image}"), cloud.call("DELETE", f"/images/{image}", user=BOB)):
        assert (answer.status, answer.message) == (403, f"Image {image} is protected and cannot be deleted.")
    change(cloud, image, {"op": "replace", "path": "/protected", "value": False})
    assert ask(cloud, "DELETE", f"/v2/images/{image}").status == 204


def test_tags(cloud):
    image = make(cloud, tags=["a"])
    assert ask(cloud, "PUT", f"/v2/images/{image}/tags/b%20c").status == 204
    assert ask(cloud, "PUT", f"/v2/images/{image}/tags/a").status == 204
    assert show(cloud, image).body["tags"] == ["a", "b c"]
    assert names(cloud, "?tag=a&tag=b%20c") == ["mine"]
    assert names(cloud, "?tag=b") == []
    assert ask(cloud, "DELETE", f"/v2/images/{image}/tags/a").status == 204
    assert ask(cloud, "DELETE", f"/v2/images/{image}/tags/a").status == 404
    assert ask(cloud, "PUT", f"/v2/images/{image}/tags/{'x' * 256}").status == 400


def test_out_of_use_and_back(cloud):
    image = active(cloud)
    actions = f"/v2/images/{image}/actions"
    assert ask(cloud, "POST", f"{actions}/deactivate").status == 204
    assert show(cloud, image).body["status"] == "deactivated"
    assert ask(cloud, "GET", f"/v2/images/{image}/file").status == 403
    assert ask(cloud, "GET", f"/v2/images/{image}/file", user=ADMIN).text == "abc"
    assert cloud.get(f"/images/{image}", user=BOB).body["image"]["status"] == "UNKNOWN"
    assert ask(cloud, "POST", f"{actions}/reactivate").status == 204
    assert ask(cloud, "GET", f"/v2/images/{image}/file").text == "abc"
    assert ask(cloud, "POST", f"/v2/images/{make(cloud)}/actions/deactivate").status == 403


def test_a_deactivated_snapshot_is_kept_when_its_server_goes(cloud):
    server = cloud.boot()
    image = cloud.act(server, "createImage", {"name": "copy"}, user=BOB, version="2.45").body["image_id"]
    cloud.db.write(images.update, image, status=images.DEACTIVATED)
    cloud.db.write(endings.erase, server)
    assert show(cloud, image).body["status"] == "deactivated"


def test_contents_are_kept_up_to_a_limit(make_cloud):
    cloud = make_cloud(**{"image.stored_bytes": 2000000, "image.image_size_cap": 3000000})
    for size, kept in ((0, True), (1, True), (2000000, True), (2000001, False), (3000000, False)):
        contents = b"0123456789abcdef" * (size // 16 + 1)
        image = active(cloud, contents=contents[:size])
        shown, answer = show(cloud, image).body, ask(cloud, "GET", f"/v2/images/{image}/file")
        assert (shown["size"], shown["status"]) == (size, "active")
        assert shown["checksum"] == hashlib.md5(contents[:size], usedforsecurity=False).hexdigest()
        if kept:
            assert answer.status == 200
            assert int(answer.headers["Content-Length"]) == size
        else:
            assert (answer.status, "are not kept" in answer.message) == (404, True)
    image = make(cloud)
    assert upload(cloud, image, b"x" * 3000001).status == 413
    assert show(cloud, image).body["status"] == "queued"
    assert upload(cloud, image).status == 204


def test_an_upload_that_breaks_off_leaves_the_image_queued(cloud):
    image = make(cloud)
    answer = cloud.call("PUT", f"@/image/v2/images/{image}/file", raw=b"abc", user=BOB, headers={
        "Content-Type": "application/octet-stream", "Content-Length": "10"})
    assert (answer.status, answer.message) == (400, "The upload broke off: 7 bytes are missing.")
    assert show(cloud, image).body["status"] == "queued"
    assert upload(cloud, image, kind="application/json").status == 415


FILTERS = [
    ("?name=a", ["a"]), ("?name=in:a,b", ["b", "a"]), ("?name=in%3Aa%2Cb&sort_key=name&sort_dir=asc", ["a", "b"]),
    ("?sort=name:asc&owner=p1", ["a", "b", "c"]), ("?owner=p1&sort=size:desc,name:desc", ["c", "b", "a"]),
    ("?owner=p1&size_min=3", ["c", "b"]), ("?owner=p1&size_max=2", ["a"]), ("?os_hidden=True", ["hidden"]),
    ("?status=queued", []), ("?status=nothing", []), ("?os_distro=x", ["b"]), ("?os_distro=y", []),
    ("?nothing=1", []), ("?owner=p1&disk_format=iso", ["c"]), ("?owner=p1&disk_format=in:iso,raw", ["c", "b", "a"]),
    ("?created_at=gt:2026-01-01T12:00:01Z", ["c"]), ("?protected=true", []), ("?owner=p1&min_ram=5", []),
    ("?owner=p1&limit=1", ["c"]), ("?limit=0", []), ("?visibility=private", [])]


def test_filters_and_order(cloud):
    active(cloud, name="a", contents=b"12")
    cloud.clock.advance(1)
    active(cloud, name="b", contents=b"123", os_distro="x")
    cloud.clock.advance(1)
    active(cloud, name="c", contents=b"1234", disk_format="iso")
    active(cloud, name="hidden", os_hidden=True)
    assert {query: names(cloud, query) for query, _ in FILTERS} == dict(FILTERS)


def test_ids_in_a_list(cloud):
    one, other = make(cloud), make(cloud)
    assert {image["id"] for image in listed(cloud, f"?id=in%3A{one},{other}")["images"]} == {one, other}


def test_pages(cloud):
    for number in range(5):
        make(cloud, name=f"i{number}")
    found, path = [], "/v2/images?owner=p1&limit=2"
    while path:
        answer = ask(cloud, "GET", path).body
        assert answer["first"] == "/v2/images?owner=p1&limit=2"
        found.append([image["name"] for image in answer["images"]])
        path = answer.get("next")
    assert [len(page) for page in found] == [2, 2, 1]
    assert sorted(sum(found, [])) == [f"i{number}" for number in range(5)]
    assert listed(cloud)["first"] == "/v2/images"


BAD_QUERIES = ["marker=x", "limit=x", "limit=-1", "sort=x", "sort=name:up", "sort_dir=up", "size_min=x",
               "size_max=99999999999999999999", "created_at=x", "os_hidden=maybe"]
MISSING = [
    ("GET", f"/v2/images/{NOWHERE}", 404), ("GET", "/v2/images/cirros", 404), ("PUT", f"/v2/images/{NOWHERE}", 405),
    ("GET", "/v2/nothing", 404), ("GET", "/v3/images", 404), ("DELETE", f"/v2/images/{NOWHERE}", 404),
    ("POST", f"/v2/images/{NOWHERE}/actions/explode", 404), ("GET", "/v2/schemas/nothing", 404)]


def test_what_cannot_be_answered(cloud):
    assert [ask(cloud, "GET", f"/v2/images?{query}").status for query in BAD_QUERIES] == [400] * len(BAD_QUERIES)
    for method, path, status in MISSING:
        assert ask(cloud, method, path).status == status, (method, path)


def test_a_listed_image_is_as_its_schema_says(cloud):
    import jsonschema
    active(cloud, os_distro="x")
    schema = ask(cloud, "GET", "/v2/schemas/images").body
    jsonschema.Draft202012Validator({"type": "object", **schema}).validate(listed(cloud))
    for name in ("image", "images", "member", "members"):
        assert ask(cloud, "GET", f"/v2/schemas/{name}").body["name"] == name
    assert ask(cloud, "GET", "/v2/info/import").body["import-methods"]["value"] == []


def test_off_by_option(make_cloud):
    cloud = make_cloud(**{"image.enabled": False})
    assert ask(cloud, "GET", "/v2/images").status == 300
