"""Application credentials: what programs log in with."""

import pytest
from identity_door import HOME, password_body


class Owner:
    """A user with its credentials."""

    def __init__(self, door, admin, name="manager1"):
        self.door, self.id = door, door.ids("users", admin)[name]
        self.token = door.token(name)
        self.path = f"/users/{self.id}/application_credentials"

    def make(self, token=None, **values):
        return self.door.call("POST", self.path, {"application_credential": {"name": "app"} | values},
                              token or self.token)

    def made(self, **values):
        answer = self.make(**values)
        assert answer.status == 201, answer.text
        return answer.body["application_credential"]


@pytest.fixture
def owner(door, admin):
    return Owner(door, admin)


def with_secret(credential, **other):
    said = {"id": credential["id"], "secret": credential["secret"]} | other
    return {"auth": {"identity": {"methods": ["application_credential"], "application_credential": said}}}


def test_a_program_is_its_owner_with_some_of_its_roles(door, owner):
    credential = owner.made(roles=[{"name": "member"}], description="d")
    shown = {key: value for key, value in credential.items() if key != "secret"}
    assert [role["name"] for role in shown["roles"]] == ["member"]
    assert door.call("GET", f"{owner.path}/{credential['id']}", token=owner.token).body == {
        "application_credential": shown}, "the secret is seen once"
    assert door.call("GET", owner.path, token=owner.token).body["application_credentials"] == [shown]
    token, said = door.log_in(with_secret(credential))
    assert (said["methods"], said["user"]["id"], said["project"]["name"]) == (
        ["application_credential"], owner.id, "project1")
    assert [role["name"] for role in said["roles"]] == ["member", "reader"]
    assert said["application_credential"] == {"id": credential["id"], "name": "app", "restricted": True}
    assert door.cloud.get("/servers", user=token).status == 200
    by_name = {"id": None, "name": "app", "user": {"name": "manager1", "domain": HOME}}
    body = with_secret(credential, **by_name)
    del body["auth"]["identity"]["application_credential"]["id"]
    assert door.log_in(body)[1]["user"]["id"] == owner.id


def test_it_has_all_roles_where_none_is_named(door, owner):
    for more in ({}, {"roles": []}):
        assert {role["name"] for role in owner.made(name=str(more), **more)["roles"]} == {"manager", "member", "reader"}


@pytest.mark.parametrize("other", [{"secret": "wrong"}, {"id": "0" * 32}])
def test_a_wrong_secret_is_refused(door, owner, other):
    assert door.refused(door.call("POST", "/auth/tokens", with_secret(owner.made(), **other)))


def test_it_is_for_its_project_only(door, owner):
    credential = owner.made()
    body = with_secret(credential)
    body["auth"]["scope"] = {"project": {"name": "project1", "domain": HOME}}
    assert door.refused(door.call("POST", "/auth/tokens", body))
    token, _ = door.log_in(with_secret(credential))
    again = {"auth": {"identity": {"methods": ["token"], "token": {"id": token}}}}
    assert door.refused(door.call("POST", "/auth/tokens", again))


def test_it_makes_no_others_unless_it_may(door, owner):
    restricted, free = owner.made(), owner.made(name="free", unrestricted=True)
    token = door.log_in(with_secret(restricted))[0]
    assert owner.make(token, name="other").status == 403
    assert door.call("DELETE", f"{owner.path}/{free['id']}", token=token).status == 403
    token = door.log_in(with_secret(free))[0]
    assert owner.make(token, name="other").status == 201
    assert door.call("DELETE", f"{owner.path}/{restricted['id']}", token=token).status == 204


def test_it_can_do_no_more_than_its_owner(door, admin, owner):
    assert owner.make(roles=[{"name": "admin"}]).status == 400
    assert owner.make(project_id=door.ids("projects", admin)["project2"]).status == 403
    # Nobody makes one for somebody else, not even an admin.
    assert owner.make(admin).status == 403
    assert owner.make(door.token("member2")).status == 403
    assert owner.make(door.token("manager1", unscoped={})).status == 403


@pytest.mark.parametrize(("values", "status"), [
    ({"name": ""}, 400), ({"expires_at": "soon"}, 400), ({"expires_at": "2020-01-01T00:00:00"}, 400),
    ({"access_rules": [{"path": "/"}]}, 400), ({"roles": [{}]}, 400), ({"colour": 1}, 400)])
def test_bad_values(owner, values, status):
    assert owner.make(**values).status == status


def test_a_name_is_taken_once(owner):
    owner.made()
    assert owner.make().status == 409


def test_it_expires(door, owner):
    credential = owner.made(expires_at="2026-01-01T13:00:00Z")
    token, said = door.log_in(with_secret(credential))
    assert said["expires_at"] == credential["expires_at"] == "2026-01-01T13:00:00.000000Z"
    door.clock.advance(3600)
    assert not door.holds(token)
    assert door.refused(door.call("POST", "/auth/tokens", with_secret(credential)))


def test_it_ends_when_it_is_deleted(door, owner):
    credential = owner.made()
    token, _ = door.log_in(with_secret(credential))
    assert door.call("DELETE", f"{owner.path}/{credential['id']}", token=owner.token).status == 204
    assert not door.holds(token)
    assert door.call("GET", f"{owner.path}/{credential['id']}", token=owner.token).status == 404


def test_it_ends_with_its_owners_role(door, admin, owner):
    token, _ = door.log_in(with_secret(owner.made(roles=[{"name": "manager"}])))
    project, roles = door.ids("projects", admin)["project1"], door.ids("roles", admin)
    base = f"/projects/{project}/users/{owner.id}/roles"
    assert door.call("PUT", f"{base}/{roles['reader']}", token=admin).status == 204
    assert door.call("DELETE", f"{base}/{roles['manager']}", token=admin).status == 204
    # What is left of its roles: to read.
    assert door.holds(token)
    group = {"server_group": {"name": "g", "policies": ["affinity"]}}
    assert door.cloud.call("POST", "/os-server-groups", group, user=token).status == 403
    assert door.call("DELETE", f"{base}/{roles['reader']}", token=admin).status == 204
    assert not door.holds(token)


def test_a_password_change_ends_what_programs_hold_but_not_their_secret(door, admin, owner):
    credential = owner.made()
    token, _ = door.log_in(with_secret(credential))
    door.clock.advance(1)
    door.call("PATCH", f"/users/{owner.id}", {"user": {"password": "new"}}, admin)
    assert not door.holds(token)
    assert door.holds(door.log_in(with_secret(credential))[0])
    assert door.log_in(password_body("manager1", "new"))
