"""Networks, security groups and floating IPs as the Compute API had them: what it said until 2.35 of what the network
service has."""

import pytest

from novasim.db import security_groups
from novasim.launch import seed

USER, OTHER = "bob:p1", "eve:p2"
GROUP = {"security_group": {"name": "web", "description": "for the web"}}


@pytest.fixture
def nets(cloud):
    """Their ids by name."""
    cloud.db.write(seed.add_networks)
    return {one["label"]: one["id"] for one in cloud.get("/os-networks").body["networks"]}


def ask(cloud, method, path, body=None, status=200, user=USER, version="2.35"):
    answer = cloud.call(method, path, body, version, user)
    assert answer.status == status, answer.text
    return answer


@pytest.fixture
def make_group(cloud, nets):
    def make(name="web", user=USER):
        body = {"security_group": {"name": name, "description": ""}}
        return ask(cloud, "POST", "/os-security-groups", body, user=user).body["security_group"]["id"]

    return make


def rule(parent, /, **fields):
    return {"security_group_rule": {"parent_group_id": parent, "ip_protocol": "tcp", "from_port": 22,
                                    "to_port": 22} | fields}


@pytest.mark.parametrize("path", ["/os-networks", "/os-tenant-networks", "/os-security-groups", "/os-floating-ips",
                                  "/os-floating-ip-pools"])
def test_until_2_35(cloud, nets, path):
    ask(cloud, "GET", path)
    ask(cloud, "GET", path, status=404, version="2.36")


def test_networks(cloud, nets):
    told = ask(cloud, "GET", f"/os-networks/{nets['private']}").body["network"]
    assert (told["label"], told["cidr"], "bridge" in told) == ("private", None, False)
    assert "bridge" in ask(cloud, "GET", f"/os-networks/{nets['private']}", user="admin:admin").body["network"]
    told = ask(cloud, "GET", f"/os-tenant-networks/{nets['private']}").body["network"]
    assert told == {"id": nets["private"], "label": "private", "cidr": "None"}
    for path in ("/os-networks", "/os-tenant-networks"):
        assert ask(cloud, "GET", f"{path}/x", status=404).message == "Network x could not be found."
        ask(cloud, "POST", path, {}, 410)
        ask(cloud, "DELETE", f"{path}/{nets['private']}", status=410)


def test_without_a_network_service(make_cloud):
    cloud = make_cloud(**{"network.enabled": False})
    for path in ("/os-networks", "/os-tenant-networks/x", "/os-security-groups", "/os-floating-ips",
                 "/os-floating-ip-pools"):
        assert ask(cloud, "GET", path, status=501).message == (
            "This cluster has no network service: its servers have no ports.")
    assert ask(cloud, "GET", f"/servers/{cloud.boot()}/os-security-groups").body == {"security_groups": []}


def test_groups(cloud, nets):
    made = ask(cloud, "POST", "/os-security-groups", GROUP).body["security_group"]
    assert made == {"id": made["id"], "tenant_id": "p1", "rules": []} | GROUP["security_group"]
    names = {one["name"]: one for one in ask(cloud, "GET", "/os-security-groups").body["security_groups"]}
    assert names.keys() == {"default", "web"}
    assert [one["group"] for one in names["default"]["rules"]] == [{"name": "default", "tenant_id": "p1"}] * 2
    path = f"/os-security-groups/{made['id']}"
    changed = {"security_group": {"name": "www", "description": "d"}}
    assert ask(cloud, "PUT", path, changed).body["security_group"]["name"] == "www"
    assert ask(cloud, "GET", path).body["security_group"]["description"] == "d"
    for method, body in (("GET", None), ("PUT", changed), ("DELETE", None)):
        ask(cloud, method, path, body, 404, OTHER)
    ask(cloud, "DELETE", path, status=202)
    ask(cloud, "GET", path, status=404)


def test_groups_of_all_projects(cloud, nets, make_group):
    mine, others = make_group(), make_group(user=OTHER)

    def listed(query, user):
        answer = ask(cloud, "GET", f"/os-security-groups{query}", user=user)
        return [one["id"] for one in answer.body["security_groups"]]

    assert {mine, others} <= set(listed("?all_tenants=1", "admin:admin"))
    assert listed("?all_tenants=1", USER) == listed("", USER)
    assert listed("?limit=1&offset=1", USER) == listed("", USER)[1:2]
    ask(cloud, "GET", "/os-security-groups?limit=x", status=400)
    default = security_groups.default_id("p1")
    ask(cloud, "DELETE", f"/os-security-groups/{default}", status=202, user="admin:admin")
    assert default in listed("", USER), "made anew for who asks"


