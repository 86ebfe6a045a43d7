"""The Network API v2.0 as its clients use it: stories over HTTP, and who may do what."""

import pytest

ADMIN, BOB, EVE = "admin:admin", "bob:p1", "eve:p2"
NOWHERE = "00000000-0000-4000-8000-000000000000"


def ask(cloud, method, path, body=None, user=BOB):
    return cloud.call(method, f"@/network{path}", body, user=user)


def make(cloud, kind, user=BOB, path=None, **fields):
    answer = ask(cloud, "POST", f"/v2.0/{path or kind + 's'}", {kind: fields}, user)
    assert answer.status == 201, answer.text
    return answer.body[kind]


def listed(cloud, path, user=BOB):
    answer = ask(cloud, "GET", f"/v2.0/{path}", user=user)
    assert answer.status == 200, answer.text
    return next(value for name, value in answer.body.items() if not name.endswith("_links"))


def network(cloud, user=BOB, cidr="10.1.0.0/24", pools=None, **fields):
    """A network with a subnet."""
    made = make(cloud, "network", user, name="net", **fields)
    subnet = make(cloud, "subnet", user, network_id=made["id"], cidr=cidr, ip_version=6 if ":" in cidr else 4,
                  **({"allocation_pools": pools} if pools else {}))
    return made["id"], subnet["id"]


def port(cloud, on, user=BOB, **fields):
    return make(cloud, "port", user, network_id=on, **fields)


def addresses(port):
    return [one["ip_address"] for one in port["fixed_ips"]]


def test_discovery(cloud):
    for path in ("", "/"):
        answer = cloud.call("GET", f"@/network{path}", user="")
        assert answer.body["versions"][0]["links"][0]["href"] == "http://localhost/network/v2.0/"
    known = {one["alias"] for one in listed(cloud, "extensions")}
    assert {"security-group", "external-net", "binding"} <= known
    assert ask(cloud, "GET", "/v2.0/extensions/binding").body["extension"]["name"] == "Port Binding"
    missing = ask(cloud, "GET", "/v2.0/extensions/trunk")
    assert (missing.status, missing.body["NeutronError"]["type"]) == (404, "HttpError")
    assert {one["collection"] for one in listed(cloud, "")} >= {"networks", "security-groups"}
    assert listed(cloud, "availability_zones")[0]["name"] == "nova"


def test_a_network_from_made_to_deleted(cloud):
    made = make(cloud, "network", name="net", description="mine", mtu=1400)
    assert made.items() >= {
        "name": "net", "description": "mine", "mtu": 1400, "project_id": "p1", "tenant_id": "p1", "status": "ACTIVE",
        "subnets": [], "shared": False, "router:external": False, "admin_state_up": True,
        "created_at": "2026-01-01T12:00:00Z"}.items()
    path = f"/v2.0/networks/{made['id']}"
    changed = ask(cloud, "PUT", path, {"network": {"name": "other", "admin_state_up": False}}).body["network"]
    assert (changed["name"], changed["admin_state_up"], changed["mtu"]) == ("other", False, 1400)
    assert ask(cloud, "GET", path).body["network"] == changed
    assert ask(cloud, "DELETE", path).status == 204
    gone = ask(cloud, "GET", path)
    assert (gone.status, gone.body) == (404, {"NeutronError": {
        "type": "NetworkNotFound", "message": f"Network {made['id']} could not be found.", "detail": ""}})


