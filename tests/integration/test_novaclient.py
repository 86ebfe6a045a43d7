"""python-novaclient as it is, against both sizes of cluster: what it shows for the whole life of a server."""

import os
import subprocess
import sys
import threading
import time

import novaclient
import pytest
from keystoneauth1 import session
from keystoneauth1.noauth import NoAuth
from novaclient import api_versions, client, exceptions

from novasim.api import microversion
from novasim.cli import cluster, process

# Of those that both know.
NEWEST = min(api_versions.APIVersion(f"2.{microversion.MAX}"), novaclient.API_MAX_VERSION).get_string()


@pytest.fixture(scope="module")
def embedded():
    """The endpoint of a cluster of one process."""
    with process.own_cluster(["--hosts", "3", "--stages", "instant"]) as own:
        yield own.record["endpoint"]


@pytest.fixture(scope="module")
def split(rabbitmq, mariadb):
    """The endpoint of a cluster of one process a service."""
    arguments = ["--hosts", "3", "--stages", "instant", "--bus", rabbitmq.bus(), "--db", mariadb.database()]
    with process.own_cluster(arguments) as own:
        yield own.record["endpoint"]


class Admin(NoAuth):
    """No authentication but the name that the cluster's own noauth wants to hear."""

    def get_token(self, *_args, **_kwargs):
        return "admin:admin"


def connect(endpoint, version):
    return client.Client(version, session=session.Session(auth=Admin()), endpoint_override=endpoint)


def rest(nova, server, status, deadline_s=30):
    """Wait as its own ``--poll`` does: look again until status and task say that it is over."""
    deadline, pause, quiet = time.monotonic() + deadline_s, 0.01, threading.Event()
    while True:
        server = nova.servers.get(server.id)
        if server.status == status and getattr(server, "OS-EXT-STS:task_state") is None:
            return server
        assert server.status != "ERROR", server.fault
        assert time.monotonic() < deadline, f"{server.status} after {deadline_s} s, not {status}"
        quiet.wait(pause)
        pause = min(pause * 1.5, 0.5)


def host_of(server):
    return getattr(server, "OS-EXT-SRV-ATTR:host")


def size_of(server):
    """Name of its flavor where the version embeds it, else its id."""
    return server.flavor.get("original_name") or server.flavor["id"]


@pytest.mark.parametrize("version", ["2.1", NEWEST])
@pytest.mark.parametrize("size", ["embedded", "split"])
def test_the_life_of_a_server(size, version, request):
    nova = connect(request.getfixturevalue(size), version)
    flavors = {flavor.name: flavor for flavor in nova.flavors.list()}
    sizes = {name: name if api_versions.APIVersion(version) >= api_versions.APIVersion("2.47") else flavor.id
             for name, flavor in flavors.items()}
    networks = {} if version == "2.1" else {"nics": "none"}
    server = nova.servers.create("demo", "155d900f-4e14-4e4c-a73d-069cbf4541e6", flavors["m1.tiny"], **networks)
    first = rest(nova, server, "ACTIVE")
    assert size_of(first) == sizes["m1.tiny"]

    server.resize(flavors["m1.small"])
    moved = rest(nova, server, "VERIFY_RESIZE")
    assert host_of(moved) != host_of(first)
    server.confirm_resize()
    second = rest(nova, server, "ACTIVE")
    assert (host_of(second), size_of(second)) == (host_of(moved), sizes["m1.small"])

    server.resize(flavors["m1.medium"])
    rest(nova, server, "VERIFY_RESIZE")
    with pytest.raises(exceptions.Conflict):
        server.resize(flavors["m1.large"])
    server.revert_resize()
    third = rest(nova, server, "ACTIVE")
    assert (host_of(third), size_of(third)) == (host_of(second), sizes["m1.small"])

    server.migrate()
    fourth = rest(nova, server, "VERIFY_RESIZE")
    assert host_of(fourth) != host_of(third)
    server.confirm_resize()
    rest(nova, server, "ACTIVE")

    statuses = sorted(move.status for move in nova.migrations.list() if move.instance_uuid == server.id)
    assert statuses == ["confirmed", "confirmed", "reverted"]
    assert [action.action for action in nova.instance_action.list(server)] == [
        "confirmResize", "migrate", "revertResize", "resize", "confirmResize", "resize", "create"]

    server.delete()
    with pytest.raises(exceptions.NotFound):
        rest(nova, server, "gone for good", deadline_s=10)


@pytest.mark.parametrize("size", ["embedded", "split"])
def test_the_newest_version_is_found(size, request):
    nova = connect(request.getfixturevalue(size), "2.1")
    assert api_versions.discover_version(nova, api_versions.APIVersion("2.latest")).get_string() == NEWEST


@pytest.mark.parametrize("version", ["2.1", "2.latest"])
def test_the_nova_command_works(version, embedded):
    words = ["--os-compute-api-version", version, "flavor-show", "m1.small"]
    done = subprocess.run([sys.executable, "-c", "from novaclient import shell; shell.main()", *words],
                          env={**os.environ, **cluster.environment({"endpoint": embedded}, ".")},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "m1.small" in done.stdout
