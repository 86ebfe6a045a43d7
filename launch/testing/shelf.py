"""Keeps what is dear to make between the tests of a process: databases with their tables and prepared statements, and
whole clusters that are reset instead of started.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from novasim.db import versioning
from novasim.db.engine import Database
from novasim.db.restore_point import RestorePoint
from novasim.launch import seed
from novasim.sim.clock import Clock, ManualClock
from novasim.testing.cluster import Cluster

Fill = Callable[[Database], object]
# Running clusters that wait for a test of their shape.
KEPT = 4
# What a cluster's end may take before it is not taken up again.
PATIENCE_S = 1.0


class _Ended:
    """In the place of the connections of a cluster that was given back while a thread of it still ran."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("the cluster of this database has ended")


class _Kept(Cluster):
    """A cluster of the shelf: what others are compared with that could take its place."""

    shape: Any


class Shelf:
    """Lends clusters and databases.

    :param directory: where they are
    """

    def __init__(self, directory: Path):
        self._directory = directory
        self._numbers = itertools.count(1)
        self._free: list[Database] = []
        self._whole: dict[int, Database] = {}
        self._restore_points: dict[Fill, RestorePoint] = {}
        self._idle: list[_Kept] = []

    def database(self, clock: Clock | None = None, fill: Fill = seed.seed) -> Database:
        """A SQLite database at the present schema, with what ``fill`` writes and nothing else.

        :param fill: it is called once, at the time at which manual clocks start
        """
        whole = self._free.pop() if self._free else Database(
            f"sqlite:///{self._directory}/{next(self._numbers)}.sqlite", Clock(), synchronous=False)
        if fill in self._restore_points:
            self._restore_points[fill].restore(whole)
        else:
            self._empty(whole)
            whole.clock = ManualClock()
            fill(whole)
            self._restore_points[fill] = RestorePoint(whole)
        lent = copy.copy(whole)
        lent.clock = clock or Clock()
        self._whole[id(lent)] = whole
        return lent

    def _empty(self, whole: Database) -> None:
        if versioning.upgrade in self._restore_points:
            self._restore_points[versioning.upgrade].restore(whole)
        else:
            versioning.upgrade(whole)
            self._restore_points[versioning.upgrade] = RestorePoint(whole)

    def give_back(self, lent: Database) -> None:
        """Take a database back; who still holds it can do nothing with it any more."""
        whole = self._whole.pop(id(lent))
        lent._writer = lent._reader = _Ended()  # type: ignore[assignment]
        lent._held = [_Ended()]  # type: ignore[list-item]
        self._free.append(whole)

    def cluster(self, hosts: int = 3, clock: Clock | None = None, **overrides: Any) -> Cluster:
        """A running cluster in which nothing has happened yet, from the shelf where there is one of that shape.

        :param clock: a cluster with a clock of its own is not used twice
        """
        shape = None if clock else (hosts, sorted(overrides.items()))
        for kept in self._idle if shape else ():
            if kept.shape == shape:
                self._idle.remove(kept)
                return kept
        where = self._directory / f"cluster-{next(self._numbers)}"
        cluster = _Kept(where, hosts, clock, self.database(clock), **overrides)
        cluster.shape = shape
        cluster.start()
        if shape:
            cluster.embedded.keep()
        return cluster

    def put_back(self, cluster: Cluster) -> None:
        """Reset a cluster for the next test; one that does not come to rest is ended."""
        if not cluster.reset(PATIENCE_S):
            self._end(cluster)
            return
        assert isinstance(cluster, _Kept)
        self._idle.append(cluster)
        if len(self._idle) > KEPT:
            self._end(self._idle.pop(0))

    def _end(self, cluster: Cluster) -> None:
        cluster.stop()
        self.give_back(cluster.db)

    def close(self) -> None:
        """End all that was lent."""
        for cluster in self._idle:
            self._end(cluster)
        self._idle.clear()
        for database in (*self._free, *self._whole.values()):
            database.close()
        for point in self._restore_points.values():
            point.close()
