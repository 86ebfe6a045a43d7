"""Server groups through REST: made, joined by new servers, limited by quotas, seen by their owners only."""

import uuid

import pytest

BOB, EVE = "bob:p1", "eve:p2"
IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"


def make(cloud, user=BOB, version="2.64", **fields):
    answer = cloud.call("POST", "/os-server-groups", {
        "server_group": {"name": "g", "policy": "anti-affinity"} | fields}, user=user, version=version)
    assert answer.status == 200, answer.text
    return answer.body["server_group"]["id"]


def boot(cloud, group, user=BOB, **fields):
    return cloud.call("POST", "/servers", {
        "server": {"name": "vm", "flavorRef": "1", "imageRef": IMAGE} | fields,
        "os:scheduler_hints": {"group": group}}, user=user)


@pytest.mark.spec("3.12/2.64")
@pytest.mark.spec("3.12/2.13")
def test_an_old_group_and_a_new_one(cloud):
    old = cloud.call("POST", "/os-server-groups", {
        "server_group": {"name": "old", "policies": ["affinity"]}}, user=BOB)
    assert old.status == 200
    number = old.body["server_group"]["id"]
    assert old.body == {"server_group": {"id": number, "name": "old", "policies": ["affinity"], "members": [],
                                         "metadata": {}}}
    assert cloud.get(f"/os-server-groups/{number}", user=BOB, version="2.13").body == {
        "server_group": old.body["server_group"] | {"project_id": "p1", "user_id": "bob"}}
    new = cloud.call("POST", "/os-server-groups", {"server_group": {
        "name": "new", "policy": "anti-affinity", "rules": {"max_server_per_host": 3}}}, user=BOB, version="2.64")
    assert new.body["server_group"] == {
        "id": new.body["server_group"]["id"], "name": "new", "policy": "anti-affinity",
        "rules": {"max_server_per_host": 3}, "members": [], "project_id": "p1", "user_id": "bob"}
    assert cloud.get(f"/os-server-groups/{number}", user=BOB, version="2.64").body["server_group"]["rules"] == {}
    gone = cloud.call("DELETE", f"/os-server-groups/{number}", user=BOB)
    assert (gone.status, gone.text) == (204, "")
    missing = cloud.get(f"/os-server-groups/{number}", user=BOB)
    assert (missing.status, missing.message) == (404, f"Instance group {number} could not be found.")


@pytest.mark.parametrize(("version", "body", "says"), [
    ("2.1", {"name": "g"}, "policies"),
    ("2.1", {"name": "g", "policies": []}, "policies"),
    ("2.1", {"name": "g", "policies": ["affinity", "anti-affinity"]}, "policies"),
    ("2.14", {"name": "g", "policies": ["soft-affinity"]}, "policies"),
    ("2.63", {"name": "g", "policy": "affinity"}, "policies"),
    ("2.64", {"name": "g", "policies": ["affinity"]}, "polic"),
    ("2.64", {"name": "g", "policy": "hostile"}, "policy"),
    ("2.64", {"name": "", "policy": "affinity"}, "name"),
    ("2.64", {"name": "g", "policy": "affinity", "rules": {"max_server_per_host": 2}}, "Only anti-affinity policy"),
    ("2.64", {"name": "g", "policy": "anti-affinity", "rules": {"max_server_per_host": 0}}, "max_server_per_host"),
    ("2.64", {"name": "g", "policy": "anti-affinity", "rules": {"most": 1}}, "most"),
])
def test_bad_bodies(cloud, version, body, says):
    answer = cloud.call("POST", "/os-server-groups", {"server_group": body}, version=version)
    assert answer.status == 400
    assert says in answer.message


@pytest.mark.spec("3.12/2.15")
@pytest.mark.parametrize("policy", ["soft-affinity", "soft-anti-affinity"])
def test_soft_policies_from_2_15_on(cloud, policy):
    answer = cloud.call("POST", "/os-server-groups", {"server_group": {"name": "g", "policies": [policy]}},
                        version="2.15")
    assert answer.body["server_group"]["policies"] == [policy]


def test_rules_may_be_sent_as_text(cloud):
    group = make(cloud, rules={"max_server_per_host": "5"})
    assert cloud.get(f"/os-server-groups/{group}", user=BOB, version="2.64").body["server_group"]["rules"] == {
        "max_server_per_host": 5}


