"""What an administrator does with domains, projects, users and roles, and what everybody else may not."""

import itertools
import urllib.parse

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from identity_door import HOME, PASSWORD, Door, password_body

from novasim.api.identity import access
from novasim.api.identity.routes import ROUTES

NOBODY = "0" * 32


@pytest.fixture
def make(door, admin):
    """Create a thing and return it as it is shown."""
    def make(many, **values):
        one = many[:-1]
        answer = door.call("POST", f"/{many}", {one: values}, admin)
        assert answer.status == 201, answer.text
        return answer.body[one]
    return make


EXAMPLES = {
    "domains": {"description": "d"}, "projects": {"description": "d", "domain_id": "default"},
    "users": {"email": "a@example.org", "domain_id": "default"}, "roles": {"description": "d"}}
FIELDS = {
    "domains": {"id", "name", "description", "enabled", "tags", "options", "links"},
    "projects": {"id", "name", "description", "enabled", "domain_id", "is_domain", "parent_id", "tags", "options",
                 "links"},
    "users": {"id", "name", "description", "enabled", "domain_id", "email", "password_expires_at", "options", "links"},
    "roles": {"id", "name", "description", "domain_id", "options", "links"}}


@pytest.mark.parametrize("many", list(EXAMPLES))
def test_the_life_of_a_thing(door, admin, make, many):
    one = many[:-1]
    thing = make(many, name="new", **EXAMPLES[many])
    path = f"/{many}/{thing['id']}"
    assert (len(thing["id"]), set(thing)) == (32, FIELDS[many])
    assert EXAMPLES[many].items() <= thing.items()
    assert thing["links"] == {"self": f"http://localhost/identity/v3{path}"}
    assert door.call("GET", path, token=admin).body == {one: thing}
    listed = door.call("GET", f"/{many}?name=new", token=admin).body
    assert (listed[many], listed["links"]["next"]) == ([thing], None)
    assert len(door.call("GET", f"/{many}", token=admin).body[many]) > 1
    assert door.call("GET", f"/{many}/new", token=admin).status == 404, "a name is no id"
    again = door.call("POST", f"/{many}", {one: {"name": "new"}}, admin)
    assert (again.status, again.body["error"]["title"]) == (409, "Conflict")
    make(many, name="other")
    assert door.call("PATCH", path, {one: {"name": "other"}}, admin).status == 409
    changed = door.call("PATCH", path, {one: {"name": "renamed", "description": None}}, admin)
    assert (changed.status, changed.body[one]) == (200, thing | {"name": "renamed", "description": ""})
    if many == "domains":
        assert door.call("DELETE", path, token=admin).status == 403, "not while it is enabled"
        door.call("PATCH", path, {one: {"enabled": False}}, admin)
    assert door.call("DELETE", path, token=admin).status == 204
    for method, body in (("GET", None), ("PATCH", {one: {}}), ("DELETE", None)):
        assert door.call(method, path, body, admin).status == 404


@pytest.mark.parametrize(("many", "values", "field"), [
    ("projects", {}, "name"), ("projects", {"name": ""}, "name"), ("projects", {"name": " "}, "name"),
    ("projects", {"name": "x" * 256}, "name"), ("projects", {"name": "x", "domain_id": NOBODY}, NOBODY),
    ("projects", {"name": "x", "parent_id": NOBODY}, "parent_id"), ("projects", {"name": "x", "tags": ["t"]}, "tags"),
    ("projects", {"name": "x", "enabled": "yes"}, "enabled"), ("projects", {"name": "x", "colour": 1}, "colour"),
    ("users", {"name": "x", "password": 5}, "password"), ("users", {"name": "x", "options": {"a": 1}}, "options"),
    ("users", {"name": "x", "default_project_id": NOBODY}, NOBODY),
    ("roles", {"name": "x", "domain_id": "default"}, "domain_id"), ("domains", {"name": None}, "name")])
