"""Where a moved server belongs, which flavors it may have, and what its actions are called (spec 12.3 #43, #44,
#46-#48)."""

import pytest
from cluster_fixture import ADMIN, MEDIUM, SMALL, TINY
from holding import Held
from sqlalchemy import update

from novasim import states
from novasim.db import images, models

WAITING = "waiting for confirm or revert"
VERBS = ("migrate_disk_and_power_off", "finish_migration", "destroy", "finish_revert_migration", "confirm_migration")


@pytest.fixture
def told(monkeypatch):
    """``told(cluster)``: (verb, host) of what the hypervisors are asked for, in this order."""
    def listen(cluster):
        heard = []

        def tap(verb, real):
            def work(host, *args, **kwargs):
                heard.append((verb, host))
                return real(host, *args, **kwargs)
            return work

        for verb in VERBS:
            monkeypatch.setattr(cluster.agents.driver, verb, tap(verb, getattr(cluster.agents.driver, verb)))
        return heard
    return listen


@pytest.mark.spec("12.3/43")
@pytest.mark.parametrize("hosts", [3, 1])
def test_each_end_is_named_at_each_hop(make_cluster, told, hosts):
    """Also where both ends are one host. The move's row names the same two ends from first to last, and what is
    claimed is claimed at the end that it is for."""
    cluster = make_cluster(hosts=hosts, allow_resize_to_same_host=hosts == 1)
    uuid = cluster.boot()
    heard, ends = told(cluster), set()
    stop = cluster.ground.journal.subscribe(lambda hop: ends.update(
        (move["source_compute"], move["dest_compute"])
        for move in cluster.get("/os-migrations", ADMIN)["migrations"]) if hop.get("migration_status") else None)
    source = cluster.row(uuid).host
    cluster.resize(uuid, MEDIUM)
    dest = cluster.row(uuid).host
    assert cluster.held(uuid) == sorted([(source, 512, 1, 1, False), (dest, 4096, 2, 40, True)])
    cluster.revert(uuid)
    assert heard == [("migrate_disk_and_power_off", source), ("finish_migration", dest), ("destroy", dest),
                     ("finish_revert_migration", source)]
    assert ends == {(source, dest)}
    heard.clear()
    cluster.resize(uuid, MEDIUM)
    dest = cluster.row(uuid).host
    cluster.confirm(uuid)
    stop()
    assert heard == [("migrate_disk_and_power_off", source), ("finish_migration", dest), ("confirm_migration", source)]
    assert (cluster.row(uuid).host, cluster.row(uuid).node) == (dest, dest)
    assert cluster.held(uuid) == [(dest, 4096, 2, 40, False)]


@pytest.mark.spec("12.3/43")
def test_a_row_that_says_otherwise_binds_nothing_to_the_wrong_host(cluster, monkeypatch):
    """In the middle of a revert somebody writes the source into the row as its destination, as it once was done to
    have the ports bound there. The guest that goes is the destination's, the one that comes the source's."""
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    cluster.resize(uuid, MEDIUM)
    dest = cluster.row(uuid).host
    held = Held(monkeypatch, cluster, "destroy")
    mark = cluster.watch.mark()
    cluster.begin(uuid, "revert")
    held.wait()
    with cluster.db.transaction() as tx:
        tx.execute(update(models.migrations).values(dest_compute=source, dest_node=source))
    held.release()
    cluster.watch.wait("reverted", mark, instance_uuid=uuid)
    row = cluster.row(uuid)
    assert (row.host, row.node) == (source, source) != (dest, dest)
    assert cluster.guests(uuid) == {(source, "guest"): states.RUNNING}
    assert cluster.held(uuid) == [(source, 512, 1, 1, False)]


@pytest.mark.spec("12.3/44")
@pytest.mark.parametrize("when", ["before", "while it waits"])
def test_after_a_revert_the_zone_is_the_source_s(cluster, when):
    """As it is then: also when the source has got another zone while the move waited."""
    def zone(host, name):
        made = cluster.http("POST", "/os-aggregates", {"aggregate": {"name": name, "availability_zone": name}}, ADMIN)
        body = {"add_host": {"host": host}}
        number = made.json["aggregate"]["id"]
        assert cluster.http("POST", f"/os-aggregates/{number}/action", body, ADMIN).status_int == 200

    def shown():
        return cluster.get(f"/servers/{uuid}")["server"]["OS-EXT-AZ:availability_zone"]

    uuid = cluster.boot()
    source = cluster.row(uuid).host
    if when == "before":
        zone(source, "west")
    # A server that was not asked to be in a zone may go to any.
    cluster.migrate(uuid)
    zone(cluster.row(uuid).host, "east")
    if when != "before":
        zone(source, "west")
    assert shown() == "east"
    cluster.revert(uuid)
    assert shown() == "west"


def make_flavor(cluster, name, **fields):
    body = {"flavor": {"name": name, "id": name, "ram": 512, "vcpus": 1, "disk": 1} | fields}
    assert cluster.http("POST", "/flavors", body, ADMIN, "2.1").status_int == 200
    return name


def actions_of(cluster, uuid):
    return [one["action"] for one in cluster.get(f"/servers/{uuid}/os-instance-actions")["instanceActions"]]


