"""Room on both hosts of a move, whatever is done and looked at meanwhile (spec 12.2 #22-#26, #36, #38; 12.4 #2).

The clusters are checked: after each transaction the claims of every server are compared with what it is and with its
move, and the sums of every host with its claims. What is left to show here is that audits, failures and old moves in
between change nothing of that."""

import pytest
from cluster_fixture import MEDIUM, TINY
from holding import Held

from novasim.compute import tracker
from novasim.db import hosts, migrations

SIZES = {TINY: (512, 1, 1), MEDIUM: (4096, 2, 40)}
NOTHING = (0, 0, 0)
# verb of the hypervisors -> what is asked for when it runs
HOPS = {"migrate_disk_and_power_off": "resize", "finish_migration": "resize", "confirm_migration": "confirm",
        "destroy": "revert", "finish_revert_migration": "revert"}
ENDS = {"resize": "waiting for confirm or revert", "confirm": "confirmed", "revert": "reverted"}


@pytest.fixture
def checked(make_cluster):
    return make_cluster(checked=True, update_resources_interval=-1)


def used(cluster, host):
    """(MB, vCPUs, GB) of a host without its reserve."""
    node, kept = cluster.db.read(hosts.nodes, host)[0], cluster.agents.reserved
    return (node.memory_mb_used - kept["memory_mb"], node.vcpus_used - kept["vcpus"],
            node.local_gb_used - kept["disk_gb"])


@pytest.mark.spec("12.2/23", "12.2/24", "12.2/25", "12.2/38", "12.4/2")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("verb", HOPS)
@pytest.mark.parametrize(("old", "new"), [(TINY, MEDIUM), (MEDIUM, TINY)], ids=["up", "down"])
def test_an_audit_in_the_middle(checked, monkeypatch, verb, after, old, new):
    """It finds nothing to correct, both hosts hold what they need, and the drop at the end is exact: what is dropped is
    named by its migration, whether or not an audit has run."""
    word = HOPS[verb]
    uuid = checked.boot(old)
    source = checked.row(uuid).host
    if word != "resize":
        checked.resize(uuid, new)
    held = Held(monkeypatch, checked, verb, after)
    mark = checked.watch.mark()
    checked.action(uuid, {"resize": {"flavorRef": new}}) if word == "resize" else checked.begin(uuid, word)
    held.wait()
    dest = checked.move(uuid).dest_compute
    assert tracker.audit(checked.agents) == []
    assert (used(checked, source), used(checked, dest)) == (SIZES[old], SIZES[new])
    held.release()
    checked.watch.wait(ENDS[word], mark, instance_uuid=uuid)
    assert tracker.audit(checked.agents) == []
    assert (used(checked, source), used(checked, dest)) == {
        "resize": (SIZES[old], SIZES[new]), "confirm": (NOTHING, SIZES[new]),
        "revert": (SIZES[old], NOTHING)}[word]


@pytest.mark.spec("12.2/24", "12.4/2")
@pytest.mark.parametrize("word", ["confirm", "revert"])
def test_an_audit_at_every_transaction(checked, monkeypatch, word):
    """Nobody ever finds the status of a move without what belongs to it: no audit has anything to correct."""
    real, off = checked.db.write, []

    def write(function, *args, **kwargs):
        result = real(function, *args, **kwargs)
        with monkeypatch.context() as quiet:
            quiet.setattr(checked.db, "write", real)
            off.extend(tracker.audit(checked.agents))
        return result

    uuid = checked.boot()
    checked.resize(uuid, MEDIUM)
    monkeypatch.setattr(checked.db, "write", write)
    checked.do(uuid, word)
    monkeypatch.undo()
    assert off == []
    assert checked.checker.looks > 10


