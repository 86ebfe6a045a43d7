"""Room on hosts: ceilings, the two claims of a move, and sums that follow from the rows."""

import threading

import pytest

from novasim import exceptions
from novasim.db import claims, hosts, migrations
from novasim.objects import ComputeNode, Flavor, Migration

RESERVED = {"memory_mb": 512, "disk_gb": 0, "vcpus": 0}


@pytest.fixture
def fleet(db):
    names = ["a", "b"]
    db.write(hosts.register, names, hosts.COMPUTE, "compute")
    db.write(hosts.register_nodes, [ComputeNode(uuid="", host=name, hypervisor_hostname=name, vcpus=4, memory_mb=4608,
                                                local_gb=100) for name in names], RESERVED)


def free(db, host):
    node = db.read(hosts.nodes, host)[0]
    assert (node.free_ram_mb, node.free_disk_gb) == (node.memory_mb - node.memory_mb_used,
                                                     node.local_gb - node.local_gb_used)
    return node.vcpus - node.vcpus_used, node.free_ram_mb, node.free_disk_gb


@pytest.mark.spec("8.7/success", "8.7/abort", "8.7/drop")
def test_take_and_drop(db, fleet, make_server, flavor):
    server = make_server()
    db.write(claims.take, "a", "a", server.uuid, flavor, {})
    assert free(db, "a") == (2, 2048, 75)
    for _ in range(2):
        db.write(claims.drop_all, server.uuid)
        assert free(db, "a") == (4, 4096, 100)


@pytest.mark.spec("8.7/test", "8.7/used")
def test_a_refusal_names_all_that_is_short_and_takes_nothing(db, fleet, make_server, flavor):
    with pytest.raises(exceptions.ComputeResourcesUnavailable) as error:
        db.write(claims.take, "a", "a", make_server().uuid, flavor, {"memory_mb": 1512.0, "disk_gb": 100, "vcpu": 1})
    assert error.value.text == ("Insufficient compute resources: Free memory 1000.00 MB < requested 2048 MB; "
                                "Free CPUs 1.00 VCPUs < requested 2 VCPUs.")
    assert free(db, "a") == (4, 4096, 100)
    assert db.read(claims.sums) == {}


@pytest.mark.spec("8.7/no-limit")
def test_without_ceilings_nothing_is_refused(db, fleet, make_server):
    huge = Flavor(flavorid="h", name="h", memory_mb=9999, vcpus=99, root_gb=999)
    db.write(claims.take, "a", "a", make_server().uuid, huge, {"vcpu": None})
    assert free(db, "a") == (-95, -5903, -899)


def test_an_unknown_host(db, make_server, flavor):
    with pytest.raises(exceptions.ComputeHostNotFound):
        db.write(claims.take, "z", "z", make_server().uuid, flavor, {"memory_mb": 1})


@pytest.mark.spec("8.7/drop", "8.8/5")
@pytest.mark.parametrize(("end", "host"), [(claims.settle_on_destination, "b"), (claims.drop_move, "a")])
def test_a_move_holds_room_on_both(db, fleet, make_server, flavor, end, host):
    server = make_server()
    move = db.write(migrations.create, Migration(uuid="", instance_uuid=server.uuid, status="finished"))
    db.write(claims.take, "a", "a", server.uuid, flavor, {})
    db.write(claims.take, "b", "b", server.uuid, flavor, {}, move.id)
    assert free(db, "a") == free(db, "b") == (2, 2048, 75)
    db.write(end, server.uuid, move.id)
    other = "a" if host == "b" else "b"
    assert (free(db, host), free(db, other)) == ((2, 2048, 75), (4, 4096, 100))
    assert [(claim["host"], claim["migration_id"]) for claim in db.read(claims.of_instance, server.uuid)] == [
        (host, move.id if host == "b" else None)]


@pytest.mark.spec("8.7/lock", "12.1/9")
def test_many_at_once_pass_no_ceiling(db, fleet, make_server, flavor):
    servers, results, start = [make_server() for _ in range(8)], [], threading.Event()

    def take(server):
        start.wait()
        try:
            db.write(claims.take, "a", "a", server.uuid, flavor, {"vcpu": 4, "memory_mb": 99999})
            results.append(True)
        except exceptions.ComputeResourcesUnavailable:
            results.append(False)

    threads = [threading.Thread(target=take, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    start.set()
    for thread in threads:
        thread.join()
    assert (results.count(True), free(db, "a")[0]) == (2, 0)


@pytest.mark.spec("8.8/2", "8.8/3")
def test_sums_are_made_again_from_the_rows(db, fleet, make_server, flavor):
    db.write(claims.take, "a", "a", make_server().uuid, flavor, {})
    assert db.write(claims.correct, "a", "a", RESERVED) is False
    assert db.write(claims.correct, "a", "a", RESERVED | {"vcpus": 1}) is True
    assert free(db, "a") == (1, 2048, 75)
    assert db.write(claims.correct, "z", "z", RESERVED) is False
