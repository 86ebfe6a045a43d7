"""What a guest tells of itself, asked of its agent while the user waits: console, diagnostics, topology, crash dump."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cluster_fixture import ADMIN, MEDIUM, TINY, USER

from novasim.sim.clock import ManualClock


def post(cluster, path, body, status, version="2.1", token=USER):
    answer = cluster.http("POST", f"/servers/{path}", body, token, version)
    assert answer.status_int == status, answer.text
    return answer.json if answer.body else None


def output(cluster, uuid, **content):
    return post(cluster, f"{uuid}/action", {"os-getConsoleOutput": content}, 200)["output"]


def conflict(answer):
    return answer["conflictingRequest"]["message"]


def test_console_output(cluster):
    uuid, other = cluster.boot(MEDIUM), cluster.boot(TINY)
    text = output(cluster, uuid)
    assert (uuid in text, "Allowing 2 CPUs" in text, "4194304K available" in text) == (True, True, True)
    assert re.fullmatch(r"vm-1 login: ", text.rpartition("\n")[2])
    assert text == output(cluster, uuid, length=None) == output(cluster, uuid, length=-1) == output(cluster, uuid)
    assert text != output(cluster, other)
    lines = text.split("\n")
    for length in (1, 10, "10", len(lines), len(lines) + 7):
        assert output(cluster, uuid, length=length).split("\n") == lines[-int(length):]
    assert output(cluster, uuid, length=0) == ""
    cluster.do(uuid, "stop")
    assert output(cluster, uuid).endswith("reboot: Power down")
    for bad in ({"length": "x"}, {"length": -2}, {"length": [1]}, {"size": 1}):
        post(cluster, f"{uuid}/action", {"os-getConsoleOutput": bad}, 400)


def test_console_output_names_the_ports_of_a_server(cluster):
    uuid = cluster.boot(networks="auto")
    [(address, mac)] = [(one["addr"], one["OS-EXT-IPS-MAC:mac_addr"]) for one in
                        cluster.get(f"/servers/{uuid}")["server"]["addresses"]["private"]]
    text = output(cluster, uuid)
    assert (address in text, mac in text) == (True, True)


def test_nobody_can_say(cluster):
    uuid = cluster.boot()
    shelved = cluster.boot()
    cluster.do(shelved, "shelve")
    cluster.watch.wait("offloaded", instance_uuid=shelved)
    assert conflict(post(cluster, f"{shelved}/action", {"os-getConsoleOutput": {}}, 409)) == (
        f"Instance {shelved} is not ready")
    cluster.faults.add({"at": "rpc.send", "match": {"method": "get_console_output"}, "do": "drop", "times": 1})
    post(cluster, f"{uuid}/action", {"os-getConsoleOutput": {}}, 503)
    cluster.agents.driver.destroy(cluster.row(uuid).host, uuid)
    told = conflict(post(cluster, f"{uuid}/action", {"os-getConsoleOutput": {}}, 409))
    assert told == f"The guest of instance {uuid} cannot be asked at this time."
    cluster.delete(uuid)


def test_an_agent_that_dies_over_it(cluster, monkeypatch):
    uuid = cluster.boot()
    host = cluster.row(uuid).host

    def die(*_args):
        cluster.agents.lives.end([host])
        return "the log of a guest whose agent is dead"

    with monkeypatch.context() as patch:
        patch.setattr(cluster.agents.driver._thing, "get_console_output", die)
        post(cluster, f"{uuid}/action", {"os-getConsoleOutput": {}}, 503)
    cluster.agents.lives.begin([host])
    assert output(cluster, uuid, length=1) == "vm-1 login: "


CONSOLES = [("vnc", "novnc", 6, "http://127.0.0.1:6080/vnc_auto.html"),
            ("spice", "spice-html5", 6, "http://127.0.0.1:6082/spice_auto.html"),
            ("rdp", "rdp-html5", 6, "http://127.0.0.1:6083/"), ("serial", "serial", 6, "ws://127.0.0.1:6083/"),
            ("mks", "webmks", 8, "http://127.0.0.1:6090/mks.html")]


def token_of(url):
    query = parse_qs(urlsplit(url).query)
    return (query.get("token") or parse_qs(urlsplit(unquote(query["path"][0])).query)["token"])[0]


@pytest.mark.spec("3.12/2.8")
@pytest.mark.parametrize(("protocol", "kind", "since", "base"), CONSOLES)
def test_remote_consoles(cluster, protocol, kind, since, base):
    uuid = cluster.boot()
    body = {"remote_console": {"protocol": protocol, "type": kind}}
    post(cluster, f"{uuid}/remote-consoles", body, 404 if since == 6 else 400, f"2.{since - 1}")
    told = post(cluster, f"{uuid}/remote-consoles", body, 200, f"2.{since}")["remote_console"]
    url = told.pop("url")
    assert told == body["remote_console"]
    assert url.startswith(base + "?")
    console = cluster.get(f"/os-console-auth-tokens/{token_of(url)}", ADMIN, "2.31")["console"]
    assert (console["instance_uuid"], console["host"], console["internal_access_path"]) == (uuid, "127.0.0.1", None)
    assert cluster.http("GET", f"/os-console-auth-tokens/{token_of(url)}", token=ADMIN).status_int == (
        200 if protocol == "rdp" else 401)
    assert cluster.http("GET", f"/os-console-auth-tokens/{token_of(url)}", version="2.31").status_int == 403
    assert cluster.http("GET", "/os-console-auth-tokens/x", token=ADMIN, version="2.31").status_int == 404


@pytest.mark.parametrize(("action", "kind"), [("os-getVNCConsole", "novnc"), ("os-getSPICEConsole", "spice-html5"),
                                              ("os-getRDPConsole", "rdp-html5"), ("os-getSerialConsole", "serial")])
def test_the_actions_of_before(cluster, action, kind):
    uuid = cluster.boot()
    told = post(cluster, f"{uuid}/action", {action: {"type": kind}}, 200, "2.5")["console"]
    assert (told["type"], "token" in told["url"]) == (kind, True)
    post(cluster, f"{uuid}/action", {action: {"type": kind}}, 404, "2.6")
    post(cluster, f"{uuid}/action", {action: {"type": "x"}}, 400)


def test_types_that_there_are_not(cluster):
    uuid = cluster.boot()
    for protocol, kind, text in (("vnc", "xvpvnc", "Unavailable console type xvpvnc."),
                                 ("vnc", "serial", "Invalid console type serial.")):
        answer = post(cluster, f"{uuid}/remote-consoles", {
            "remote_console": {"protocol": protocol, "type": kind}}, 400, "2.6")
        assert answer["badRequest"]["message"] == text


def test_a_token_ends_with_its_time_and_when_the_server_leaves(make_cluster):
    clock = ManualClock()
    cluster = make_cluster(clock=clock, **{"consoleauth.token_ttl": 60})
    uuid = cluster.boot()

    def look(token):
        return cluster.http("GET", f"/os-console-auth-tokens/{token}", token=ADMIN, version="2.31").status_int

    def opened():
        body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
        return token_of(post(cluster, f"{uuid}/remote-consoles", body, 200, "2.6")["remote_console"]["url"])

    first = opened()
    clock.advance(59)
    assert look(first) == 200
    clock.advance(1)
    assert look(first) == 404
    second = opened()
    cluster.migrate(uuid)
    assert look(second) == 404
    cluster.confirm(uuid)
    third = opened()
    assert look(third) == 200
    cluster.delete(uuid)
    assert look(third) == 404


@pytest.mark.spec("3.12/2.48")
def test_diagnostics(make_cluster):
    clock = ManualClock()
    cluster = make_cluster(clock=clock)
    uuid = cluster.boot(MEDIUM, networks="auto")
    clock.advance(50)
    path = f"/servers/{uuid}/diagnostics"
    told = cluster.get(path, ADMIN, "2.48")
    assert (told["uptime"], told["state"], told["num_cpus"], told["num_nics"]) == (50, "running", 2, 1)
    assert told["cpu_details"][1] == {"id": 1, "time": 10_000_000_000, "utilisation": 20}
    assert told["memory_details"]["maximum"] == 4096
    [interface] = cluster.get(f"/servers/{uuid}/os-interface")["interfaceAttachments"]
    assert [nic["mac_address"] for nic in told["nic_details"]] == [interface["mac_addr"]]
    before = cluster.get(path, ADMIN, "2.47")
    assert (before["cpu0_time"], before["memory"]) == (10_000_000_000, 4194304)
    assert before["vnet1_rx"] == told["nic_details"][0]["rx_octets"] > 0
    assert cluster.http("GET", path).status_int == 403
    cluster.do(uuid, "stop")
    for version in ("2.47", "2.48"):
        answer = cluster.http("GET", path, token=ADMIN, version=version)
        assert (answer.status_int, conflict(answer.json)) == (
            409, f"Cannot 'get_diagnostics' instance {uuid} while it is in power state shutdown")


@pytest.mark.parametrize(("specs", "nodes", "page"), [
    ({}, [], None), ({"hw:numa_nodes": "x"}, [], None),
    ({"hw:numa_nodes": "2"}, [([0], 2048), ([1], 2048)], None),
    ({"hw:numa_nodes": "2", "hw:mem_page_size": "large", "hw:numa_cpus.0": "0-1,^0", "hw:numa_cpus.1": "0",
      "hw:numa_mem.0": "1024", "hw:numa_mem.1": "3072"}, [([1], 1024), ([0], 3072)], 2048),
    ({"hw:mem_page_size": "1GB"}, [([0, 1], 4096)], 1048576), ({"hw:mem_page_size": "64"}, [([0, 1], 4096)], 64),
    ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "7-,x"}, [([0, 1], 4096)], None)])
def test_topology(cluster, specs, nodes, page):
    if specs:
        cluster.http("POST", f"/flavors/{MEDIUM}/os-extra_specs", {"extra_specs": specs}, ADMIN)
    uuid = cluster.boot(MEDIUM)
    assert cluster.http("GET", f"/servers/{uuid}/topology", version="2.77").status_int == 404
    told = cluster.get(f"/servers/{uuid}/topology", version="2.78")
    assert [(node["vcpu_set"], node["memory_mb"]) for node in told["nodes"]] == nodes
    assert told["pagesize_kb"] == page
    for_admins = cluster.get(f"/servers/{uuid}/topology", ADMIN, "2.78")["nodes"]
    assert [node["host_node"] for node in for_admins] == list(range(len(nodes)))
    assert all("host_node" not in node for node in told["nodes"])


def test_crash_dump(cluster):
    uuid = cluster.boot()
    post(cluster, f"{uuid}/action", {"trigger_crash_dump": None}, 404, "2.16")
    mark = cluster.watch.mark()
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"trigger_crash_dump": None}, version="2.17")
    assert answer.status_int == 202
    cluster.watch.wait("compute_trigger_crash_dump", mark, instance_uuid=uuid)
    record = cluster.record(uuid, answer.headers["x-openstack-request-id"])
    assert (record["action"], record["message"]) == ("trigger_crash_dump", None)
    assert [(one["event"], one["result"]) for one in record["events"]] == [("compute_trigger_crash_dump", "Success")]
    assert cluster.state(uuid) == ("active", None)


def test_crash_dump_of_a_guest_that_gives_none(cluster):
    uuid = cluster.boot()
    cluster.faults.add({"at": "virt.inject_nmi", "do": {"raise": "no such wire"}, "times": 1})
    mark = cluster.watch.mark()
    request = cluster.http("POST", f"/servers/{uuid}/action", {"trigger_crash_dump": None}, version="2.17").headers[
        "x-openstack-request-id"]
    cluster.watch.wait("compute_trigger_crash_dump failed", mark, instance_uuid=uuid)
    assert cluster.record(uuid, request)["message"] == "Error"
    assert cluster.state(uuid) == ("active", None)


def test_the_password_that_no_guest_reports(cluster):
    uuid = cluster.boot()
    assert cluster.get(f"/servers/{uuid}/os-server-password") == {"password": ""}
    assert cluster.http("DELETE", f"/servers/{uuid}/os-server-password").status_int == 204
