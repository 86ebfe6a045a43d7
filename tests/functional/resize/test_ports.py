"""The addresses of a server through its life: they stay, wherever it goes, and go when it goes."""

import pytest
import webob
from cluster_fixture import ADMIN, USER

from novasim.db import ports
from novasim.launch.seed import IMAGE_ID


def ports_of(cluster, server, token=ADMIN):
    request = webob.Request.blank(f"/network/v2.0/ports?device_id={server}", headers={"X-Auth-Token": token})
    return request.get_response(cluster.embedded.app.application).json["ports"]


def addresses(cluster, server):
    return cluster.get(f"/servers/{server}")["server"]["addresses"]


@pytest.fixture
def cluster(make_cluster):
    return make_cluster(checked=True)


def test_a_port_follows_its_server_and_changes_nothing(cluster):
    server = cluster.boot(networks="auto")
    before = addresses(cluster, server)
    [(_, [address])] = before.items()
    for move, end in ((cluster.resize, cluster.revert), (cluster.migrate, cluster.confirm)):
        for step in (move, end):
            step(server)
            [port] = ports_of(cluster, server)
            assert port["binding:host_id"] == cluster.row(server).host
            assert (port["fixed_ips"][0]["ip_address"], port["mac_address"], port["status"]) == (
                address["addr"], address["OS-EXT-IPS-MAC:mac_addr"], "ACTIVE")
            assert addresses(cluster, server) == before
    cluster.act(server, {"shelve": None}, "offloaded")
    assert [port["binding:host_id"] for port in ports_of(cluster, server)] == [""]
    cluster.do(server, "unshelve")
    assert addresses(cluster, server) == before


def test_a_deleted_server_gives_its_addresses_back(cluster):
    servers = [cluster.boot(networks="auto") for _ in range(3)]
    assert len({port["fixed_ips"][0]["ip_address"] for one in servers for port in ports_of(cluster, one)}) == 3
    for server in servers:
        cluster.delete(server)
        assert ports_of(cluster, server) == []
    assert cluster.db.read(ports.all_bound) == cluster.db.read(ports.strays) == []


def test_a_request_that_no_conductor_takes_leaves_nothing(cluster, monkeypatch):
    def broken(*_args, **_kwargs):
        raise ConnectionError

    monkeypatch.setattr(cluster.embedded.app, "conductor", type("Deaf", (), {"build_instances": broken})())
    body = {"server": {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "auto"}}
    assert cluster.http("POST", "/servers", body, version="2.37").status_int == 503
    assert cluster.db.read(ports.all_bound) == cluster.db.read(ports.strays) == []


def test_nobody_else_sees_them(cluster):
    server = cluster.boot(networks="auto")
    assert len(ports_of(cluster, server, USER)) == 1
    assert ports_of(cluster, server, "eve:other") == []
