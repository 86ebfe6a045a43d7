"""Logging in and out: what a token says, how long it holds, and what ends it."""

import base64
import contextlib
import json
from datetime import timedelta

import bcrypt
import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identity_door import HOME, PASSWORD, Door, password_body

from novasim.api.wsgi import Unauthorized

HOURS = 6


@pytest.mark.parametrize("path", ["/identity", "/identity/"])
def test_versions_need_no_token(door, path):
    answer = door.root("GET", path)
    assert answer.status == 300
    [version] = answer.body["versions"]["values"]
    assert version["links"] == [{"rel": "self", "href": "http://localhost/identity/v3/"}]
    for single in ("/identity/v3", "/identity/v3/"):
        answer = door.root("GET", single)
        assert (answer.status, answer.body) == (200, {"version": version})
    assert (version["id"], version["status"]) == ("v3.14", "stable")


def test_version_documents_of_compute_need_no_token(door):
    assert door.root("GET", "/v2.1").status == door.root("GET", "/").status == 200


@pytest.mark.parametrize("domain", [HOME, {"name": "Default"}])
def test_a_token_says_who_where_and_as_what(door, domain):
    body = password_body("manager1", project={"name": "project1", "domain": domain})
    body["auth"]["identity"]["password"]["user"]["domain"] = domain
    token, said = door.log_in(body)
    home = {"id": "default", "name": "Default"}
    assert said["methods"] == ["password"]
    assert said["user"] == {"id": said["user"]["id"], "name": "manager1", "domain": home, "password_expires_at": None}
    assert said["project"] == {"id": said["project"]["id"], "name": "project1", "domain": home}
    assert (len(said["user"]["id"]), len(said["project"]["id"]), said["is_domain"]) == (32, 32, False)
    assert [role["name"] for role in said["roles"]] == ["manager", "member", "reader"]
    assert (said["issued_at"], said["expires_at"]) == ("2026-01-01T12:00:00.000000Z", "2026-01-01T18:00:00.000000Z")
    assert len(said["audit_ids"]) == 1
    shown = door.call("GET", "/auth/tokens", token=token, X_Subject_Token=token)
    assert (shown.status, shown.body["token"], shown.headers["X-Subject-Token"]) == (200, said, token)
    head = door.head("/auth/tokens", X_Auth_Token=token, X_Subject_Token=token)
    assert (head.status_int, head.body) == (200, b"")


def test_the_catalogue_names_this_server_as_the_caller_sees_it(door):
    token, said = door.log_in(password_body("admin"))
    urls = {(service["type"], endpoint["interface"]): endpoint["url"] for service in said["catalog"]
            for endpoint in service["endpoints"]}
    for interface in ("public", "internal", "admin"):
        assert urls["identity", interface] == "http://localhost/identity"
        assert urls["compute", interface] == "http://localhost/v2.1"
    assert all(endpoint["region"] == endpoint["region_id"] == "RegionOne" for service in said["catalog"]
               for endpoint in service["endpoints"])
    elsewhere = door.call("GET", "/auth/catalog", token=token, Host="h:1").body
    assert "http://h:1/v2.1" in json.dumps(elsewhere)
    assert "catalog" not in door.log_in(password_body("admin"), "?nocatalog")[1]
    assert [row["id"] for row in door.call("GET", "/services?type=compute", token=token).body["services"]] == [
        service["id"] for service in said["catalog"] if service["type"] == "compute"]
    endpoint = said["catalog"][0]["endpoints"][0]["id"]
    assert door.call("GET", f"/endpoints/{endpoint}", token=token).body["endpoint"]["id"] == endpoint
    assert door.call("GET", "/regions/nowhere", token=token).status == 404


def test_ids_name_as_well_as_names(door, admin):
    projects, users = door.ids("projects", admin), door.ids("users", admin)
    body = password_body("member1", project={"id": projects["project1"]})
    body["auth"]["identity"]["password"]["user"] = {"id": users["member1"], "password": PASSWORD}
    assert door.log_in(body)[1]["project"]["id"] == projects["project1"]


