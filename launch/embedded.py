"""The whole cluster in one process: all services on one ground, with the bus sim:// between them.

It is what ``novasim up`` runs by default, and what functional tests start in one line.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from oslo_config import cfg

from novasim.db import hosts as db_hosts
from novasim.db import versioning
from novasim.db.engine import Database, Transaction
from novasim.db.restore_point import RestorePoint
from novasim.launch import api, compute, conductor, scheduler, seed, wiring
from novasim.launch.fault_book import FaultBook
from novasim.launch.running import Running
from novasim.rpc.sim_driver import Bus
from novasim.sim.clock import Clock


class EmbeddedCluster:
    """A cluster in this process; a context manager.

    :param state_dir: where all of it lives; a cluster with the same directory is the same cluster
    :param hosts: how many compute hosts, at least; None: those it has
    :param overrides: ``{"section.option": value}``
    :param database: one that somebody else closes, which is the one that the configuration names
    :param kill: ends the process that the cluster has to itself, as a fault rule may want; None: no rule may
    """

    def __init__(self, state_dir: Path, hosts: int | None = 3, overrides: Mapping[str, Any] | None = None,
                 clock: Clock | None = None, conf: cfg.ConfigOpts | None = None, database: Database | None = None,
                 kill: Callable[[], object] | None = None):
        self.conf = conf or wiring.build_config(overrides={
            "state_path": str(state_dir), "transport_url": wiring.bus_url(), "api.listen_port": 0, **(overrides or {})})
        self._url = self.conf.transport_url
        self._clock = clock or Clock()
        self._hosts = hosts
        self._database = database
        self._kill = kill
        self._restore_point: RestorePoint | None = None
        self._services: list[Running] = []
        self._stops = contextlib.ExitStack()
        self.agents: Any = None

    def start(self) -> EmbeddedCluster:
        """Bring the database up to date and start every service; all or nothing."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        # Stopped in the other order: first what lets work in.
        self._stops.callback(Bus.forget, self._url)
        self._stops.callback(lambda: self.agents is not None and self.agents.driver.close())
        Path(self.conf.state_path).mkdir(parents=True, exist_ok=True)
        self.ground = wiring.Ground(self.conf, "cluster", self._clock, self._database)
        self.ground.faults.kill = self._kill
        self._stops.callback(self.ground.close)
        versioning.upgrade(self.ground.db)
        seed.seed(self.ground.db)
        self.faults = FaultBook(self.ground)
        self.faults.listen()
        self.hosts = seed.machines(self.ground.db, self.conf.profile, self._hosts)
        self.orchestrator = self._run(conductor.start).facts["orchestrator"]
        self._run(scheduler.start)
        self.conf.set_override("host", seed.FLEET)
        self.agents = self._run(compute.start).facts["agents"]
        self.conf.clear_override("host")
        facts = self._run(api.start).facts
        self.endpoint: str = facts["endpoint"]
        self.app = facts["app"]
        self.app.faults = self.faults

    def _run(self, start: Callable[[wiring.Ground], Running]) -> Running:
        running = start(self.ground)
        self._stops.callback(running.stop)
        self._services.append(running)
        return running

    def keep(self) -> None:
        """What the database holds now is what a reset brings back; on SQLite only."""
        self._drop_restore_point()
        self._restore_point = RestorePoint(self.ground.db)
        self._stops.callback(self._drop_restore_point)

    def _drop_restore_point(self) -> None:
        if self._restore_point is not None:
            self._restore_point.close()
            self._restore_point = None

    def reset(self, patience_s: float = 0) -> bool:
        """Make the cluster as it was when it was kept, its services running all along.

        :param patience_s: how long to wait for the end of what is under way
        :returns: False when something still is; then only fault rules are gone
        """
        if self._restore_point is None:
            return False
        bus, ground = Bus.of(self._url), self.ground
        # What hangs because of a rule goes on.
        ground.faults.clear()
        if not bus.wait_idle(patience_s):
            return False
        bus.clear()
        ground.chance.rewind()
        self._restore_point.restore(ground.db)
        for running in self._services:
            running.forget()
        ground.db.write(_all_alive)
        ground.journal.clear()
        return True

    def stop(self) -> None:
        """End every service, whatever the end of another one raises. Stopping twice does no harm."""
        self._stops.close()

    def __enter__(self) -> EmbeddedCluster:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _all_alive(tx: Transaction) -> None:
    """Heartbeats of all services: those that a database was restored with may be old."""
    hosts = collections.defaultdict(list)
    for one in db_hosts.services(tx):
        hosts[one.binary].append(one.host)
    for binary, names in hosts.items():
        db_hosts.heartbeat(tx, names, binary)