def test_bad_values_are_named(door, admin, many, values, field):
    answer = door.call("POST", f"/{many}", {many[:-1]: values}, admin)
    assert (answer.status in (400, 404), field in answer.body["error"]["message"]) == (True, True), answer.text
    wrapped = door.call("POST", f"/{many}", {"wrong": values}, admin)
    assert wrapped.status == 400


def test_what_is_in_a_domain_stays_there_and_goes_with_it(door, admin, make):
    domain = make("domains", name="d")["id"]
    project = make("projects", name="admin", domain_id=domain)
    user = make("users", name="admin", domain_id=domain, password="pw", default_project_id=project["id"])
    role = door.ids("roles", admin)["member"]
    for target in (f"/projects/{project['id']}", f"/domains/{domain}"):
        assert door.call("PUT", f"{target}/users/{user['id']}/roles/{role}", token=admin).status == 204
    assert project["domain_id"] == project["parent_id"] == user["domain_id"] == domain
    body = password_body("admin", "pw")
    body["auth"]["identity"]["password"]["user"]["domain"] = {"name": "d"}
    token, said = door.log_in(body)
    assert said["project"] == {"id": project["id"], "name": "admin", "domain": {"id": domain, "name": "d"}}
    assert door.call("GET", f"/domains/{domain}", token=token).status == 200
    assert door.call("GET", "/domains/default", token=token).status == 403
    assert door.call("PATCH", f"/users/{user['id']}", {"user": {"domain_id": "default"}}, admin).status == 400
    assert [row["id"] for row in door.call("GET", f"/projects?domain_id={domain}", token=admin).body["projects"]] == [
        project["id"]]
    door.call("PATCH", f"/domains/{domain}", {"domain": {"enabled": False}}, admin)
    assert not door.holds(token)
    assert door.refused(door.call("POST", "/auth/tokens", body))
    assert door.call("DELETE", f"/domains/{domain}", token=admin).status == 204
    for path in (f"/projects/{project['id']}", f"/users/{user['id']}"):
        assert door.call("GET", path, token=admin).status == 404
    assert door.call("GET", f"/role_assignments?user.id={user['id']}", token=admin).body["role_assignments"] == []


def test_lists_are_filtered(door, admin, make):
    off = make("users", name="off", enabled=False)
    assert [row["id"] for row in door.call("GET", "/users?enabled=false", token=admin).body["users"]] == [off["id"]]
    assert door.call("GET", "/users?name=nobody", token=admin).body["users"] == []
    assert door.call("GET", "/users?enabled=maybe", token=admin).status == 400


def test_passwords(door, admin, make):
    user = make("users", name="u", password="first", default_project_id=door.ids("projects", admin)["project1"])
    path = f"/projects/{user['default_project_id']}/users/{user['id']}/roles/{door.ids('roles', admin)['reader']}"
    assert door.call("PUT", path, token=admin).status == 204
    assert door.log_in(password_body("u", "first"))[1]["project"]["name"] == "project1"
    own = f"/users/{user['id']}/password"
    assert door.refused(door.call("POST", own, {"user": {"password": "x", "original_password": "wrong"}}))
    assert door.refused(door.call("POST", f"/users/{NOBODY}/password", {
        "user": {"password": "x", "original_password": ""}}))
    assert door.call("POST", own, {"user": {"password": "second", "original_password": "first"}}).status == 204
    assert door.refused(door.call("POST", "/auth/tokens", password_body("u", "first")))
    door.token("u", "second")
    # Long ones count to their end, and so does a NUL that is none to us.
    long = "x" * 200
    assert door.call("PATCH", f"/users/{user['id']}", {"user": {"password": long + "y"}}, admin).status == 200
    assert door.refused(door.call("POST", "/auth/tokens", password_body("u", long + "z")))
    door.token("u", long + "y")
    # Without one nobody logs in.
    assert door.call("PATCH", f"/users/{user['id']}", {"user": {"password": None}}, admin).status == 200
    for tried in ("", long + "y"):
        assert door.refused(door.call("POST", "/auth/tokens", password_body("u", tried)))


