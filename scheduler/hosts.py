"""Keeps the columns of hosts current: a look at the database reads the rows that changed since the last look.

There are three kinds of look. A quick one before each decision reads changed rows only. About once a second a
wide one also reads heartbeats, and goes back far enough to see transactions that committed late. A full one reads
everything: at the start, when hosts came or went, when an aggregate changed, and every ``host_reread_interval``.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from oslo_config import cfg

from novasim.db import aggregates, fleet
from novasim.db import hosts as db_hosts
from novasim.db.engine import Database, Transaction
from novasim.objects import ComputeNode
from novasim.scheduler.columns import HostColumns
from novasim.sim.clock import Clock

WIDE_EVERY = 1.0                        # seconds
_QUICK_OVERLAP = timedelta(seconds=0.1)


@dataclass
class _Changes:
    """What a quick or wide look found."""

    began: datetime
    fleet: fleet.Changes
    heartbeats: list[tuple[str, datetime]]


def _read_changes(tx: Transaction, since: datetime, seen_since: datetime | None, tracked: bool) -> _Changes:
    """Read rows written at or after ``since``; heartbeats in a wide look only, servers where anybody asks for them."""
    return _Changes(
        tx.now, fleet.changes(tx, since, tracked),
        db_hosts.heartbeats(tx, db_hosts.COMPUTE, seen_since) if seen_since else [])


def _read_all(tx: Transaction, tracked: bool) -> tuple[datetime, Any, HostColumns]:
    stamp = aggregates.stamp(tx)
    nodes = db_hosts.nodes(tx)
    services = {service.host: service for service in db_hosts.services(tx, binary=db_hosts.COMPUTE)}
    columns = HostColumns(nodes, services, aggregates.list_all(tx), tx.now, tracked)
    if tracked:
        columns.write_residents(fleet.residents(tx))
    return tx.now, stamp, columns


class HostStates:
    """The fleet as one scheduler sees it: the database's rows, less the room it gave away since.

    :param tracked: whether to know which servers are on the hosts
    :param spacing: seconds for which a look may be used again; None: as configured
    """

    def __init__(self, conf: cfg.ConfigOpts, db: Database, clock: Clock, tracked: bool = False,
                 spacing: float | None = None):
        self._db = db
        self._clock = clock
        self._tracked = tracked
        self._spacing = conf.scheduler.host_refresh_spacing if spacing is None else spacing
        self._interval = conf.scheduler.host_reread_interval
        self._late = timedelta(seconds=conf.scheduler.late_commit_window)
        self._columns = HostColumns()
        self._columns_lock = threading.Lock()   # whoever holds it sees the columns stand still
        self._turn = threading.Lock()           # one look at a time; it does not keep decisions waiting
        self._looks = self._wide_looks = 0
        self._looked_at = self._wide_at = self._full_at = float("-inf")
        self._since = self._seen_since = datetime.min
        self._stamp: Any = None
        self._seen: set[Any] = set()

    @contextlib.contextmanager
    def held(self) -> Iterator[HostColumns]:
        """The columns, for one decision: nobody else reads or changes them meanwhile."""
        with self._columns_lock:
            self._columns.now = np.datetime64(self._clock.now(), "us")
            yield self._columns

    def refresh(self, wide: bool = False) -> None:
        """Take over what changed in the database, unless a look that began after this call already did.

        :param wide: look at heartbeats too, and do not make do with an older look
        """
        before = self._wide_looks if wide else self._looks
        with self._turn:
            if (self._wide_looks if wide else self._looks) > before:
                return
            began = self._clock.monotonic()
            if wide or began - self._looked_at >= self._spacing:
                self._look(began, wide)

    def _look(self, began: float, wide: bool) -> None:
        """One look. It is counted before it reads: who came later must not take it for his own."""
        full = began - self._full_at >= self._interval
        wide = wide or full or began - self._wide_at >= WIDE_EVERY
        self._looks += 1
        self._wide_looks += wide
        if full or not self._look_at_changes(wide):
            self._look_at_all()
            self._full_at = began
        if wide:
            self._wide_at = began
        self._looked_at = began

    def _look_at_changes(self, wide: bool) -> bool:
        """False when hosts came or went or an aggregate changed, so that all must be read."""
        changes = self._db.read(
            _read_changes, self._since - (self._late if wide else _QUICK_OVERLAP),
            self._seen_since - _QUICK_OVERLAP if wide else None, self._tracked)
        # What was the same at the last look is not looked at again.
        nodes = [fleet.node(row) for row in changes.fleet.nodes if row not in self._seen]
        if changes.fleet.stamp != self._stamp or self._came_or_went(nodes):
            return False
        self._seen = set(changes.fleet.nodes)
        with self._columns_lock:
            self._columns.write_nodes([node for node in nodes if not node.deleted])
            self._columns.write_services(changes.fleet.services)
            self._columns.write_heartbeats(changes.heartbeats)
            self._columns.write_residents(changes.fleet.servers)
        self._look_at_images()
        self._since = changes.began
        if wide:
            self._seen_since = changes.began
        return True

    def _came_or_went(self, nodes: list[ComputeNode]) -> bool:
        for node in nodes:
            row = self._columns.by_node.get((node.host, node.hypervisor_hostname))
            if row is None and not node.deleted:
                return True
            if row is not None and node.deleted and self._columns.node_id[row] == node.id:
                return True
        return False

    def _look_at_all(self) -> None:
        self._seen = set()
        self._since, self._stamp, columns = self._db.read(_read_all, self._tracked)
        self._seen_since = self._since
        with self._columns_lock:
            columns.keep_consumption(self._columns, self._since - self._late)
            self._columns = columns
        self._look_at_images()

    def _look_at_images(self) -> None:
        """Read the properties of images that no server had before."""
        residents = self._columns.residents
        unknown = residents.unknown_images()
        if unknown:
            found = self._db.read(db_hosts.image_properties, unknown)
            with self._columns_lock:
                residents.image_properties |= dict.fromkeys(unknown, {}) | found