def test_new_servers_join_and_deleted_ones_leave(cloud):
    group = make(cloud)
    answers = [boot(cloud, group), boot(cloud, group.upper(), min_count=2, max_count=2)]
    assert [answer.status for answer in answers] == [202, 202]
    members = cloud.get(f"/os-server-groups/{group}", user=BOB).body["server_group"]["members"]
    assert len(members) == 3
    first = answers[0].body["server"]["id"]
    assert members[0] == first
    for version, shown in (("2.70", None), ("2.71", [group])):
        assert cloud.get(f"/servers/{first}", user=BOB, version=version).body["server"].get("server_groups") == shown
    assert "server_groups" not in cloud.get("/servers/detail", user=BOB, version="2.71").body["servers"][0]
    alone = cloud.boot()
    assert cloud.get(f"/servers/{alone}", user=BOB, version="2.71").body["server"]["server_groups"] == []
    assert cloud.call("DELETE", f"/servers/{first}", user=BOB).status == 204
    assert cloud.get(f"/os-server-groups/{group}", user=BOB).body["server_group"]["members"] == members[1:]
    assert cloud.call("DELETE", f"/os-server-groups/{group}", user=BOB).status == 204
    assert cloud.get(f"/servers/{members[1]}", user=BOB, version="2.71").body["server"]["server_groups"] == []


def test_a_group_that_cannot_be_joined_makes_no_server(cloud):
    unknown, foreign = str(uuid.uuid4()), make(cloud, EVE)
    for group in (unknown, foreign):
        answer = boot(cloud, group)
        assert (answer.status, answer.message) == (400, f"Instance group {group} could not be found.")
    assert boot(cloud, "no-uuid").status == 400
    assert cloud.get("/servers", user=BOB).body["servers"] == []
    assert cloud.get("/limits", user=BOB).body["limits"]["absolute"]["totalInstancesUsed"] == 0


def test_quotas(cloud):
    limits = {"quota_set": {"server_groups": 2, "server_group_members": 1}}
    assert cloud.call("PUT", "/os-quota-sets/p1", limits).status == 200
    first = make(cloud)
    make(cloud)
    full = cloud.call("POST", "/os-server-groups", {"server_group": {"name": "g", "policies": ["affinity"]}}, user=BOB)
    assert (full.status, full.message) == (403, "Quota exceeded, too many server groups.")
    absolute = cloud.get("/limits", user=BOB).body["limits"]["absolute"]
    assert (absolute["maxServerGroups"], absolute["totalServerGroupsUsed"], absolute["maxServerGroupMembers"]) == (
        2, 2, 1)
    assert cloud.get("/os-quota-sets/p1/detail").body["quota_set"]["server_groups"] == {
        "limit": 2, "in_use": 2, "reserved": 0}
    assert cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"server_groups": 1}}).status == 400
    assert boot(cloud, first).status == 202
    full = boot(cloud, first)
    assert (full.status, full.message) == (403, "Quota exceeded, too many servers in group")
    assert cloud.get("/limits", user=BOB).body["limits"]["absolute"]["totalInstancesUsed"] == 1
    assert cloud.call("DELETE", f"/os-server-groups/{first}", user=BOB).status == 204
    make(cloud)


def test_lists_are_pages_of_ones_own_groups(cloud):
    own = [make(cloud) for _ in range(4)]
    foreign = make(cloud, EVE)

    def ids(query="", user=BOB, version="2.1"):
        answer = cloud.get("/os-server-groups" + query, user=user, version=version)
        assert answer.status == 200, answer.text
        return [group["id"] for group in answer.body["server_groups"]]

    assert ids() == own
    assert ids("?limit=2&offset=1") == own[1:3]
    assert ids("?offset=4") == []
    assert ids("?all_projects=True") == own, "who may not see all sees his own"
    assert ids("?all_projects=True", "admin:admin") == [*own, foreign]
    assert ids("", "admin:admin") == []
    assert cloud.get("/os-server-groups?limit=x", user=BOB).status == 400
    assert cloud.get("/os-server-groups?offset=-1", user=BOB).status == 400
    assert ids("?colour=red", version="2.74") == own
    assert cloud.get("/os-server-groups?colour=red", user=BOB, version="2.75").status == 400


def test_other_projects_see_nothing(cloud):
    group = make(cloud)
    for method in ("GET", "DELETE"):
        assert cloud.call(method, f"/os-server-groups/{group}", user=EVE).status == 404
    assert cloud.get(f"/os-server-groups/{group}").status == 200, "an administrator does"
    assert cloud.call("DELETE", f"/os-server-groups/{group}").status == 204
