"""Sees at every transaction and every hop of a cluster that what must hold at any instant does (spec 12.4)."""

from __future__ import annotations

import threading
from typing import Any

from novasim import states
from novasim.db import instance_pages, migrations
from novasim.launch import audit
from novasim.objects import Instance, Migration

# What host a server may change to, by the status of its newest move: the destination's, or its source's again.
TO_DESTINATION = {states.POST_MIGRATING, states.FINISHED, states.CONFIRMING, states.CONFIRMED, states.COMPLETED,
                  states.REVERTING, states.PRE_MIGRATING, states.DONE}
TO_SOURCE = {states.REVERTED, states.MIG_ERROR, states.CANCELLED, states.FAILED}
AFTER_FAILURE = {states.RESIZE_PREP, states.RESIZE_MIGRATING, states.RESIZE_MIGRATED, states.RESIZE_FINISH,
                 states.RESIZE_REVERTING}


def reachable(kind: str, status: str) -> set[str]:
    """Where a move may be some steps later; several may pass between two looks."""
    found, new = {status, states.MIG_ERROR}, {status}
    while new:
        new = {later for one in new for later in states.FLOWS[kind].get(one, ())} - found
        found |= new
    return found


class Checker:
    """Watches a cluster from its start on; ``findings`` should stay empty.

    :param database: its database; what is written from now on is looked at
    """

    def __init__(self, conf: Any, database: Any, journal: Any):
        self.findings: list[str] = []
        self.looks = 0
        self._conf, self._database = conf, database
        self._lock = threading.Lock()
        self._moves: dict[int, Migration] = {}
        self._before: dict[int, str | None] = {}
        self._servers: dict[str, Instance] = {}
        self._write = database.write
        database.write = self._write_and_look
        self._deaf = journal.subscribe(lambda hop: self.look(hop["what"]))

    def close(self) -> None:
        """Look no more."""
        self._deaf()
        self._database.write = self._write

    def _write_and_look(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        result = self._write(function, *args, **kwargs)
        self.look(getattr(function, "__qualname__", repr(function)))
        return result

    def look(self, after: str) -> None:
        """One look; looks come one after the other, so what they see does too."""
        with self._lock:
            self.looks += 1
            found = audit.run(self._conf, self._database, at_rest=False)
            servers, moves = self._database.snapshot(
                lambda tx: (instance_pages.all_live(tx), migrations.list_page(tx, {})))
            for move in moves:
                found += self._along(move)
            now = {server.uuid: server for server in servers}
            newest = {move.instance_uuid: move for move in moves}
            for server in servers:
                found += self._host(server, newest.get(server.uuid))
            for move in moves:
                found += self._failed(move, now.get(move.instance_uuid))
            self._servers, self._moves = now, {move.id: move for move in moves}
            self.findings += [f"after {after}: {finding}" for finding in found]

    def _along(self, move: Migration) -> list[str]:
        """Invariant 5."""
        before = self._moves.get(move.id)
        if before is None or move.status in reachable(move.migration_type, before.status):
            return []
        return [f"move {move.id} went from {before.status} to {move.status}"]

    def _host(self, server: Instance, move: Migration | None) -> list[str]:
        """Invariant 6."""
        before = self._servers.get(server.uuid)
        if before is None or None in (before.host, server.host) or before.host == server.host:
            return []
        if move is not None and (
                (server.host == move.dest_compute and move.status in TO_DESTINATION)
                or (server.host == move.source_compute and move.status in TO_SOURCE)):
            return []
        return [f"server {server.uuid} went from {before.host} to {server.host} without a move"]

    def _failed(self, move: Migration, server: Instance | None) -> list[str]:
        """Invariant 8."""
        if server is None:
            return []
        if move.id not in self._moves:
            self._before[move.id] = server.vm_state
        if move.status != states.MIG_ERROR or self._moves.get(move.id, move).status == states.MIG_ERROR:
            return []
        allowed = {self._before[move.id], states.ERROR, states.ACTIVE}
        if server.task_state in AFTER_FAILURE or server.vm_state not in allowed:
            return [f"move {move.id} failed, server {server.uuid} is {server.vm_state}/{server.task_state}"]
        return []
