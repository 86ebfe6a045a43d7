"""What every record holds after each hop of a move, not only at its rests: the tables of spec 2.4, 1.6 and 8.8.

A picture is taken within the hop itself, before it hands over, so that no later one can blur it.
"""

from typing import Any, NamedTuple

import pytest
from cluster_fixture import MEDIUM, SMALL, TINY, Watch

from novasim import states
from novasim.db import migrations

SIZES = {TINY: (512, 1, 1), SMALL: (2048, 1, 20), MEDIUM: (4096, 2, 40)}
NAMES = {TINY: "m1.tiny", SMALL: "m1.small", MEDIUM: "m1.medium"}
RUNS, OFF = states.RUNNING, states.SHUTDOWN
SRC, DST, BOTH = "source", "destination", "source destination"
OLD, NEW = "old", "new"
MOVES = [(TINY, MEDIUM), (MEDIUM, TINY), (SMALL, SMALL)]


class Picture(NamedTuple):
    """One moment; OLD and NEW name flavors, SRC and DST hosts."""
    task: str | None
    status: str | None
    written_on: str | None      # the host whose hop it was; None: the API
    host: str
    columns: str
    stash: tuple[str, str | None, str | None]       # flavors in system metadata: current, old_, new_
    claims: str                 # where there is one; the source's is of the old flavor, the destination's of the new
    guest: str | None           # where the guest is
    backup: str | None = None   # where the copy for a revert is


RESIZE = {
    "resize accepted": Picture("resize_prep", None, None, SRC, OLD, (OLD, None, None), SRC, SRC),
    "prep_resize": Picture("resize_prep", "pre-migrating", DST, SRC, OLD, (OLD, None, NEW), BOTH, SRC),
    "powering off and moving": Picture("resize_migrating", "migrating", SRC, SRC, OLD, (OLD, None, NEW), BOTH, SRC),
    "disks moved": Picture("resize_migrated", "post-migrating", SRC, DST, OLD, (OLD, None, NEW), BOTH, None, SRC),
    "starting on destination": Picture("resize_finish", "post-migrating", DST, DST, NEW, (NEW, OLD, NEW), BOTH, None,
                                       SRC),
    "waiting for confirm or revert": Picture(None, "finished", DST, DST, NEW, (NEW, OLD, NEW), BOTH, DST, SRC)}
CONFIRM = {
    "confirmResize accepted": Picture(None, "confirming", None, DST, NEW, (NEW, OLD, NEW), BOTH, DST, SRC),
    "confirmed": Picture(None, "confirmed", SRC, DST, NEW, (NEW, None, None), DST, DST)}
REVERT = {
    "revertResize accepted": Picture("resize_reverting", "reverting", None, DST, NEW, (NEW, OLD, NEW), BOTH, DST, SRC),
    "destination removed": Picture("resize_reverting", "reverting", DST, DST, NEW, (NEW, OLD, NEW), BOTH, None, SRC),
    "reverted": Picture(None, "reverted", SRC, SRC, OLD, (OLD, None, None), SRC, SRC)}


class Gallery(Watch):
    """Takes down what all records hold at each hop of a server, and lets nobody go on before."""

    def __init__(self, cluster: Any):
        self._cluster, self.taken = cluster, {}
        super().__init__(cluster.ground.journal)

    def _note(self, hop: dict[str, Any]) -> None:
        what, uuid = hop["what"].replace("migrate accepted", "resize accepted"), hop.get("instance_uuid")
        if what in RESIZE | CONFIRM | REVERT:
            cluster, row = self._cluster, self._cluster.row(uuid)
            moves = cluster.db.read(migrations.list_page, {"instance_uuid": uuid}, newest_first=True)
            self.taken[what] = {
                "hop": hop, "row": row, "move": moves[0] if moves else None, "stash": cluster.snapshots(uuid),
                "held": cluster.held(uuid), "guests": cluster.guests(uuid), "quota": cluster.quota(),
                "audit": cluster.audit()}
        super()._note(hop)


def check(taken: dict[str, Any], told: Picture, old: str, new: str, vm_state: str, hosts: dict[str, str]) -> None:
    flavors, row, move = {OLD: old, NEW: new, None: None}, taken["row"], taken["move"]
    assert row.task_state == told.task
    assert (None if move is None else move.status) == told.status
    assert taken["hop"]["host"] == hosts.get(told.written_on, "")
    assert (row.host, row.node) == (hosts[told.host], hosts[told.host])
    columns = flavors[told.columns]
    assert (row.memory_mb, row.vcpus, row.root_gb) == SIZES[columns]
    if move is not None:
        assert row.instance_type_id == (move.new_instance_type_id if told.columns == NEW else move.old_instance_type_id)
    current, stashed_old, stashed_new = (NAMES.get(flavors[name]) for name in told.stash)
    assert taken["stash"] == {"": current, "old_": stashed_old, "new_": stashed_new,
                              "old_vm_state": vm_state if told.stash[2] else None}
    at_rest = told.status in (None, "confirmed", "reverted")
    # The claim of a move is the one on its destination, until that is where the server is at rest.
    claims = {SRC: (hosts[SRC], *SIZES[old], False), DST: (hosts[DST], *SIZES[new], not at_rest)}
    assert taken["held"] == sorted(claims[where] for where in told.claims.split())
    power = RUNS if vm_state == "active" else OFF
    assert taken["guests"] == (({(hosts[told.guest], "guest"): power} if told.guest else {})
                               | ({(hosts[told.backup], "backup"): OFF} if told.backup else {}))
    assert taken["audit"] == []


