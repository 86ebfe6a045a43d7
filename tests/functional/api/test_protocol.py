"""HTTP itself: versions, headers, bodies, methods, errors. Whatever is sent, the answer is a clear 4xx."""

from __future__ import annotations

import threading

import pytest

from novasim.api import microversion, servers

BOB = "bob:p1"
NEWEST = f"2.{microversion.MAX}"


@pytest.mark.spec("3.12/versions", "3.12/version")
def test_version_documents_need_no_token(cloud):
    for path in ("@/", "@"):
        body = cloud.get(path).body
        assert [(entry["id"], entry["status"], entry["version"]) for entry in body["versions"]] == [
            ("v2.0", "DEPRECATED", ""), ("v2.1", "CURRENT", NEWEST)]
    for path in ("@/v2.1", "@/v2.1/"):
        answer = cloud.get(path)
        version = answer.body["version"]
        assert (answer.status, version["version"], version["min_version"]) == (200, NEWEST, "2.1")
        assert version["links"][0] == {"rel": "self", "href": "http://localhost/v2.1/"}
    assert cloud.get("@/v2/").body["version"]["id"] == "v2.0"
    assert cloud.get("@/v2/servers").status == 404


@pytest.mark.spec("3.12/headers", "3.12/absent", "3.12/2.27", "3.12/2.46")
@pytest.mark.parametrize(("headers", "used"), [
    ({}, "2.1"), ({"OpenStack-API-Version": "compute 2.30"}, "2.30"),
    ({"X-OpenStack-Nova-API-Version": "2.11"}, "2.11"),
    ({"OpenStack-API-Version": "compute 2.30", "X-OpenStack-Nova-API-Version": "2.11"}, "2.30"),
    ({"OpenStack-API-Version": "volume 3.1, compute 2.5"}, "2.5"), ({"OpenStack-API-Version": "volume 3.1"}, "2.1"),
    ({"OpenStack-API-Version": "compute latest"}, NEWEST), ({"X-OpenStack-Nova-API-Version": "latest"}, NEWEST),
])
def test_every_answer_names_its_version_and_request(cloud, headers, used):
    for path in ("/servers", "/servers/none"):
        answer = cloud.get(path, headers=headers)
        assert answer.headers["OpenStack-API-Version"] == f"compute {used}"
        assert answer.headers["X-OpenStack-Nova-API-Version"] == used
        assert answer.headers["Vary"] == "OpenStack-API-Version, X-OpenStack-Nova-API-Version"
        assert answer.headers["x-compute-request-id"] == answer.headers["x-openstack-request-id"]
        assert answer.headers["x-compute-request-id"].startswith("req-")


@pytest.mark.spec("3.12/malformed", "3.12/out-of-range")
@pytest.mark.parametrize(("version", "status", "message"), [
    ("2.500", 406, f"Version 2.500 is not supported by the API. Minimum is 2.1 and maximum is {NEWEST}."),
    ("3.1", 406, f"Version 3.1 is not supported by the API. Minimum is 2.1 and maximum is {NEWEST}."),
    ("2.0", 406, f"Version 2.0 is not supported by the API. Minimum is 2.1 and maximum is {NEWEST}."),
    ("two", 400, "API Version String two is of invalid format. Must be of format MajorNum.MinorNum."),
    ("2.01", 400, "API Version String 2.01 is of invalid format. Must be of format MajorNum.MinorNum."),
])
def test_versions_that_are_none(cloud, version, status, message):
    answer = cloud.get("/servers", version=version)
    assert (answer.status, answer.message) == (status, message)
    assert answer.headers["OpenStack-API-Version"] == f"compute {version}"
    assert list(answer.body) == ["computeFault" if status == 406 else "badRequest"]


@pytest.mark.parametrize(("token", "user", "project", "admin"), [
    ("", "admin", "admin", True), ("nonsense", "admin", "admin", True), ("admin:p1", "admin", "p1", True),
    ("bob:p1", "bob", "p1", False), (":p1", "admin", "admin", True)])
def test_who_asks(cloud, token, user, project, admin):
    cloud.call("POST", "/servers", {"server": {"name": "a", "flavorRef": "1", "imageRef": cloud.image}}, user=token)
    [(_, context, _, _)] = cloud.conductor.sent
    assert (context.user_id, context.project_id, context.is_admin) == (user, project, admin)


@pytest.mark.spec("3.2/2")
def test_a_project_in_the_url_must_be_the_token_s(cloud):
    assert cloud.get("/p1/servers/detail", user=BOB).status == 200
    answer = cloud.get("/p2/servers", user=BOB)
    assert (answer.status, answer.message) == (
        400, "Malformed request URL: URL's project_id 'p2' doesn't match Context's project_id 'p1'")
    assert cloud.get("/os-nothing", user=BOB).status == 404
    assert cloud.get("/os-nothing/mine", user=BOB).status == 404


@pytest.mark.spec("3.12/method-not-present")
def test_wrong_methods_and_urls(cloud):
    answer = cloud.call("PATCH", "/servers/x")
    assert (answer.status, answer.headers["Allow"], list(answer.body)) == (405, "DELETE, GET, PUT", ["badMethod"])
    assert cloud.call("DELETE", "/images").status == 405
    for method, path in (("DELETE", "/images/"), ("GET", "/servers/"), ("GET", "/p1/servers/"), ("GET", "/flavors/1/")):
        assert cloud.call(method, path, user="admin:p1").status == 404, "one without an id"
    for path in ("/nothing", "/servers/a/b/c", "/servers//action", "/os-simulator"):
        assert cloud.get(path).status == 404
    assert cloud.call("PUT", "/flavors/1", {"flavor": {"description": "d"}}, "2.54").status == 404