def test_a_subnet(cloud):
    on, first = network(cloud)
    shown = ask(cloud, "GET", f"/v2.0/subnets/{first}").body["subnet"]
    assert shown.items() >= {
        "network_id": on, "cidr": "10.1.0.0/24", "gateway_ip": "10.1.0.1", "ip_version": 4, "host_routes": [],
        "allocation_pools": [{"start": "10.1.0.2", "end": "10.1.0.254"}], "enable_dhcp": True}.items()
    assert ask(cloud, "GET", f"/v2.0/networks/{on}").body["network"]["subnets"] == [first]
    six = make(cloud, "subnet", network_id=on, cidr="fd00:1::/64", ip_version=6, gateway_ip=None, dns_nameservers=[
        "fd00::53"], host_routes=[{"destination": "fd00:2::/64", "nexthop": "fd00:1::9"}])
    assert (six["gateway_ip"], six["dns_nameservers"]) == (None, ["fd00::53"])
    pool = [{"start": "10.2.0.10", "end": "10.2.0.20"}]
    other = make(cloud, "subnet", network_id=on, cidr="10.2.0.7/24", ip_version=4, allocation_pools=pool)
    assert (other["cidr"], other["allocation_pools"]) == ("10.2.0.0/24", pool)
    path = f"/v2.0/subnets/{other['id']}"
    assert ask(cloud, "PUT", path, {"subnet": {"gateway_ip": "10.2.0.15"}}).status == 409
    assert ask(cloud, "PUT", path, {"subnet": {"gateway_ip": "10.9.0.1"}}).status == 400
    assert ask(cloud, "PUT", path, {"subnet": {"gateway_ip": "10.2.0.9", "name": "n"}}).body["subnet"]["name"] == "n"
    assert ask(cloud, "DELETE", path).status == 204


BAD = [
    ("networks", {"network": {"mtu": 5}}, 400), ("networks", {"network": {"nothing": 5}}, 400),
    ("networks", {}, 400), ("networks", {"networks": []}, 400), ("networks", {"network": {"shared": True}}, 403),
    ("networks", {"network": {"tenant_id": "p2"}}, 403), ("networks", {"network": {"router:external": True}}, 403),
    ("subnets", {"subnet": {"network_id": NOWHERE, "cidr": "10.0.0.0/24", "ip_version": 4}}, 404),
    ("subnets", {"subnet": {"cidr": "10.0.0.0/24", "ip_version": 4}}, 400),
    ("subnets", {"subnet": {"network_id": "$", "cidr": "10.1.0.128/25", "ip_version": 4}}, 400),
    ("subnets", {"subnet": {"network_id": "$", "cidr": "10.3.0.0/24", "ip_version": 6}}, 400),
    ("subnets", {"subnet": {"network_id": "$", "cidr": "10.3.0.0/99", "ip_version": 4}}, 400),
    ("subnets", {"subnet": {"network_id": "$", "cidr": "10.3.0.0/31", "ip_version": 4}}, 400),
    ("subnets", {"subnet": {"network_id": "$", "cidr": "10.3.0.0/24", "ip_version": 4, "gateway_ip": "10.4.0.1"}}, 400),
    ("subnets", {"subnet": {"network_id": "$", "cidr": "10.3.0.0/24", "ip_version": 4, "allocation_pools": [
        {"start": "10.3.0.9", "end": "10.3.1.9"}]}}, 400),
    ("ports", {"port": {"network_id": NOWHERE}}, 404), ("ports", {"port": {"network_id": "net"}}, 400),
    ("ports", {"port": {"network_id": "$", "fixed_ips": [{"ip_address": "10.9.0.1"}]}}, 400),
    ("ports", {"port": {"network_id": "$", "fixed_ips": [{"ip_address": "10.1.0.255"}]}}, 400),
    ("ports", {"port": {"network_id": "$", "fixed_ips": [{"subnet_id": NOWHERE}]}}, 400),
    ("ports", {"port": {"network_id": "$", "security_groups": [NOWHERE]}}, 404),
    ("ports", {"port": {"network_id": "$", "binding:host_id": "cmp-1"}}, 403),
    ("ports", {"port": {"network_id": "$", "device_owner": "compute:nova", "device_id": NOWHERE}}, 403),
    ("ports", {"port": {"network_id": "$", "mac_address": "x"}}, 400),
    ("floatingips", {"floatingip": {"floating_network_id": "$"}}, 400),
    ("floatingips", {"floatingip": {"floating_network_id": NOWHERE}}, 404),
    ("security-groups", {"security_group": {"name": "default"}}, 409),
    ("security-groups", {"security_group": {}}, 400),
    ("security-group-rules", {"security_group_rule": {"security_group_id": NOWHERE, "direction": "ingress"}}, 404),
]


