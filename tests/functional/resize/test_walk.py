"""The seed's own walk: every hop of a resize, a confirm, a revert and a migration, as the journal tells it.

The lists are complete: a message more, a message less, another version or order is a failure. The second half reads
the rows behind each step at the moment it is told: states, host, flavor, claims and quota.
"""

import pytest
from cluster_fixture import ADMIN, DEADLINE_S

from novasim import states
from novasim.db import migrations
from novasim.rpc.sim_driver import Bus

DETAILS = ("vm_state", "task_state", "migration_status")

MOVE = [
    "api: cast migrate_server 1.6 -> conductor",
    "conductor: takes migrate_server (cast)",
    "conductor: call select_destinations 3.1 -> scheduler",
    "scheduler: takes select_destinations (call)",
    "scheduler: select_destinations",
    "conductor: chose DST | active resize_prep",
    "conductor: cast prep_resize 3.25 -> compute DST",
    "compute DST: takes prep_resize (cast)",
    "compute DST: prep_resize | active resize_prep pre-migrating",
    "compute DST: cast resize_instance 3.0 -> compute SRC",
    "compute SRC: takes resize_instance (cast)",
    "compute SRC: powering off and moving | active resize_migrating migrating",
    "compute SRC: disks moved | active resize_migrated post-migrating",
    "compute SRC: cast finish_resize 3.0 -> compute DST",
    "compute DST: takes finish_resize (cast)",
    "compute DST: starting on destination | active resize_finish post-migrating",
    "compute DST: waiting for confirm or revert | resized - finished",
]
RESIZE = ["api: resize accepted | active resize_prep", *MOVE]
MIGRATE = ["api: migrate accepted | active resize_prep", *MOVE]
CONFIRM = [
    "api: confirmResize accepted | resized confirming",
    "api: cast confirm_resize 3.0 -> compute SRC",
    "compute SRC: takes confirm_resize (cast)",
    "compute SRC: confirmed | active - confirmed",
]
REVERT = [
    "api: revertResize accepted | resized resize_reverting reverting",
    "api: cast revert_resize 3.0 -> compute DST",
    "compute DST: takes revert_resize (cast)",
    "compute DST: destination removed | resized resize_reverting reverting",
    "compute DST: cast finish_revert_resize 3.0 -> compute SRC",
    "compute SRC: takes finish_revert_resize (cast)",
    "compute SRC: reverted | active - reverted",
]


class Walk:
    """Tells hops of one server, its two hosts by the parts that they play."""

    def __init__(self, cluster, source, destination):
        self._cluster, self._roles = cluster, {source: "SRC", destination: "DST"}

    def told(self, request):
        """What the REST API says of a request, a line a hop."""
        hops = self._cluster.get(f"/os-simulator/journal?request_id={request}", ADMIN)["hops"]
        return [self._line(hop) for hop in hops]

    def role(self, host):
        return self._roles.get(host, host)

    def _line(self, hop):
        who = " ".join(filter(None, (hop["service"], self.role(hop["host"]))))
        if hop["what"].startswith("send "):
            where = " ".join(filter(None, (hop["topic"], self.role(hop.get("server")))))
            return f"{who}: {hop['kind']} {hop['method']} {hop['version']} -> {where}"
        if hop["what"].startswith("receive "):
            return f"{who}: takes {hop['method']} ({hop['kind']})"
        what = " ".join(self.role(word) for word in hop["what"].split())
        after = " ".join(hop[name] for name in DETAILS if hop.get(name))
        return f"{who}: {what} | {after}" if after else f"{who}: {what}"


def moved(cluster, act):
    """A server that was moved, the request that did it, and its walk."""
    uuid = cluster.boot()
    request = act(uuid)
    move = cluster.move(uuid)
    return uuid, request, Walk(cluster, move.source_compute, move.dest_compute)


@pytest.mark.spec("S2", "S22", "4.2/migrate_server", "4.2/prep_resize")
def test_every_hop_of_a_resize_and_its_confirm(cluster):
    uuid, request, walk = moved(cluster, cluster.resize)
    assert walk.told(request) == RESIZE
    assert walk.told(cluster.confirm(uuid)) == CONFIRM


def test_every_hop_of_a_migration_and_its_revert(cluster):
    uuid, request, walk = moved(cluster, cluster.migrate)
    assert walk.told(request) == MIGRATE
    assert walk.told(cluster.revert(uuid)) == REVERT


class Rows:
    """What the rows of a server say at the moment each step is told, before the next message goes out."""

    def __init__(self, cluster, uuid):
        self._cluster, self._uuid = cluster, uuid
        self._source = cluster.row(uuid).host
        self.steps = []
        self.close = cluster.ground.journal.subscribe(self._note)

    def _note(self, hop):
        if hop.get("instance_uuid") == self._uuid and "vm_state" in hop:
            self.steps.append((hop["what"], *self._read()))

    def _read(self):
        row = self._cluster.row(self._uuid)
        move = self._cluster.db.read(migrations.list_page, {"instance_uuid": self._uuid}, newest_first=True)
        status = "-" if not move else move[0].status + (f" ({move[0].step})" if move[0].step else "")
        claims = {self._role(host): memory for host, memory, *_ in self._cluster.held(self._uuid)}
        used, reserved = self._cluster.quota()["ram"]
        return (f"{row.vm_state}/{row.task_state or '-'}", status, self._role(row.host), row.memory_mb, claims, used,
                reserved)

    def _role(self, host):
        return "SRC" if host == self._source else "DST"


SRC, BOTH, DST = {"SRC": 512}, {"SRC": 512, "DST": 2048}, {"DST": 2048}
GOING = [
    ("resize accepted", "active/resize_prep", "-", "SRC", 512, SRC, 512, 1536),
    ("chose", "active/resize_prep", "-", "SRC", 512, SRC, 512, 1536),
    ("prep_resize", "active/resize_prep", "pre-migrating", "SRC", 512, BOTH, 512, 1536),
    ("powering off and moving", "active/resize_migrating", "migrating", "SRC", 512, BOTH, 512, 1536),
    ("disks moved", "active/resize_migrated", "post-migrating", "DST", 512, BOTH, 512, 1536),
    ("starting on destination", "active/resize_finish", "post-migrating (finishing)", "DST", 2048, BOTH, 512, 1536),
    ("waiting for confirm or revert", "resized/-", "finished", "DST", 2048, BOTH, 2048, 0),
]
STAYING = [
    ("confirmResize accepted", "resized/-", "confirming", "DST", 2048, BOTH, 2048, 0),
    ("confirmed", "active/-", "confirmed", "DST", 2048, DST, 2048, 0),
]
RETURNING = [
    ("revertResize accepted", "resized/resize_reverting", "reverting", "DST", 2048, BOTH, 2048, 0),
    ("destination removed", "resized/resize_reverting", "reverting (dest-done)", "DST", 2048, BOTH, 2048, 0),
    ("reverted", "active/-", "reverted", "SRC", 512, SRC, 512, 0),
]


@pytest.mark.parametrize(("word", "end"), [("confirm", STAYING), ("revert", RETURNING)])
def test_the_rows_after_every_hop(cluster, word, end):
    uuid = cluster.boot()
    rows = Rows(cluster, uuid)
    for action in ("resize", word):
        cluster.begin(uuid, action)
        assert Bus.of(cluster.conf.transport_url).wait_idle(DEADLINE_S)
    rows.close()
    told = [(what.partition(" cmp-")[0], *row) for what, *row in rows.steps]
    assert told == GOING + end
    assert cluster.state(uuid) == (states.ACTIVE, None)