def test_groups_that_stay(cloud, nets, make_group):
    group_id, default = make_group(), security_groups.default_id("p1")
    server = cloud.boot(security_groups=[{"name": "web"}])
    for one, text in ((group_id, f"Security Group {group_id} in use."),
                      (default, "Insufficient rights for removing default security group.")):
        ask(cloud, "GET", "/os-security-groups")
        assert ask(cloud, "DELETE", f"/os-security-groups/{one}", status=400).message == text
    assert ask(cloud, "DELETE", "/os-security-groups/x", status=400).message == "Security group id should be uuid"
    assert [one["id"] for one in ask(cloud, "GET", f"/servers/{server}/os-security-groups", version="2.96").body[
        "security_groups"]] == [group_id]
    plain = cloud.boot()
    assert [one["name"] for one in ask(cloud, "GET", f"/servers/{plain}/os-security-groups").body[
        "security_groups"]] == ["default"]
    ask(cloud, "GET", f"/servers/{plain}/os-security-groups", status=404, user=OTHER)


@pytest.mark.parametrize("body", [{}, {"security_group": {}}, {"security_group": {"name": "x"}}, {"security_group": {
    "name": "x" * 256, "description": ""}}, {"security_group": {"name": "", "description": ""}}, {"security_group": {
        "name": "default", "description": ""}}, {"security_group": {"name": 1, "description": ""}}])
def test_groups_that_are_none(cloud, nets, body):
    ask(cloud, "POST", "/os-security-groups", body, 400)


@pytest.mark.parametrize(("fields", "shown"), [
    ({}, ("tcp", 22, 22, "0.0.0.0/0")), ({"from_port": "80", "to_port": "90"}, ("tcp", 80, 90, "0.0.0.0/0")),
    ({"cidr": "10.2.3.124/24"}, ("tcp", 22, 22, "10.2.3.124/24")),
    ({"cidr": "10.2.3.4"}, ("tcp", 22, 22, "10.2.3.4/32")),
    ({"cidr": "fc00::/7"}, ("tcp", 22, 22, "fc00::/7")),
    ({"ip_protocol": "ICMP", "from_port": -1, "to_port": -1}, ("icmp", -1, -1, "0.0.0.0/0")),
    ({"ip_protocol": "icmp", "from_port": 8, "to_port": 0}, ("icmp", 8, 0, "0.0.0.0/0")),
    ({"ip_protocol": "udp", "from_port": 1, "to_port": 65535}, ("udp", 1, 65535, "0.0.0.0/0"))])
def test_rules(cloud, make_group, fields, shown):
    group_id = make_group()
    made = ask(cloud, "POST", "/os-security-group-rules", rule(group_id, **fields)).body["security_group_rule"]
    assert (made["ip_protocol"], made["from_port"], made["to_port"], made["ip_range"]["cidr"]) == shown
    assert (made["parent_group_id"], made["group"]) == (group_id, {})
    assert ask(cloud, "GET", f"/os-security-groups/{group_id}").body["security_group"]["rules"] == [made]
    assert "already exists" in ask(cloud, "POST", "/os-security-group-rules", rule(group_id, **fields), 400).message
    ask(cloud, "DELETE", f"/os-security-group-rules/{made['id']}", status=404, user=OTHER)
    ask(cloud, "DELETE", f"/os-security-group-rules/{made['id']}", status=202)
    ask(cloud, "DELETE", f"/os-security-group-rules/{made['id']}", status=404)


def test_rules_of_another_group(cloud, make_group):
    group_id, peer = make_group(), make_group("peer")
    for fields, shown in (({}, ("tcp", 22, 22)), ({"ip_protocol": None, "from_port": None, "to_port": None},
                                                  (None, None, None)),
                          ({"from_port": None, "to_port": None}, ("tcp", 1, 65535))):
        made = ask(cloud, "POST", "/os-security-group-rules", rule(group_id, group_id=peer, **fields)).body[
            "security_group_rule"]
        assert (made["ip_protocol"], made["from_port"], made["to_port"]) == shown
        assert (made["group"], made["ip_range"]) == ({"name": "peer", "tenant_id": "p1"}, {})
    ask(cloud, "DELETE", f"/os-security-groups/{peer}", status=202)
    assert ask(cloud, "GET", f"/os-security-groups/{group_id}").body["security_group"]["rules"] == []


@pytest.mark.parametrize(("fields", "text"), [
    ({"ip_protocol": "x"}, "Invalid IP protocol x."), ({"from_port": 0}, "Invalid port range 0:22."),
    ({"to_port": 65536}, "Invalid port range 22:65536."), ({"from_port": 23}, "Invalid port range 23:22."),
    ({"from_port": "a"}, "Invalid port a"), ({"from_port": "9" * 30}, "Invalid port 9"),
    ({"cidr": "x"}, "Invalid cidr"),
    ({"from_port": None}, "Not enough parameters"), ({"ip_protocol": None}, "Not enough parameters"),
    ({"parent_group_id": "x"}, "should be uuid"), ({"more": 1}, "Additional properties"),
    ({"from_port": []}, "from_port")])
def test_rules_that_are_none(cloud, make_group, fields, text):
    assert text in ask(cloud, "POST", "/os-security-group-rules", rule(make_group(), **fields), 400).message


def test_rules_for_groups_that_there_are_not(cloud, make_group):
    nobody = security_groups.default_id("nobody")
    ask(cloud, "POST", "/os-security-group-rules", rule(nobody), 404)
    ask(cloud, "POST", "/os-security-group-rules", rule(make_group(), group_id=nobody), 404)
    ask(cloud, "POST", "/os-security-group-rules", rule(make_group(user=OTHER)), 404)