@pytest.mark.spec("12.3/46", "3.3/zero-disk")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_a_disk_cannot_become_none(cluster, vm_state):
    """Refused with the request: nothing is reserved, sent or noted."""
    zero = make_flavor(cluster, "zero", disk=0, ram=4096)
    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    before, mark = (cluster.row(uuid), cluster.quota(), actions_of(cluster, uuid)), cluster.watch.mark()
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"resize": {"flavorRef": zero}})
    assert answer.status_int == 400
    assert answer.json["badRequest"]["message"] == (
        "Server disk was unable to be resized because: Resize to zero disk flavor is not allowed.")
    assert (cluster.row(uuid), cluster.quota(), actions_of(cluster, uuid)) == before
    assert cluster.watch.count("send migrate_server", mark) == 0


@pytest.mark.spec("12.3/46")
def test_a_server_without_a_disk_can_go_on_without_or_get_one(cluster):
    """That it is not refused is as important: only what a server has can be lost."""
    uuid = cluster.boot(make_flavor(cluster, "zero", disk=0))
    for flavor, disk_gb in ((make_flavor(cluster, "zero too", disk=0, ram=1024), 0), (SMALL, 20)):
        cluster.resize(uuid, flavor)
        cluster.confirm(uuid)
        assert (cluster.row(uuid).root_gb, cluster.held(uuid)[0][3]) == (disk_gb, disk_gb)


@pytest.mark.spec("12.3/46")
def test_a_smaller_disk_is_refused_with_the_request_when_the_image_needs_more(cluster):
    image = "a2459075-d96c-40d5-893e-577ff92e721c"
    cluster.db.write(images.create, image, "wide", 1000, 0, 10)
    uuid = cluster.boot(MEDIUM, imageRef=image)
    before = actions_of(cluster, uuid)
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"resize": {"flavorRef": TINY}})
    assert (answer.status_int, "disk is smaller" in answer.json["badRequest"]["message"]) == (400, True)
    assert (cluster.state(uuid), actions_of(cluster, uuid)) == (("active", None), before)
    cluster.resize(uuid, SMALL)


@pytest.mark.spec("12.3/46")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_a_smaller_disk_is_for_the_hypervisor_to_refuse(cluster, vm_state):
    """One that cannot do it says so before it touches anything; the server is as before, and the user is told."""
    uuid = cluster.boot(MEDIUM)
    if vm_state == "stopped":
        cluster.do(uuid, "stop")
    host = cluster.row(uuid).host
    cluster.faults.add({"at": "virt.migrate_disk_and_power_off", "do": {"refuse": "Resize to a smaller disk"},
                        "times": 1})
    request = cluster.resize(uuid, TINY, "compute_resize_instance failed")
    assert (cluster.state(uuid), cluster.fault(uuid)) == ((vm_state, None), "Resize to a smaller disk")
    assert cluster.record(uuid, request)["message"] == "Error"
    assert cluster.held(uuid) == [(host, 4096, 2, 40, False)]
    cluster.resize(uuid, TINY)
    cluster.confirm(uuid)
    assert cluster.held(uuid) == [(cluster.row(uuid).host, 512, 1, 1, False)], "one that can makes it smaller"


@pytest.mark.spec("12.3/47")
@pytest.mark.parametrize("fails", [False, True])
def test_a_migration_is_called_by_its_name(make_cluster, fails):
    """In the server's actions, in its move, and in what is written of it on the way; well ended or not."""
    cluster = make_cluster(hosts=1 if fails else 3)
    uuid = cluster.boot()
    for action, body in (("migrate", {"migrate": None}), ("resize", {"resize": {"flavorRef": MEDIUM}})):
        mark = cluster.watch.mark()
        request = cluster.act(uuid, body, "restored" if fails else WAITING, ADMIN)
        assert cluster.record(uuid, request)["action"] == action == actions_of(cluster, uuid)[0]
        cluster.watch.wait(f"{action} accepted", mark)
        if not fails:
            [move] = cluster.get(f"/os-migrations?instance_uuid={uuid}&status=finished", ADMIN, "2.59")["migrations"]
            assert move["migration_type"] == {"migrate": "migration", "resize": "resize"}[action]
            cluster.confirm(uuid)


@pytest.mark.spec("12.3/48", "5.3/private")
def test_a_private_flavor_is_for_those_who_have_it(cluster):
    """Not for those who know its name: neither at the creation, which the original checks, nor at a resize."""
    private = make_flavor(cluster, "private", ram=2048, **{"os-flavor-access:is_public": False})
    uuid = cluster.boot()

    def access(word, project):
        body = {word: {"tenant": project}}
        assert cluster.http("POST", f"/flavors/{private}/action", body, ADMIN).status_int == 200

    def refused():
        answer = cluster.http("POST", f"/servers/{uuid}/action", {"resize": {"flavorRef": private}})
        return answer.status_int, answer.json["badRequest"]["message"]

    missing = (400, f"Flavor {private} could not be found.")
    assert refused() == missing, "as if it did not exist"
    access("addTenantAccess", "others")
    assert refused() == missing
    access("addTenantAccess", "demo")
    cluster.resize(uuid, private)
    cluster.revert(uuid)
    access("removeTenantAccess", "demo")
    assert refused() == missing
    assert cluster.state(uuid) == ("active", None)
    cluster.act(uuid, {"resize": {"flavorRef": private}}, WAITING, ADMIN)
    cluster.confirm(uuid)
    cluster.migrate(uuid)
    assert cluster.row(uuid).flavor().name == "private", "what it has it keeps, wherever it goes"