def test_without_a_scope_it_is_the_default_project_or_none(door, admin):
    assert door.log_in(password_body("member1"))[1]["project"]["name"] == "project1"
    token, said = door.log_in(password_body("member1", unscoped={}))
    assert not {"project", "roles", "catalog"} & set(said)
    # Nothing but identity takes it.
    assert door.cloud.get("/servers", user=token).status == 403
    assert [row["name"] for row in door.call("GET", "/auth/projects", token=token).body["projects"]] == ["project1"]


def test_domain_and_system_are_for_who_has_a_role_there(door):
    said = door.log_in(password_body("admin", domain=HOME))[1]
    assert (said["domain"], "admin" in {role["name"] for role in said["roles"]}) == (
        {"id": "default", "name": "Default"}, True)
    token, said = door.log_in(password_body("admin", system={"all": True}))
    assert said["system"] == {"all": True}
    assert door.call("GET", "/users", token=token).status == 200
    assert door.cloud.get("/servers", user=token).status == 403
    for scope in ({"domain": HOME}, {"system": {"all": True}}):
        assert door.refused(door.call("POST", "/auth/tokens", password_body("member1", **scope)))
    assert door.call("GET", "/auth/system", token=token).body["system"] == [{"all": True}]
    assert [row["id"] for row in door.call("GET", "/auth/domains", token=token).body["domains"]] == ["default"]


def _as(body, user=None, method=None, **more):
    """A log-in of member1 with one thing changed."""
    identity = body["auth"]["identity"]
    identity["password"]["user"] |= user or {}
    identity["methods"] = method or identity["methods"]
    body["auth"] |= more
    return body


@pytest.mark.parametrize("change", [
    {"user": {"password": "wrong"}}, {"user": {"password": ""}}, {"user": {"password": PASSWORD + " "}},
    {"user": {"name": "nobody"}}, {"user": {"domain": {"name": "nowhere"}}}, {"method": ["totp"]},
    {"scope": {"project": {"id": "0" * 32}}}, {"scope": {"project": {"name": "project2", "domain": HOME}}},
    {"scope": {"project": {"name": "nope", "domain": HOME}}}, {"scope": {"domain": {"id": "nope"}}}])
def test_who_may_not_is_told_nothing_else(door, change):
    assert door.refused(door.call("POST", "/auth/tokens", _as(password_body("member1"), **change)))