def test_bad_bodies(cloud):
    on, _ = network(cloud)
    for path, body, status in BAD:
        body = {name: {key: on if value == "$" else value for key, value in fields.items()}
                for name, fields in body.items() if fields != []} or body
        answer = ask(cloud, "POST", f"/v2.0/{path}", body)
        assert answer.status == status, (path, body, answer.text)
        assert answer.message


def test_ports(cloud):
    # What is drawn by chance is not what is asked for by name below.
    on, subnet = network(cloud, pools=[{"start": "10.1.0.100", "end": "10.1.0.254"}])
    made = port(cloud, on, name="p", security_groups=None)
    assert made.items() >= {"name": "p", "network_id": on, "status": "DOWN", "device_id": ""}.items()
    [fixed] = made["fixed_ips"]
    assert (fixed["subnet_id"], fixed["ip_address"].rpartition(".")[0]) == (subnet, "10.1.0")
    assert made["mac_address"].startswith("fa:16:3e:")
    assert "binding:host_id" not in made
    assert ask(cloud, "GET", f"/v2.0/ports/{made['id']}", user=ADMIN).body["port"]["binding:host_id"] == ""
    [default] = made["security_groups"]
    assert [one["id"] for one in listed(cloud, "security-groups")] == [default]
    # An address once, for one at a time.
    mine = port(cloud, on, fixed_ips=[{"ip_address": "10.1.0.77"}], mac_address="fa:16:3e:00:00:01")
    assert (addresses(mine), mine["mac_address"]) == (["10.1.0.77"], "fa:16:3e:00:00:01")
    for asked in ([{"ip_address": "10.1.0.77"}], [{"ip_address": "10.1.0.78"}, {"ip_address": "10.1.0.78"}]):
        taken = ask(cloud, "POST", "/v2.0/ports", {"port": {"network_id": on, "fixed_ips": asked}})
        assert (taken.status, taken.body["NeutronError"]["type"]) == (409, "IpAddressInUse")
    assert addresses(port(cloud, on, fixed_ips=[])) == []
    # In use is in use.
    assert ask(cloud, "DELETE", f"/v2.0/subnets/{subnet}").body["NeutronError"]["type"] == "SubnetInUse"
    assert ask(cloud, "DELETE", f"/v2.0/networks/{on}").body["NeutronError"]["type"] == "NetworkInUse"
    changed = ask(cloud, "PUT", f"/v2.0/ports/{mine['id']}", {"port": {
        "fixed_ips": [{"ip_address": "10.1.0.77"}, {"ip_address": "10.1.0.99"}], "name": "n"}}).body["port"]
    assert (addresses(changed), changed["name"]) == (["10.1.0.77", "10.1.0.99"], "n")
    changed = ask(cloud, "PUT", f"/v2.0/ports/{mine['id']}", {"port": {"fixed_ips": [{"ip_address": "10.1.0.99"}]}})
    assert addresses(changed.body["port"]) == ["10.1.0.99"]
    assert addresses(port(cloud, on, fixed_ips=[{"ip_address": "10.1.0.77"}])) == ["10.1.0.77"]
    for one in listed(cloud, "ports"):
        assert ask(cloud, "DELETE", f"/v2.0/ports/{one['id']}").status == 204
    assert ask(cloud, "DELETE", f"/v2.0/networks/{on}").status == 204
    assert ask(cloud, "GET", f"/v2.0/subnets/{subnet}").status == 404