def test_passwords_are_kept_as_hashes(door, make):
    from novasim.db import identity_models as models

    make("users", name="u", password="never to be seen")
    with door.db.engine.connect() as connection:
        rows = connection.execute(models.users.select()).all()
    assert all(row.password_hash.startswith("$2b$") for row in rows)
    assert "never to be seen" not in str(rows)
    assert PASSWORD not in str(rows)


TARGETS = {"project": "/projects/{project}", "domain": "/domains/default", "system": "/system"}


@pytest.mark.parametrize("target", list(TARGETS))
def test_the_life_of_an_assignment(door, admin, make, target):
    user, role = make("users", name="u")["id"], door.ids("roles", admin)["manager"]
    base = TARGETS[target].format(project=door.ids("projects", admin)["project1"]) + f"/users/{user}/roles"
    path = f"{base}/{role}"
    assert door.call("GET", path, token=admin).status == 404
    for _ in range(2):
        assert door.call("PUT", path, token=admin).status == 204, "twice is no error"
    assert door.call("GET", path, token=admin).status == 204
    head = door.head(path, X_Auth_Token=admin)
    assert (head.status_int, head.body) == (204, b"")
    assert [row["name"] for row in door.call("GET", base, token=admin).body["roles"]] == ["manager"]
    [row] = door.call("GET", f"/role_assignments?user.id={user}", token=admin).body["role_assignments"]
    assert (row["user"], row["role"], list(row["scope"])) == ({"id": user}, {"id": role}, [target])
    assert row["links"]["assignment"] == f"http://localhost/identity/v3{path}"
    named = door.call("GET", f"/role_assignments?user.id={user}&include_names", token=admin).body["role_assignments"][0]
    assert (named["user"]["name"], named["role"]["name"]) == ("u", "manager")
    assert named["scope"].get("project", {}).get("name", "project1") == "project1"
    assert named["scope"].get("domain", {}).get("name", "Default") == "Default"
    effective = door.call("GET", f"/role_assignments?user.id={user}&effective&include_names=True", token=admin)
    assert [row["role"]["name"] for row in effective.body["role_assignments"]] == ["manager", "member", "reader"]
    assert door.call("DELETE", path, token=admin).status == 204
    assert door.call("DELETE", path, token=admin).status == 404


def test_assignments_are_filtered(door, admin):
    projects, roles = door.ids("projects", admin), door.ids("roles", admin)

    def users(query):
        rows = door.call("GET", f"/role_assignments?include_names&{query}", token=admin).body["role_assignments"]
        return {row["user"]["name"] for row in rows}

    assert users(f"scope.project.id={projects['project1']}") == {"member1", "reader1", "manager1"}
    assert users(f"role.id={roles['manager']}") == {"manager1", "manager2"}
    assert users(f"effective&role.id={roles['manager']}&scope.project.id={projects['admin']}") == {"admin"}
    assert users("scope.system=all") == users("scope.domain.id=default") == {"admin", "admin2", "service"}
    assert users("group.id=g") == set()


@pytest.mark.parametrize("gone", ["user", "role", "project"])
def test_an_assignment_needs_all_three(door, admin, gone):
    ids = {"user": door.ids("users", admin)["member1"], "role": door.ids("roles", admin)["reader"],
           "project": door.ids("projects", admin)["project1"]} | {gone: NOBODY}
    answer = door.call("PUT", "/projects/{project}/users/{user}/roles/{role}".format(**ids), token=admin)
    assert (answer.status, f"Could not find {gone}: {NOBODY}." in answer.text) == (404, True)


RULES = {(method, path): rule for path, methods in ROUTES.items() for method, (_, rule) in methods.items()}


def test_what_needs_no_token():
    assert [route for route, rule in RULES.items() if rule is None] == [
        ("POST", "/auth/tokens"), ("POST", "/users/{user_id}/password")]


