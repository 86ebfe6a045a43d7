"""Servers on networks: what ``networks`` asks for, the addresses they show, and ports that come and go."""

import re

import pytest

from novasim.db import endings, instances

ADMIN, BOB, EVE = "admin:admin", "bob:p1", "eve:p2"
NOWHERE = "00000000-0000-4000-8000-000000000000"


class Net:
    """A cloud with a shared and an external network, and what is asked of its network service."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.shared = self.network(ADMIN, "private", "10.0.0.0/16", shared=True)
        self.external = self.network(ADMIN, "public", "172.24.0.0/16", **{"router:external": True})

    def ask(self, method, path, body=None, user=BOB):
        return self.cloud.call(method, f"@/network/v2.0/{path}", body, user=user)

    def make(self, kind, user=BOB, path=None, **fields):
        answer = self.ask("POST", path or f"{kind}s", {kind: fields}, user)
        assert answer.status == 201, answer.text
        return answer.body[kind]

    def network(self, user, name, cidr, **fields):
        made = self.make("network", user, name=name, **fields)["id"]
        self.make("subnet", user, network_id=made, cidr=cidr, ip_version=6 if ":" in cidr else 4)
        return made

    def ports(self, user=BOB):
        return self.ask("GET", "ports", user=user).body["ports"]

    def create(self, networks=None, user=BOB, version="2.96", **fields):
        body = {"name": "vm", "flavorRef": "1", "imageRef": self.cloud.image} | fields
        body |= {} if networks is None else {"networks": networks}
        return self.cloud.call("POST", "/servers", {"server": body}, version, user)

    def boot(self, networks="auto", user=BOB, **fields):
        answer = self.create(networks, user, **fields)
        assert answer.status == 202, answer.text
        server = answer.body["server"]["id"]
        self.cloud.db.write(self.cloud._built, server, "cmp-1")
        return server

    def show(self, server, version="2.96", user=BOB):
        return self.cloud.get(f"/servers/{server}", version=version, user=user).body["server"]

    def addresses(self, server):
        return {name: [one["addr"] for one in found] for name, found in self.show(server)["addresses"].items()}


@pytest.fixture
def net(cloud):
    return Net(cloud)


def test_a_server_has_a_port_on_the_network_there_is(net):
    for networks, version in ((None, "2.1"), ([], "2.1"), ("auto", "2.37"), ([], "2.96")):
        answer = net.create(networks, version=version)
        assert answer.status == 202, answer.text
        shown = net.show(answer.body["server"]["id"])
        [(name, [address])] = shown["addresses"].items()
        assert name == "private"
        assert address.items() >= {"version": 4, "OS-EXT-IPS:type": "fixed"}.items()
        assert re.fullmatch("fa:16:3e(:[0-9a-f]{2}){3}", address["OS-EXT-IPS-MAC:mac_addr"])
        assert address["addr"].startswith("10.0.")
        assert shown["security_groups"] == [{"name": "default"}]
    assert len({port["mac_address"] for port in net.ports()}) == 4


def test_none_is_none(net):
    server = net.boot("none")
    shown = net.show(server)
    assert (shown["addresses"], shown["security_groups"], net.ports()) == ({}, [{"name": "default"}], [])
    assert net.cloud.get(f"/servers/{server}/ips", user=BOB).body == {"addresses": {}}


def test_a_server_without_security_groups_shows_none(net):
    server = net.boot()
    net.cloud.act(server, "removeSecurityGroup", {"name": "default"}, user=BOB)
    assert "security_groups" not in net.show(server)


def test_answers_to_changes_say_less_of_addresses_below_2_75(net):
    server = net.boot()
    for version, keys in (("2.74", {"addr", "version"}), ("2.75", {
            "addr", "version", "OS-EXT-IPS:type", "OS-EXT-IPS-MAC:mac_addr"})):
        updated = net.cloud.call("PUT", f"/servers/{server}", {"server": {"name": "vm"}}, version, BOB)
        assert set(updated.body["server"]["addresses"]["private"][0]) == keys
    rebuilt = net.cloud.act(server, "rebuild", {"imageRef": net.cloud.image}, version="2.74", user=BOB)
    assert set(rebuilt.body["server"]["addresses"]["private"][0]) == {"addr", "version"}


def test_addresses_in_every_view(net):
    server, other = net.boot(), net.boot()
    [address] = net.addresses(server)["private"]
    ips = net.cloud.get(f"/servers/{server}/ips", user=BOB).body
    assert ips == {"addresses": {"private": [{"addr": address, "version": 4}]}}
    assert net.cloud.get(f"/servers/{server}/ips/private", user=BOB).body == ips["addresses"]
    assert net.cloud.get(f"/servers/{server}/ips/other", user=BOB).status == 404
    assert net.cloud.get(f"/servers/{server}/ips", user=EVE).status == 404
    listed = {one["id"]: one["addresses"] for one in net.cloud.get("/servers/detail", user=BOB).body["servers"]}
    assert listed == {one: net.show(one)["addresses"] for one in (server, other)}


def test_servers_by_address(net):
    four, six = net.network(BOB, "n4", "10.8.0.0/24"), net.network(BOB, "n6", "fd00:8::/64")
    one = net.boot([{"uuid": four, "fixed_ip": "10.8.0.5"}])
    other = net.boot([{"uuid": four, "fixed_ip": "10.8.0.55"}, {"uuid": six, "fixed_ip": "fd00:8::5"}])
    net.boot("none")

    def found(query):
        return {server["id"] for server in net.cloud.get(f"/servers?{query}", user=BOB).body["servers"]}

    assert found("ip=10.8.0.5") == {one, other}
    assert found("ip=10%5C.8%5C.0%5C.5%24") == {one}
    assert found("ip6=fd00:8") == {other}
    assert found("ip6=10.8") == found("ip=fd00") == found("ip=10.9.9.9") == set()
    assert net.cloud.get("/servers?ip=%28", user=BOB).status == 400
    off = net.cloud.get("/servers?ip=10.8.0.5", user=EVE).body["servers"]
    assert off == []


def test_named_networks_ports_addresses_and_tags(net):
    own = net.network(BOB, "own", "10.8.0.0/24")
    port = net.make("port", network_id=own, fixed_ips=[{"ip_address": "10.8.0.9"}])
    server = net.boot([{"uuid": net.shared, "tag": "front"}, {"port": port["id"], "tag": "back"},
                       {"uuid": own, "fixed_ip": "10.8.0.10"}])
    found = net.addresses(server)
    assert (found["own"], len(found["private"])) == (["10.8.0.9", "10.8.0.10"], 1)
    attached = net.cloud.get(f"/servers/{server}/os-interface", version="2.70", user=BOB).body["interfaceAttachments"]
    assert [one["tag"] for one in attached] == ["back", "front", None]
    taken = net.ask("GET", f"ports/{port['id']}").body["port"]
    assert (taken["device_id"], taken["device_owner"], taken["status"]) == (server, "compute:nova", "ACTIVE")
    # The port that was there stays when the server goes; the others go.
    net.cloud.db.write(endings.erase, server)
    [left] = net.ports()
    assert (left["id"], left["device_id"], left["device_owner"]) == (port["id"], "", "")
    assert net.boot([{"port": port["id"]}])


REFUSED = [
    ("2.96", [{"uuid": NOWHERE}], 400, f"Network {NOWHERE} could not be found."),
    ("2.96", [{"port": NOWHERE}], 400, f"Port id {NOWHERE} could not be found."),
    ("2.96", [{"fixed_ip": "10.0.0.9"}], 400, "Bad networks format: network uuid is not in proper format (None)"),
    ("2.96", [{"uuid": "SHARED", "fixed_ip": "10.9.0.1"}], 400,
     "Fixed IP 10.9.0.1 is not a valid ip address for network SHARED."),
    ("2.96", [{"port": "TAKEN"}], 409, "Port TAKEN is still in use."),
    ("2.96", [{"port": "BARE"}], 400, "Port BARE requires a FixedIP in order to be used."),
    ("2.96", [{"port": "THEIRS"}], 400, "Port id THEIRS could not be found."),
    ("2.96", [{"port": "FREE", "fixed_ip": "10.0.0.9"}], 400,
     "Specified Fixed IP '10.0.0.9' cannot be used with port 'FREE': the two cannot be specified together."),
    ("2.96", [{"port": "FREE"}, {"port": "FREE"}], 400, "A port can be given to a server once only."),
    ("2.96", [{"uuid": "SHARED", "fixed_ip": "10.0.0.77"}], 400,
     "Fixed IP 10.0.0.77 is already in use on instance HOLDER."),
    ("2.96", [{"uuid": "EXTERNAL"}], 403, "It is not allowed to create an interface on external network EXTERNAL"),
    ("2.96", [{"uuid": "EMPTY"}], 400, "Network EMPTY requires a subnet in order to boot instances on."),
    ("2.96", [{"uuid": "x"}], 400, None), ("2.96", [{"uuid": "SHARED", "x": 1}], 400, None), ("2.96", "all", 400, None),
    ("2.36", "auto", 400, None), ("2.31", [{"uuid": "SHARED", "tag": "t"}], 400, None),
    ("2.37", [{"uuid": "SHARED", "tag": "t"}], 400, None), ("2.42", [{"uuid": "SHARED", "tag": "a,b"}], 400, None)]


def test_what_is_refused(net):
    holder = net.boot([{"uuid": net.shared, "fixed_ip": "10.0.0.77"}])
    known = {"SHARED": net.shared, "EXTERNAL": net.external, "HOLDER": holder, "TAKEN": net.ports()[0]["id"],
             "EMPTY": net.make("network", name="empty")["id"],
             "BARE": net.make("port", network_id=net.shared, fixed_ips=[])["id"],
             "FREE": net.make("port", network_id=net.shared)["id"],
             "THEIRS": net.make("port", EVE, network_id=net.shared)["id"]}
    before = net.ports(ADMIN)
    for version, networks, status, message in REFUSED:
        if isinstance(networks, list):
            networks = [{key: known.get(value, value) for key, value in item.items()} for item in networks]
        answer = net.create(networks, version=version)
        assert answer.status == status, (networks, answer.text)
        if message is not None:
            assert answer.message == re.sub("[A-Z]{4,}", lambda name: known[name[0]], message)
    # What several servers cannot share.
    for item in ({"port": known["FREE"]}, {"uuid": net.shared, "fixed_ip": "10.0.0.9"}):
        assert net.create([item], min_count=2).status == 400
    assert net.ports(ADMIN) == before


def test_several_networks_are_ambiguous(net):
    net.network(BOB, "own", "10.8.0.0/24")
    for networks, version in ((None, "2.1"), ("auto", "2.37")):
        answer = net.create(networks, version=version)
        assert (answer.status, answer.message) == (
            409, "Multiple possible networks found, use a Network ID to be more specific.")
    assert net.create("none").status == 202
    # Of others they are not.
    assert net.create("auto", EVE).status == 202


def test_without_any_network(cloud):
    answer = cloud.call("POST", "/servers", {"server": {
        "name": "vm", "flavorRef": "1", "imageRef": cloud.image, "networks": "auto"}}, "2.37", BOB)
    assert answer.message == "Unable to automatically allocate a network for project p1"
    server = cloud.boot()
    assert cloud.get(f"/servers/{server}", user=BOB).body["server"]["addresses"] == {}


def test_without_the_service(make_cloud):
    cloud = make_cloud(**{"network.enabled": False})
    body = {"name": "vm", "flavorRef": "1", "imageRef": cloud.image}
    for networks in ("auto", "none", []):
        made = cloud.call("POST", "/servers", {"server": body | {"networks": networks}}, "2.37", BOB)
        shown = cloud.get(f"/servers/{made.body['server']['id']}", user=BOB).body["server"]
        assert (shown["addresses"], shown["security_groups"]) == ({}, [{"name": "default"}])
    refused = cloud.call("POST", "/servers", {"server": body | {"networks": [{"uuid": NOWHERE}]}}, "2.37", BOB)
    assert (refused.status, refused.message) == (400, f"Network {NOWHERE} could not be found.")
    assert cloud.get("/servers?ip=10", user=BOB).body["servers"] == []
    server = cloud.boot()
    assert cloud.get(f"/servers/{server}/os-interface", user=BOB).body == {"interfaceAttachments": []}
    assert cloud.call("POST", f"/servers/{server}/os-interface", {}, user=BOB).status == 501
    assert cloud.act(server, "addSecurityGroup", {"name": "default"}, user=BOB).status == 501


def test_many_servers_at_once(net):
    answer = net.create("auto", min_count=5, max_count=5)
    assert answer.status == 202
    ports = net.ports()
    assert len({port["device_id"] for port in ports}) == 5
    assert len({port["fixed_ips"][0]["ip_address"] for port in ports}) == 5


def test_a_full_network_refuses_a_server_as_a_whole(net):
    small = net.network(BOB, "small", "10.8.0.0/29")
    assert net.create([{"uuid": small}], min_count=5).status == 202
    full = net.create([{"uuid": small}])
    assert (full.status, full.message) == (400, f"No fixed IP addresses available for network: {small}")
    assert len(net.cloud.get("/servers", user=BOB).body["servers"]) == 5
    assert net.cloud.get("/limits", user=BOB).body["limits"]["absolute"]["totalInstancesUsed"] == 5
    # What a server gives back the next one gets.
    server = net.cloud.get("/servers", user=BOB).body["servers"][0]["id"]
    net.cloud.db.write(endings.erase, server)
    assert net.create([{"uuid": small}]).status == 202


def test_security_groups(net):
    web = net.make("security_group", path="security-groups", name="web")
    made = net.create("auto", security_groups=[{"name": "web"}, {"name": "default"}, {"name": web["id"]}])
    assert made.body["server"]["security_groups"] == [{"name": "web"}, {"name": "default"}, {"name": web["id"]}]
    server = made.body["server"]["id"]
    net.cloud.db.write(net.cloud._built, server, "cmp-1")
    assert net.show(server)["security_groups"] == [{"name": "web"}, {"name": "default"}]
    for action, name, status, left in (
            ("removeSecurityGroup", "default", 202, ["web"]), ("removeSecurityGroup", "default", 404, ["web"]),
            ("addSecurityGroup", "default", 202, ["web", "default"]), ("addSecurityGroup", "none", 404, None),
            ("removeSecurityGroup", web["id"], 202, ["default"])):
        assert net.cloud.act(server, action, {"name": name}, user=BOB).status == status, (action, name)
        if left is not None:
            assert [group["name"] for group in net.show(server)["security_groups"]] == left
    theirs = net.create("auto", EVE, security_groups=[{"name": "web"}])
    assert (theirs.status, theirs.message) == (400, "Unable to find security_group with name or id 'web'")
    net.make("security_group", path="security-groups", name="web")
    assert net.create("auto", security_groups=[{"name": "web"}]).status == 409


def interfaces(net, server, path="", method="GET", body=None, version="2.96", user=BOB):
    return net.cloud.call(method, f"/servers/{server}/os-interface{path}", body, version, user)


def attach(net, server, version="2.96", **fields):
    return interfaces(net, server, "", "POST", {"interfaceAttachment": fields}, version)


def test_interfaces(net):
    server = net.boot("none")
    own = net.network(BOB, "own", "10.8.0.0/24")
    made = attach(net, server, net_id=own, fixed_ips=[{"ip_address": "10.8.0.7"}], tag="t")
    assert made.status == 200, made.text
    port = made.body["interfaceAttachment"]
    assert port.items() >= {"net_id": own, "port_state": "ACTIVE", "tag": "t"}.items()
    assert port["fixed_ips"][0]["ip_address"] == "10.8.0.7"
    assert interfaces(net, server, f"/{port['port_id']}").body == made.body
    assert "tag" not in interfaces(net, server, f"/{port['port_id']}", version="2.69").body["interfaceAttachment"]
    assert net.addresses(server) == {"own": ["10.8.0.7"]}
    free = net.make("port", network_id=net.shared)
    assert attach(net, server, port_id=free["id"]).body["interfaceAttachment"]["port_id"] == free["id"]
    assert [one["port_id"] for one in interfaces(net, server).body["interfaceAttachments"]] == [
        port["port_id"], free["id"]]
    for path in (f"/{port['port_id']}", f"/{free['id']}"):
        assert interfaces(net, server, path, user=EVE).status == 404
        assert interfaces(net, server, path, "DELETE").status == 202
        assert interfaces(net, server, path, "DELETE").status == interfaces(net, server, path).status == 404
    assert [one["id"] for one in net.ports()] == [free["id"]]
    taken = [one["action"] for one in net.cloud.get(
        f"/servers/{server}/os-instance-actions", user=BOB).body["instanceActions"]]
    assert sorted(taken) == ["attach_interface"] * 2 + ["create"] + ["detach_interface"] * 2
    # What is attached later goes with the server, too.
    attach(net, server, net_id=own)
    net.cloud.db.write(endings.erase, server)
    assert [one["device_id"] for one in net.ports()] == [""]


ATTACH_REFUSED = [
    ({"net_id": "OWN", "port_id": "FREE"}, 400), ({"fixed_ips": [{"ip_address": "10.8.0.7"}]}, 400),
    ({"net_id": NOWHERE}, 404), ({"port_id": NOWHERE}, 404), ({"port_id": "USED"}, 409), ({}, 409),
    ({"net_id": "OWN", "fixed_ips": [{"ip_address": "10.8.0.5"}]}, 409),
    ({"net_id": "OWN", "fixed_ips": [{"ip_address": "10.9.0.5"}]}, 400), ({"net_id": "EXTERNAL"}, 403),
    ({"net_id": "x"}, 400), ({"net_id": "OWN", "fixed_ips": []}, 400), ({"nothing": 1}, 400)]


def test_interfaces_that_are_refused(net):
    own = net.network(BOB, "own", "10.8.0.0/24")
    server = net.boot([{"uuid": own, "fixed_ip": "10.8.0.5"}])
    known = {"OWN": own, "EXTERNAL": net.external, "FREE": net.make("port", network_id=own)["id"],
             "USED": interfaces(net, server).body["interfaceAttachments"][0]["port_id"]}
    before = net.ports(ADMIN)
    for fields, status in ATTACH_REFUSED:
        fields = {key: known.get(value, value) if isinstance(value, str) else value for key, value in fields.items()}
        assert attach(net, server, **fields).status == status, fields
    assert attach(net, server, "2.48", net_id=own, tag="t").status == 400
    for values in ({"task_state": "resize_prep"}, {"task_state": None, "vm_state": "rescued"}):
        net.cloud.db.write(instances.update, server, **values)
        assert attach(net, server, net_id=own).status == 409
        assert interfaces(net, server, f"/{known['USED']}", "DELETE").status == 409
    net.cloud.db.write(instances.update, server, vm_state="active")
    net.cloud.act(server, "lock", user=BOB)
    assert attach(net, server, net_id=own).status == 409
    assert net.ports(ADMIN) == before


def test_addresses_of_old_versions(net):
    own = net.network(BOB, "own", "10.8.0.0/24")
    server = net.boot([{"uuid": own, "fixed_ip": "10.8.0.5"}])
    assert net.cloud.act(server, "addFixedIp", {"networkId": own}, user=BOB).status == 202
    first, second = net.addresses(server)["own"]
    assert first == "10.8.0.5"
    assert net.cloud.act(server, "removeFixedIp", {"address": first}, user=BOB).status == 202
    assert net.addresses(server) == {"own": [second]}
    assert net.cloud.act(server, "removeFixedIp", {"address": first}, user=BOB).status == 400
    assert net.cloud.act(server, "addFixedIp", {"networkId": net.shared}, user=BOB).status == 404
    for action, content in (("addFixedIp", {"networkId": own}), ("removeFixedIp", {"address": second})):
        assert net.cloud.act(server, action, content, user=BOB, version="2.44").status == 404


def test_floating_addresses(net):
    server = net.boot()
    [port] = net.ports()
    floating = net.make("floatingip", floating_network_id=net.external, port_id=port["id"])
    found = net.show(server)["addresses"]["private"]
    assert [(one["addr"], one["OS-EXT-IPS:type"]) for one in found] == [
        (port["fixed_ips"][0]["ip_address"], "fixed"), (floating["floating_ip_address"], "floating")]
    net.cloud.db.write(endings.erase, server)
    assert net.ask("GET", f"floatingips/{floating['id']}").body["floatingip"]["port_id"] is None


def test_a_port_is_where_its_server_is(net):
    server = net.boot()
    [port] = net.ports(ADMIN)
    assert (port["binding:host_id"], port["status"]) == ("cmp-1", "ACTIVE")
    net.cloud.resized(server)
    [port] = net.ports(ADMIN)
    assert (port["binding:host_id"], port["status"]) == ("cmp-2", "ACTIVE")
    net.cloud.db.write(instances.update, server, host=None, vm_state="shelved_offloaded")
    [port] = net.ports(ADMIN)
    assert (port["binding:host_id"], port["status"]) == ("", "DOWN")


def test_a_port_of_somebody_elses_is_no_port_of_a_server(net):
    """A server's id on a port means nothing, unless compute has written it there."""
    server = net.boot("none")
    net.make("port", EVE, network_id=net.shared, device_id=server)
    assert net.addresses(server) == {}
    assert interfaces(net, server).body["interfaceAttachments"] == []