def test_a_port_has_an_address_of_each_kind(cloud):
    on, four = network(cloud)
    six = make(cloud, "subnet", network_id=on, cidr="fd00:1::/64", ip_version=6)["id"]
    made = port(cloud, on)
    assert [one["subnet_id"] for one in made["fixed_ips"]] == [four, six]
    spelled = port(cloud, on, fixed_ips=[{"ip_address": "FD00:1:0::00AB"}])
    assert addresses(spelled) == ["fd00:1::ab"]
    again = ask(cloud, "POST", "/v2.0/ports", {"port": {"network_id": on, "fixed_ips": [{"ip_address": "fd00:1::ab"}]}})
    assert again.status == 409


def test_the_last_address_of_a_range_is_found(cloud):
    on, _ = network(cloud, cidr="10.1.0.0/27")
    given = [addresses(port(cloud, on))[0] for _ in range(29)]
    assert sorted(given) == sorted(f"10.1.0.{number}" for number in range(2, 31))
    full = ask(cloud, "POST", "/v2.0/ports", {"port": {"network_id": on}})
    assert (full.status, full.body["NeutronError"]["type"]) == (409, "IpAddressGenerationFailure")
    assert full.message == f"No more IP addresses available on network {on}."


def test_filters_fields_order_and_pages(cloud):
    on, subnet = network(cloud)
    for name in ("b", "a", "c"):
        port(cloud, on, name=name, fixed_ips=[{"ip_address": f"10.1.0.{ord(name)}"}])

    def names(query):
        return [one["name"] for one in listed(cloud, f"ports?{query}")]

    assert names("") == ["b", "a", "c"]
    assert names("sort_key=name&sort_dir=desc") == ["c", "b", "a"]
    assert names("name=a&name=b") == ["b", "a"]
    assert names(f"network_id={on}&admin_state_up=True&tenant_id=p1") == ["b", "a", "c"]
    assert names(f"fixed_ips=ip_address%3D10.1.0.97&fixed_ips=subnet_id%3D{subnet}") == ["a"]
    assert names("device_id=x") == names("project_id=p2") == names("admin_state_up=false") == []
    assert listed(cloud, "ports?fields=name&limit=1") == [{"name": "b"}]
    assert [one["name"] for one in listed(cloud, "networks?router:external=False&name=net")] == ["net"]
    page = ask(cloud, "GET", "/v2.0/ports?limit=2").body
    [following] = page["ports_links"]
    assert following["rel"] == "next"
    rest = ask(cloud, "GET", following["href"].removeprefix("http://localhost/network")).body
    assert [one["name"] for one in rest["ports"]] == ["c"]
    for query in ("nothing=1", "sort_key=nothing", "limit=x", "marker=x", "admin_state_up=x", "fixed_ips=x"):
        assert ask(cloud, "GET", f"/v2.0/ports?{query}").status == 400, query


def test_projects_do_not_see_each_other(cloud):
    on, subnet = network(cloud)
    mine, group = port(cloud, on), make(cloud, "security_group", path="security-groups", name="web")
    assert len(listed(cloud, "security-groups")) == 2
    for path in (f"networks/{on}", f"subnets/{subnet}", f"ports/{mine['id']}", f"security-groups/{group['id']}",
                 f"security-groups/{mine['security_groups'][0]}",
                 f"security-group-rules/{group['security_group_rules'][0]['id']}"):
        singular = path.split("/")[0].replace("-", "_")[:-1]
        assert ask(cloud, "GET", f"/v2.0/{path}", user=EVE).status == 404
        assert ask(cloud, "DELETE", f"/v2.0/{path}", user=EVE).status == 404
        if singular != "security_group_rule":
            assert ask(cloud, "PUT", f"/v2.0/{path}", {singular: {"name": "x"}}, EVE).status == 404
        assert ask(cloud, "GET", f"/v2.0/{path}", user=ADMIN).status == 200
    assert listed(cloud, "networks", EVE) == listed(cloud, "ports", EVE) == listed(cloud, "subnets", EVE) == []
    for fields in ({"network_id": on}, {"network_id": on, "fixed_ips": [{"ip_address": "10.1.0.9"}]}):
        assert ask(cloud, "POST", "/v2.0/ports", {"port": fields}, EVE).status == 404