@pytest.mark.spec("12.2/25", "12.2/38")
def test_the_way_back_is_kept_free(make_cluster):
    """Room on the source is the server's until it is confirmed: nobody else gets it, at no step."""
    cluster = make_cluster(hosts=2, checked=True, reserved_host_memory_mb=0, profile="small")
    node = cluster.db.read(hosts.nodes, "cmp-0001")[0]
    big = str(cluster.http("POST", "/flavors", {"flavor": {
        "name": "whole", "id": "whole", "ram": node.memory_mb, "vcpus": 1, "disk": 1}}, "admin:admin").json[
            "flavor"]["id"])
    cluster.http("PUT", "/os-quota-sets/demo", {"quota_set": {"ram": -1, "cores": -1}}, "admin:admin")
    uuid = cluster.boot(big)
    source = cluster.row(uuid).host
    filled = []

    def fill(hop):
        """At each step somebody wants the room."""
        if hop.get("instance_uuid") == uuid and hop["what"] in STEPS and hop["what"] not in filled:
            filled.append(hop["what"])
            cluster.create(big)

    stop = cluster.ground.journal.subscribe(fill)
    cluster.migrate(uuid)
    cluster.revert(uuid)
    stop()
    assert set(filled) >= {"disks moved", "waiting for confirm or revert", "destination removed"}
    assert cluster.row(uuid).host == source
    # Of those who wanted it, none is on the source, and the one that came after the revert may have the destination.
    others = [one["id"] for one in cluster.get("/servers")["servers"] if one["id"] != uuid]
    for other in others:
        cluster.watch.wait_any(("build failed", "built"), 0)
        assert cluster.row(other).host != source


STEPS = {"disks moved", "waiting for confirm or revert", "destination removed", "powering off and moving"}


@pytest.mark.spec("12.2/26")
def test_old_moves_do_not_count(checked):
    """Moves in error hold no room, and those of a deleted server neither."""
    uuid = checked.boot()
    for verb in ("migrate_disk_and_power_off", "finish_migration"):
        checked.faults.add({"at": f"virt.{verb}", "do": {"raise": "broken"}, "times": 1})
        hop = {"migrate_disk_and_power_off": "compute_resize_instance", "finish_migration": "compute_finish_resize"}
        checked.resize(uuid, MEDIUM, until=f"{hop[verb]} failed")
        checked.action(uuid, {"os-resetState": {"state": "active"}}, "admin:admin")
        assert [used(checked, host) for host in checked.agents.hosts].count(NOTHING) == 2
    moves = checked.db.read(migrations.list_page, {"instance_uuid": uuid})
    assert [move.status for move in moves] == ["error", "error"]
    assert checked.db.read(migrations.in_progress, uuid) is None
    checked.delete(uuid)
    assert [used(checked, host) for host in checked.agents.hosts] == [NOTHING] * 3


@pytest.mark.spec("12.2/26")
def test_the_message_of_an_old_move_starts_no_new_one(checked, monkeypatch):
    """What belongs to a move is found by the move's id, never by 'the' move of its server."""
    from holding import Kept
    uuid = checked.boot()
    with monkeypatch.context() as keeping:
        kept = Kept(keeping, checked.agents.compute, "finish_resize")
        checked.begin(uuid, "resize")
        kept.wait()
        old = checked.move(uuid)
    checked.act(uuid, {"os-resetState": {"state": "active"}}, "guest put back", "admin:admin")
    assert (checked.move(uuid).status, checked.row(uuid).host) == ("error", old.source_compute)
    checked.faults.add({"at": "rpc.send", "match": {"method": "finish_resize"}, "do": "drop", "times": 1})
    mark = checked.watch.mark()
    checked.begin(uuid, "resize")
    checked.watch.wait("send finish_resize", mark)
    mark = checked.watch.mark()
    kept.send()
    checked.watch.wait("receive finish_resize", mark)
    checked.restart()
    now = checked.move(uuid)
    assert now.id != old.id
    if now.status != "finished":
        checked.watch.wait("waiting for confirm or revert")
    assert checked.db.read(migrations.get, old.id).status == "error"