def test_floating_ips(cloud, nets):
    assert ask(cloud, "GET", "/os-floating-ip-pools").body == {"floating_ip_pools": [{"name": "public"}]}
    made = ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}).body["floating_ip"]
    assert made == {"id": made["id"], "ip": made["ip"], "pool": "public", "instance_id": None, "fixed_ip": None}
    assert made["ip"].startswith("172.24.")
    assert ask(cloud, "POST", "/os-floating-ips").body["floating_ip"]["pool"] == "public", "of the first there is"
    assert ask(cloud, "POST", "/os-floating-ips", {"pool": "x"}, 404).message == "Floating IP pool not found."
    assert ask(cloud, "GET", f"/os-floating-ips/{made['id']}").body["floating_ip"] == made
    assert made in ask(cloud, "GET", "/os-floating-ips").body["floating_ips"]
    assert ask(cloud, "GET", "/os-floating-ips", user=OTHER).body == {"floating_ips": []}
    ask(cloud, "DELETE", f"/os-floating-ips/{made['id']}", status=404, user=OTHER)
    ask(cloud, "DELETE", f"/os-floating-ips/{made['id']}", status=202)
    ask(cloud, "GET", f"/os-floating-ips/{made['id']}", status=404)


def act(cloud, server, action, status=202, user=USER, version="2.43", **content):
    return ask(cloud, "POST", f"/servers/{server}/action", {action: content}, status, user, version)


def test_floating_ips_of_servers(cloud, nets):
    first, second = cloud.boot(), cloud.boot()
    made = ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}).body["floating_ip"]

    def addresses(server):
        found = ask(cloud, "GET", f"/servers/{server}").body["server"]["addresses"]["private"]
        return {one["OS-EXT-IPS:type"]: one["addr"] for one in found}

    act(cloud, first, "addFloatingIp", address=made["ip"])
    assert addresses(first)["floating"] == made["ip"]
    shown = ask(cloud, "GET", f"/os-floating-ips/{made['id']}").body["floating_ip"]
    assert (shown["instance_id"], shown["fixed_ip"]) == (first, addresses(first)["fixed"])
    act(cloud, second, "addFloatingIp", address=made["ip"], fixed_address=addresses(second)["fixed"])
    assert ("floating" in addresses(first), addresses(second)["floating"]) == (False, made["ip"])
    assert act(cloud, first, "removeFloatingIp", 409, address=made["ip"]).message == (
        f"Floating IP {made['ip']} is not associated with instance {first}.")
    act(cloud, second, "removeFloatingIp", address=made["ip"])
    assert "floating" not in addresses(second)


def test_floating_ips_that_cannot_be_had(cloud, nets):
    server, bare = cloud.boot(), cloud.boot()
    port = ask(cloud, "GET", f"/servers/{bare}/os-interface").body["interfaceAttachments"][0]["port_id"]
    ask(cloud, "DELETE", f"/servers/{bare}/os-interface/{port}", status=202)
    made = ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}).body["floating_ip"]["ip"]
    others = ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}, user=OTHER).body["floating_ip"]["ip"]
    for action in ("addFloatingIp", "removeFloatingIp"):
        for address in (others, "9.9.9.9"):
            assert act(cloud, server, action, 404, address=address).message == "floating IP not found"
        act(cloud, server, action, 400, address="x")
        act(cloud, server, action, 400)
        act(cloud, server, action, 404, address=made, version="2.44")
        act(cloud, server, action, 404, address=made, user=OTHER)
    act(cloud, server, "addFloatingIp", address=made)
    another = ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}).body["floating_ip"]["ip"]
    assert "already has a floating IP" in act(cloud, server, "addFloatingIp", 400, address=another).message
    assert act(cloud, bare, "addFloatingIp", 400, address=made).message == "No fixed IPs associated to instance"
    assert act(cloud, server, "addFloatingIp", 400, address=made, fixed_address="10.0.0.250").message == (
        "Specified fixed address not assigned to instance")


def test_actions_that_are_gone_say_so(cloud):
    answer = cloud.act(cloud.boot(), "resetNetwork")
    assert (answer.status, answer.message.endswith(".")) == (410, True)


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/os-agents", 410), ("POST", "/os-cells", 410), ("GET", "/os-cells/x/capacities", 410),
    ("GET", "/os-fping", 410), ("DELETE", "/os-floating-ip-dns/d/entries/e", 410), ("GET", "/os-cloudpipe", 410),
    ("GET", "/os-fixed-ips/10.0.0.1", 410), ("POST", "/os-fixed-ips/10.0.0.1/action", 410),
    ("GET", "/os-volumes", 501), ("GET", "/os-snapshots/x", 501), ("POST", "/os-volumes", 501),
    ("GET", "/os-baremetal-nodes", 501)])
def test_what_is_gone_says_so(cloud, method, path, status):
    answer = ask(cloud, method, path, {} if method == "POST" else None, status)
    assert answer.message.endswith("."), "a sentence"
    ask(cloud, method, path, {} if method == "POST" else None, 410 if status == 410 else 404, version="2.36")