@pytest.mark.parametrize(("body", "field"), [
    ({}, "auth"), ({"auth": {}}, "identity"), ({"auth": {"identity": {}}}, "methods"),
    ({"auth": {"identity": {"methods": []}}}, "methods"), ({"auth": {"identity": {"methods": "password"}}}, "methods"),
    ({"auth": {"identity": {"methods": ["password"]}}}, "password"),
    ({"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "x"}}}}}, "password"),
    ({"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "x", "password": "y"}}}}}, "user"),
    (_as(password_body("member1"), scope={"project": {"name": "project1"}}), "project"),
    (_as(password_body("member1"), scope=7), "scope"), (_as(password_body("member1", 1234567)), "password"),
    (_as(password_body("member1", ["hidden"])), "password")])
def test_a_bad_body_is_named(door, body, field):
    answer = door.call("POST", "/auth/tokens", body)
    assert (answer.status, answer.body["error"]["title"], field in answer.body["error"]["message"]) == (
        400, "Bad Request", True), answer.text
    # What is wrong is told without what was sent.
    assert not [secret for secret in (PASSWORD, "1234567", "hidden", "'y'") if secret in answer.text]


@pytest.mark.parametrize("raw", [b"", b"[", b"[]", b'"a"', b'{"auth": "\\u0000"}', b"\xff"])
def test_what_is_no_json_object_is_a_bad_request(door, raw):
    assert door.cloud.call("POST", "@/identity/v3/auth/tokens", raw=raw).status == 400


def test_an_unknown_user_costs_what_a_wrong_password_costs(door, monkeypatch):
    checked, check = [], bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda given, stored: checked.append(stored[:7]) or check(given, stored))
    for change in ({"password": "wrong"}, {"name": "nobody"}, {"domain": {"name": "nowhere"}}):
        door.call("POST", "/auth/tokens", _as(password_body("member1"), user=change))
    door.call("POST", "/users/nobody/password", {"user": {"password": "x", "original_password": "y"}})
    # The same algorithm with the same work, once each.
    assert len(checked) == 4
    assert set(checked) == {b"$2b$04$"}


def test_a_token_expires(door, admin):
    door.clock.advance(HOURS * 3600 - 1)
    assert door.holds(admin)
    door.clock.advance(1)
    assert not door.holds(admin)
    fresh = door.token("admin")
    assert door.call("GET", "/auth/tokens", token=fresh, X_Subject_Token=admin).status == 404


def test_a_token_from_a_token_lives_no_longer(door, admin):
    door.clock.advance(3600)
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": door.token("service", unscoped={})}},
                     "scope": {"project": {"name": "service", "domain": HOME}}}}
    door.clock.advance(3600)
    token, said = door.log_in(body)
    assert (said["issued_at"][11:16], said["expires_at"][11:16]) == ("14:00", "19:00")
    assert set(said["methods"]) == {"password", "token"}
    assert len(said["audit_ids"]) == 2
    assert {role["name"] for role in said["roles"]} >= {"service", "admin"}
    assert door.holds(token)
    body["auth"]["scope"]["project"]["name"] = "project1"
    assert door.refused(door.call("POST", "/auth/tokens", body))


def test_two_methods_must_show_one_user(door, admin):
    both = password_body("member1")
    both["auth"]["identity"] |= {"methods": ["password", "token"], "token": {"id": admin}}
    assert door.refused(door.call("POST", "/auth/tokens", both))
    both["auth"]["identity"]["token"]["id"] = door.token("member1")
    assert door.log_in(both)[1]["methods"] == ["password", "token"]


def test_a_token_can_be_taken_back_by_its_user_and_by_an_admin(door, admin):
    first, second, other = door.token("member1"), door.token("member1"), door.token("member2")
    for asked in ("GET", "DELETE"):
        assert door.call(asked, "/auth/tokens", token=other, X_Subject_Token=first).status == 403
    service = door.token("service")
    assert door.call("GET", "/auth/tokens", token=service, X_Subject_Token=first).status == 200
    assert door.call("DELETE", "/auth/tokens", token=first, X_Subject_Token=first).status == 204
    assert [door.holds(first), door.holds(second)] == [False, True]
    assert door.call("DELETE", "/auth/tokens", token=admin, X_Subject_Token=second).status == 204
    assert not door.holds(second)
    assert door.call("DELETE", "/auth/tokens", token=admin, X_Subject_Token=second).status == 404
    assert door.call("GET", "/auth/tokens", token=admin).status == 404


def test_what_was_taken_back_is_forgotten_when_it_has_expired(door):
    from novasim.db import identity_models as models

    def taken_back():
        with door.db.engine.connect() as connection:
            return len(connection.execute(models.revoked_tokens.select()).all())

    for _ in range(3):
        token = door.token("member1")
        assert door.call("DELETE", "/auth/tokens", token=token, X_Subject_Token=token).status == 204
    assert taken_back() == 3
    door.clock.advance(HOURS * 3600 + 1)
    token = door.token("member1")
    door.call("DELETE", "/auth/tokens", token=token, X_Subject_Token=token)
    assert taken_back() == 1


def _patch(many, name, **values):
    def change(door, admin, ids):
        one = many[:-1]
        assert door.call("PATCH", f"/{many}/{ids[many][name]}", {one: values}, admin).status == 200
    return change


def _own_password(door, admin, ids):
    body = {"user": {"password": "another", "original_password": PASSWORD}}
    assert door.call("POST", f"/users/{ids['users']['member1']}/password", body).status == 204


def _delete(path):
    def change(door, admin, ids):
        assert door.call("DELETE", path.format(u=ids["users"]["member1"], p=ids["projects"]["project1"],
                                               r=ids["roles"]["member"]), token=admin).status == 204
    return change


ENDS = {
    "disabled": _patch("users", "member1", enabled=False),
    "password by an admin": _patch("users", "member1", password="x"),
    "own password": _own_password, "user gone": _delete("/users/{u}"), "project gone": _delete("/projects/{p}"),
    "project disabled": _patch("projects", "project1", enabled=False),
    "domain disabled": _patch("domains", "Default", enabled=False),
    "role taken": _delete("/projects/{p}/users/{u}/roles/{r}"), "role gone": _delete("/roles/{r}")}


@pytest.mark.parametrize("end", list(ENDS))
def test_what_ends_a_token_at_once(door, admin, end):
    ids = {many: door.ids(many, admin) for many in ("users", "projects", "roles", "domains")}
    token = door.token("member1")
    assert door.holds(token)
    door.clock.advance(1)
    ENDS[end](door, admin, ids)
    assert not door.holds(token)


def test_a_user_that_is_enabled_again_logs_in_anew(door, admin):
    token, user = door.token("member1"), door.ids("users", admin)["member1"]
    door.clock.advance(1)
    for enabled in (False, True):
        door.call("PATCH", f"/users/{user}", {"user": {"enabled": enabled}}, admin)
    assert not door.holds(token)
    assert door.holds(door.token("member1"))


def test_a_role_counts_in_tokens_that_are_out(door, admin):
    token, ids = door.token("reader1"), {many: door.ids(many, admin) for many in ("users", "projects", "roles")}
    group = {"server_group": {"name": "g", "policies": ["affinity"]}}
    assert door.cloud.call("POST", "/os-server-groups", group, user=token).status == 403
    path = f"/projects/{ids['projects']['project1']}/users/{ids['users']['reader1']}/roles/{ids['roles']['member']}"
    assert door.call("PUT", path, token=admin).status == 204
    assert door.cloud.call("POST", "/os-server-groups", group, user=token).status == 200


def test_a_token_of_another_key_or_of_none_is_no_token(door, make_cloud, admin):
    stranger = Door(make_cloud)
    assert not stranger.holds(admin)
    claims = jwt.decode(admin, options={"verify_signature": False})
    forged = [jwt.encode(claims, "k" * 32, "HS256"), jwt.encode(claims, None, "none"), "", "a", "a.b.c", "x" * 9000,
              "admin:admin", admin[:-2], admin + "A"]
    head, body, signature = admin.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    forged += [f"{none}.{body}.", f"{none}.{body}.{signature}"]
    assert [token for token in forged if door.holds(token)] == []


def test_api_processes_share_the_key(make_cloud):
    from novasim.api.identity.front import Identity

    for overrides in ({}, {"identity.token_secret": "short"}):
        door = Door(make_cloud, **overrides)
        token = door.token("admin")
        other = Identity(door.cloud.conf, door.db, door.clock)
        assert other.grant(token).is_admin


def test_a_token_says_what_was_signed(make_cloud):
    door = Door(make_cloud)
    service, now = door.cloud.api.identity, door.clock.now()
    token, _ = door.log_in(password_body("admin"))
    claims = service.read(token)

    @settings(max_examples=150, deadline=None)
    @given(st.timedeltas(timedelta(), timedelta(days=3000)), st.integers(0, len(token) - 1),
           st.characters(codec="ascii"))
    def checks(later, place, character):
        moved = type(claims)(**{name: getattr(claims, name) for name in claims.__struct_fields__}
                             | {"expires_at": now + later + timedelta(microseconds=1), "issued_at": now - later})
        assert service.read(service.sign(moved)) == moved, "to the microsecond"
        changed = token[:place] + character + token[place + 1:]
        with contextlib.suppress(Unauthorized):
            assert service.read(changed) == claims

    checks()


@pytest.mark.parametrize("path", ["/v2.1/{}/servers", "/v2/{}/servers"])
def test_the_project_in_the_url_is_that_of_the_token(door, admin, path):
    projects, token = door.ids("projects", admin), door.token("member1")
    assert door.root("GET", path.format(projects["project1"]), token=token).status == 200
    for project in (projects["project2"], projects["admin"], "0" * 32):
        assert door.root("GET", path.format(project), token=token).status in (400, 404)


def test_proxies_may_say_where_we_are(make_cloud):
    import webob

    from novasim.api import pipeline

    door = Door(make_cloud)

    def asked():
        request = webob.Request.blank("/identity/v3", headers={
            "X-Forwarded-Proto": "https", "X-Forwarded-Host": "cloud.example", "X-Forwarded-Prefix": "/sim"})
        return request.get_response(pipeline.build(door.cloud.api)).json["version"]["links"][0]["href"]

    assert asked() == "http://localhost/identity/v3/", "only where an operator says that there is one"
    door.cloud.conf.set_override("enable_proxy_headers_parsing", True, "api")
    assert asked() == "https://cloud.example/sim/identity/v3/"