def test_shared_and_external_networks(cloud):
    shared, subnet = network(cloud, ADMIN, shared=True)
    external, _ = network(cloud, ADMIN, cidr="10.9.0.0/24", **{"router:external": True})
    assert [one["id"] for one in listed(cloud, "networks")] == [shared, external]
    assert subnet in [one["id"] for one in listed(cloud, "subnets")]
    for on in (shared, external):
        assert ask(cloud, "PUT", f"/v2.0/networks/{on}", {"network": {"name": "x"}}).status == 403
        assert ask(cloud, "DELETE", f"/v2.0/networks/{on}").status == 403
        body = {"subnet": {"network_id": on, "cidr": "10.5.0.0/24", "ip_version": 4}}
        assert ask(cloud, "POST", "/v2.0/subnets", body).status == 403
    mine = port(cloud, shared)
    assert ask(cloud, "GET", f"/v2.0/ports/{mine['id']}", user=EVE).status == 404
    assert ask(cloud, "POST", "/v2.0/ports", {"port": {"network_id": external}}).status == 403


def test_floating_ips(cloud):
    external, _ = network(cloud, ADMIN, cidr="10.9.0.0/24", **{"router:external": True})
    on, _ = network(cloud)
    inner = port(cloud, on)
    made = make(cloud, "floatingip", floating_network_id=external)
    assert (made["status"], made["port_id"], made["floating_ip_address"][:7]) == ("DOWN", None, "10.9.0.")
    path = f"/v2.0/floatingips/{made['id']}"
    led = ask(cloud, "PUT", path, {"floatingip": {"port_id": inner["id"]}}).body["floatingip"]
    assert (led["status"], led["fixed_ip_address"]) == ("ACTIVE", addresses(inner)[0])
    other = {"floating_network_id": external, "port_id": inner["id"]}
    assert ask(cloud, "POST", "/v2.0/floatingips", {"floatingip": other}).status == 409
    named = make(cloud, "floatingip", floating_network_id=external, floating_ip_address="10.9.0.200")
    assert named["floating_ip_address"] == "10.9.0.200"
    assert [one["id"] for one in listed(cloud, f"floatingips?port_id={inner['id']}")] == [made["id"]]
    assert ask(cloud, "GET", path, user=EVE).status == 404
    assert ask(cloud, "PUT", path, {"floatingip": {"port_id": NOWHERE}}).status == 404
    assert ask(cloud, "PUT", path, {"floatingip": {"fixed_ip_address": "10.1.0.250"}}).status == 400
    # With its port it leads nowhere.
    assert ask(cloud, "DELETE", f"/v2.0/ports/{inner['id']}").status == 204
    assert ask(cloud, "GET", path).body["floatingip"]["port_id"] is None
    assert ask(cloud, "DELETE", f"/v2.0/networks/{external}", user=ADMIN).status == 409
    for one in (made, named):
        assert ask(cloud, "DELETE", f"/v2.0/floatingips/{one['id']}").status == 204
    assert ask(cloud, "DELETE", f"/v2.0/networks/{external}", user=ADMIN).status == 204