@pytest.mark.parametrize("raw", [b"{", b"", b"[]", b"null", b"\xff\xfe", b"[" * 10000, b'"a"'])
@pytest.mark.parametrize("path", ["/servers", "/servers/x/action", "/flavors"])
def test_bodies_that_are_no_object(cloud, path, raw):
    answer = cloud.call("POST", path, raw=raw)
    assert (answer.status, answer.body) == (400, {"badRequest": {"code": 400, "message": "Malformed request body"}})


def test_a_body_that_is_too_large(cloud):
    answer = cloud.call("POST", "/servers", raw=b"x" * (10 * 1024 * 1024))
    assert (answer.status, list(answer.body)) == (413, ["overLimit"])
    assert answer.message == "Request is too large: at most 114688 bytes are accepted."
    assert cloud.call("POST", "/servers", raw=b"x" * 114688).status == 400


@pytest.mark.spec("3.2/3")
@pytest.mark.parametrize(("body", "message"), [
    ({}, "Malformed request body"), ({"os-stop": None, "os-start": None}, "Malformed request body"),
    ({"fly": None}, "There is no such action: fly"),
    ({"resize": None}, "Invalid input for field/attribute resize. Value: None. None is not of type 'object'"),
    ({"resize": {}}, "Invalid input for field/attribute resize. Value: {}. 'flavorRef' is a required property"),
    ({"resize": {"flavorRef": ""}}, "Invalid input for field/attribute flavorRef. Value: . '' is too short"),
    ({"resize": {"flavorRef": "2", "x": 1}}, "Invalid input for field/attribute resize. Value: {'flavorRef': '2', "
     "'x': 1}. Additional properties are not allowed ('x' was unexpected)"),
    ({"reboot": {"type": "GENTLE"}}, None), ({"reboot": None}, None), ({"os-resetState": {}}, None),
    ({"resize": {"flavorRef": ["2"]}}, None), ({"resize": {"flavorRef": "2", "OS-DCF:diskConfig": "auto"}}, None),
])
def test_actions_that_are_none(cloud, body, message):
    server = cloud.boot()
    for target in (server, "missing"):
        answer = cloud.call("POST", f"/servers/{target}/action", body)
        assert answer.status == 400, target
        assert answer.message == message if message else "Invalid input for field/attribute" in answer.message
    assert cloud.row(server).task_state is None


def test_content_types(cloud):
    for kind, status in (("text/xml", 415), ("application/json; charset=utf-8", 404),
                         ("application/vnd.openstack.compute+json", 404)):
        answer = cloud.call("POST", "/servers/x/action", {"os-stop": None}, headers={"Content-Type": kind})
        assert answer.status == status
        if status == 415:
            assert answer.body == {"badMediaType": {"code": 415, "message": "Unsupported Content-Type"}}
    for accept, status in (("", 200), ("*/*", 200), ("application/json", 200), ("text/html, */*;q=0.1", 200),
                           ("application/xml", 406)):
        assert cloud.get("/servers", headers={"Accept": accept}).status == status


def test_an_unexpected_error_is_a_500_without_a_traceback(cloud, monkeypatch, caplog):
    monkeypatch.setattr(servers, "_shown", lambda *args: 1 / 0)
    server = cloud.boot()
    answer = cloud.get(f"/servers/{server}")
    assert answer.status == 500
    fault = answer.body["computeFault"]
    assert fault["message"].startswith("Unexpected API Error.")
    assert "<class 'ZeroDivisionError'>" in fault["message"]
    assert "Traceback" not in answer.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.spec("3.3/race", "12.2/33")
def test_of_many_requests_at_once_one_wins(cloud):
    server = cloud.boot()
    found: list[int] = []
    start = threading.Barrier(8)

    def ask(flavor):
        start.wait()
        found.append(cloud.act(server, "resize", {"flavorRef": flavor}).status)

    threads = [threading.Thread(target=ask, args=(flavor,)) for flavor in "23232323"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [202] + [409] * 7
    assert len(cloud.conductor.sent) == 1


def test_the_journal_of_a_request_can_be_read(cloud):
    server = cloud.boot()
    request_id = cloud.act(server, "os-stop").headers["x-compute-request-id"]
    [hop] = cloud.get(f"/os-simulator/journal?request_id={request_id}").body["hops"]
    assert (hop["what"], hop["service"], hop["instance_uuid"], hop["task_state"]) == (
        "stop accepted", "api", server, "powering-off")
    refused = cloud.act(server, "os-stop").headers["x-compute-request-id"]
    [hop] = cloud.get(f"/os-simulator/journal?request_id={refused}").body["hops"]
    assert (hop["what"], hop["status"]) == ("answered 409", 409)
    assert cloud.get(f"/os-simulator/journal?request_id={request_id}", user=BOB).status == 403
    assert cloud.get("/os-simulator/journal").message == "'request_id' is a required query parameter"


def test_extensions(cloud):
    listed = cloud.get("/extensions").body["extensions"]
    assert len({one["alias"] for one in listed}) == len(listed) == 100
    for one in listed:
        assert cloud.get(f"/extensions/{one['alias']}").body == {"extension": one}
    assert cloud.get("/extensions/os-nothing").status == 404


@pytest.mark.parametrize(("path", "key"), [
    ("/v2.1/servers/%00", "itemNotFound"), ("/image/v2/images/%00", "itemNotFound"),
    ("/network/v2.0/ports/%FF", "NeutronError"), ("/image/v2/images/a/tags/%FF", "itemNotFound"),
    ("/v2/p1/servers/%00", "itemNotFound")])
def test_a_path_that_is_no_text_is_refused_by_the_service_it_is_of(cloud, path, key):
    answer = cloud.get(f"@{path}", user="bob:p1")
    assert (answer.status, list(answer.body)) == (404, [key])