@pytest.mark.parametrize(("method", "path"), [route for route, rule in RULES.items() if rule is not None])
def test_who_may_what(make_cloud, method, path):
    """Without a token nothing but a log-in; with a member's only what is its own; all the rest is for admins."""
    door = Door(make_cloud)
    admin, token = door.token("admin"), door.token("member1")
    users, projects = door.ids("users", admin), door.ids("projects", admin)
    ids = {"user_id": users["member2"], "project_id": projects["project2"], "domain_id": "other",
           "role_id": door.ids("roles", admin)["admin"], "credential_id": NOBODY, "id": NOBODY}
    url = path.format(**ids)
    assert door.refused(door.call(method, url, {}))
    assert door.refused(door.call(method, url, {}, "member1:project1"))
    answer = door.call(method, url, {}, token)
    if RULES[method, path] is access.anybody:
        assert answer.status in (200, 404)
    else:
        assert (answer.status, answer.body["error"]["code"]) == (403, 403)


def test_who_may_see_what_is_his(door, admin):
    token, users, projects = door.token("member1"), door.ids("users", admin), door.ids("projects", admin)
    for path in (f"/users/{users['member1']}", f"/projects/{projects['project1']}", "/domains/default",
                 f"/users/{users['member1']}/projects", f"/users/{users['member1']}/application_credentials"):
        assert door.call("GET", path, token=token).status == 200, path
    assert door.call("GET", f"/projects/{projects['project2']}", token=door.token("service")).status == 200
    # A role without a name that anybody knows opens nothing.
    role = door.call("POST", "/roles", {"role": {"name": "odd"}}, admin).body["role"]["id"]
    door.call("PUT", f"/projects/{projects['project2']}/users/{users['member1']}/roles/{role}", token=admin)
    odd = door.token("member1", project={"name": "project2", "domain": HOME})
    assert door.cloud.get("/servers", user=odd).status == 403


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/nothing", 404), ("GET", "/auth", 404), ("PUT", "/users", 405), ("DELETE", "/auth/projects", 405),
    ("GET", "", 200), ("POST", "", 405)])
def test_other_urls(door, admin, method, path, status):
    answer = door.call(method, path, {}, admin)
    assert answer.status == status
    if status >= 400:
        assert answer.body["error"]["code"] == status


def test_names_are_those_of_a_domain(door, make, admin):
    """The same name in two domains is two users; case and blanks count."""
    domain = make("domains", name="d")["id"]
    made = [make("users", name=name, domain_id=where)["id"]
            for name, where in itertools.product(("u", "U", "u "), ("default", domain))]
    assert len(set(made)) == 6


NUMBERS = itertools.count(1)
ODD_TEXT = st.one_of(st.text(max_size=20), st.sampled_from(["x" * 300, "\0", "a\0b", "..", "%", " ", "null", "-1"]))
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), ODD_TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3), max_leaves=6)
FIELD = st.sampled_from(["name", "id", "password", "description", "enabled", "domain_id", "default_project_id", "email",
                         "roles", "secret", "expires_at", "unrestricted", "original_password", "options", "tags"])
BODY = st.one_of(ODD, *(st.dictionaries(st.just(one), st.dictionaries(FIELD, ODD, max_size=4), min_size=1) for one in (
    "project", "domain", "user", "role", "application_credential")))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(route=st.sampled_from(list(RULES)), body=BODY, texts=st.lists(ODD_TEXT, min_size=3, max_size=3),
       own=st.booleans())
def test_odd_requests_are_answered(door, admin, make, route, body, texts, own):
    """Nothing that is sent makes the service fail."""
    method, path = route
    known = {}
    if own:
        # Of this example: an earlier one may have made away with its.
        known["domain_id"] = make("domains", name=f"d{next(NUMBERS)}")["id"]
        known["user_id"] = make("users", name="u", domain_id=known["domain_id"])["id"]
    ids = dict(zip(("project_id", "role_id", "credential_id"), texts, strict=True)) | {
        "user_id": texts[0], "domain_id": texts[1], "id": texts[2]} | known
    url = path.format(**{name: urllib.parse.quote(text, safe="") or "-" for name, text in ids.items()})
    query = urllib.parse.urlencode({"name": texts[0], "enabled": texts[1], "effective": texts[2], "user.id": texts[0]})
    answer = door.call(method, f"{url}?{query}", body, admin)
    assert answer.status < 500, answer.text