def test_security_groups(cloud):
    [default] = listed(cloud, "security-groups")
    assert (default["name"], len(default["security_group_rules"])) == ("default", 4)
    [theirs] = listed(cloud, "security-groups", EVE)
    assert theirs["id"] != default["id"]
    path = f"/v2.0/security-groups/{default['id']}"
    assert ask(cloud, "DELETE", path).body["NeutronError"]["type"] == "SecurityGroupCannotRemoveDefault"
    assert ask(cloud, "PUT", path, {"security_group": {"name": "x"}}).status == 409
    changed = ask(cloud, "PUT", path, {"security_group": {"description": "d"}}).body["security_group"]
    assert changed["description"] == "d"
    web = make(cloud, "security_group", path="security-groups", name="web")
    assert [rule["direction"] for rule in web["security_group_rules"]] == ["egress", "egress"]
    on, _ = network(cloud)
    mine = port(cloud, on, security_groups=[web["id"]])
    assert mine["security_groups"] == [web["id"]]
    path = f"/v2.0/security-groups/{web['id']}"
    assert ask(cloud, "DELETE", path).body["NeutronError"]["type"] == "SecurityGroupInUse"
    ask(cloud, "PUT", f"/v2.0/ports/{mine['id']}", {"port": {"security_groups": []}})
    assert ask(cloud, "DELETE", path).status == 204
    assert ask(cloud, "GET", f"/v2.0/security-group-rules/{web['security_group_rules'][0]['id']}").status == 404
    assert [one["id"] for one in listed(cloud, "security-groups")] == [default["id"]]


RULES = [
    ({"protocol": "tcp", "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": "10.0.0.0/8"}, 201),
    ({"protocol": "TCP", "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": "10.0.0.0/8"}, 409),
    ({"protocol": 6}, 201), ({"protocol": "6"}, 409), ({"protocol": "icmp", "port_range_min": 8}, 201), ({}, 201),
    ({"ethertype": "IPv6", "remote_ip_prefix": "fd00::/8"}, 201), ({"remote_ip_prefix": "fd00::/8"}, 400),
    ({"protocol": "tcp", "port_range_min": 23, "port_range_max": 22}, 400), ({"port_range_min": 22}, 400),
    ({"protocol": "tcp", "port_range_min": 70000, "port_range_max": 70001}, 400), ({"protocol": "nothing"}, 400),
    ({"protocol": "999"}, 400), ({"remote_ip_prefix": "x"}, 400), ({"remote_group_id": NOWHERE}, 404),
    ({"direction": "up"}, 400), ({"ethertype": "IPX"}, 400)]


def test_rules(cloud):
    [group] = listed(cloud, "security-groups")
    for rule, status in RULES:
        body = {"security_group_rule": {"security_group_id": group["id"], "direction": "ingress"} | rule}
        assert ask(cloud, "POST", "/v2.0/security-group-rules", body).status == status, rule
    made = listed(cloud, "security-group-rules?protocol=tcp")
    assert [(rule["port_range_min"], rule["remote_ip_prefix"]) for rule in made] == [(22, "10.0.0.0/8")]
    assert len(listed(cloud, f"security-group-rules?security_group_id={group['id']}")) == 9
    assert ask(cloud, "DELETE", f"/v2.0/security-group-rules/{made[0]['id']}").status == 204
    body = {"security_group_rule": {"security_group_id": group["id"], "direction": "ingress"}}
    assert ask(cloud, "POST", "/v2.0/security-group-rules", body, EVE).status == 404


def test_quotas(cloud):
    on, _ = network(cloud)
    port(cloud, on)
    for path in ("p1", "p1/default"):
        assert set(ask(cloud, "GET", f"/v2.0/quotas/{path}").body["quota"].values()) == {-1}
    details = ask(cloud, "GET", "/v2.0/quotas/p1/details").body["quota"]
    assert (details["port"], details["router"]["used"]) == ({"limit": -1, "used": 1, "reserved": 0}, 0)
    assert ask(cloud, "GET", "/v2.0/quotas/p1", user=EVE).status == 403
    assert ask(cloud, "GET", "/v2.0/quotas").body == {"quotas": []}


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/v2.0/routers", 404), ("GET", "/v3", 404), ("PUT", "/v2.0/networks", 405),
    ("PUT", f"/v2.0/security-group-rules/{NOWHERE}", 405), ("DELETE", "/v2.0/ports/x", 404)])
def test_what_is_not_there(cloud, method, path, status):
    assert ask(cloud, method, path).status == status


def test_off_by_option(make_cloud):
    assert ask(make_cloud(**{"network.enabled": False}), "GET", "/v2.0/networks").status == 300