def play(cluster: Any, old: str, new: str, vm_state: str, ends: dict[str, Picture]) -> dict[str, Any]:
    """A whole move, with each of its hops compared; returns what was taken down."""
    uuid = cluster.boot(old) if vm_state == "active" else cluster.stopped(old)
    gallery = Gallery(cluster)
    source = cluster.row(uuid).host
    cluster.migrate(uuid) if old == new else cluster.resize(uuid, new)
    gallery.wait("waiting for confirm or revert", instance_uuid=uuid)
    hosts = {SRC: source, DST: cluster.row(uuid).host}
    assert hosts[SRC] != hosts[DST]
    last = list(ends)[-1]
    cluster.confirm(uuid) if ends is CONFIRM else cluster.revert(uuid)
    gallery.wait(last, instance_uuid=uuid)
    gallery.close()
    for what, told in (RESIZE | ends).items():
        check(gallery.taken[what], told, old, new, vm_state, hosts)
        between = what in list(RESIZE)[:-1] or what == last
        assert gallery.taken[what]["row"].vm_state == (vm_state if between else "resized"), what
    cluster.delete(uuid)
    return gallery.taken


@pytest.mark.spec("2.4/after-api", "2.4/after-prep", "2.4/resize-instance-start", "2.4/resize-instance-end",
                  "2.4/finish-start", "2.4/finish-cold-migrate", "2.4/during-finish", "2.4/verify-resize",
                  "2.4/confirm-requested", "2.4/confirmed", "2.4/revert-requested", "2.4/reverted",
                  "2.6/pre-migrating", "2.6/migrating", "2.6/post-migrating", "2.6/finished", "2.6/confirming",
                  "2.6/confirmed", "2.6/reverting", "2.6/reverted", "S1", "S2", "S3", "8.2/5", "8.3/3-4", "8.3/7",
                  "8.3/10-11", "8.4/2-3", "8.4/7", "8.4/10", "8.4/11-12", "8.6/destroy", "8.8/4", "8.8/5",
                  "8.8/phase-prep", "8.8/phase-claimed", "8.8/phase-migrating", "8.8/phase-post-migrating",
                  "8.8/phase-finished", "8.8/phase-confirmed", "8.8/phase-reverting", "8.8/phase-reverted",
                  "12.2/16", "12.2/17", "12.2/24", "12.2/25", "12.2/38", "12.4/2", "12.4/6", "12.4/7")
@pytest.mark.parametrize(("old", "new"), MOVES)
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
@pytest.mark.parametrize("ends", [CONFIRM, REVERT], ids=["confirm", "revert"])
def test_every_record_at_every_hop(cluster, old, new, vm_state, ends):
    play(cluster, old, new, vm_state, ends)


@pytest.mark.spec("S10", "5.5/save", "8.2/1", "8.9/get_host_ip_addr", "8.3/1-2", "8.4/11-12")
def test_the_columns_beside_the_states(make_cluster):
    """progress, launched_at, the ends of the move and its address, the flavor ids."""
    cluster = make_cluster(my_ip="192.0.2.7")
    uuid = cluster.boot()
    booted = cluster.row(uuid)
    gallery = Gallery(cluster)
    cluster.resize(uuid, MEDIUM)
    gallery.wait("waiting for confirm or revert")
    gallery.close()
    accepted, finished = gallery.taken["resize accepted"]["row"], gallery.taken["waiting for confirm or revert"]["row"]
    assert (accepted.progress, accepted.launched_at) == (0, booted.launched_at)
    assert finished.launched_at > booted.launched_at
    move = cluster.move(uuid)
    assert (move.dest_compute, move.dest_node, move.dest_host) == (finished.host, finished.node, "192.0.2.7")
    assert (move.source_compute, move.source_node) == (booted.host, booted.node)
    assert (move.old_instance_type_id, move.new_instance_type_id) == (booted.instance_type_id,
                                                                      finished.instance_type_id)
    asked = cluster.watch.wait("send prep_resize")[0]
    assert asked["server"] == move.dest_compute
