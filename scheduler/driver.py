"""How a request becomes a list of hosts. ``[scheduler] driver`` names the one in use (spec 7.1, 7.10)."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from oslo_config import cfg
from oslo_log import log as logging

from novasim import exceptions
from novasim.config import down_after
from novasim.db import hosts as db_hosts
from novasim.db.engine import Database
from novasim.objects import Selection
from novasim.scheduler.decisions import Recorder
from novasim.scheduler.hosts import HostStates
from novasim.scheduler.pipeline import Decision, Pipeline
from novasim.scheduler.plugins import find
from novasim.scheduler.request import HOST_HINTS, Request, parse
from novasim.sim.chance import Chance
from novasim.sim.clock import Clock

LOG = logging.getLogger(__name__)
NAMESPACE = "novasim.scheduler.drivers"


class Driver(Protocol):
    """What a scheduler's endpoint needs.

    :ivar recorder: who is to be told of each decision; set after the driver is made. A driver that decides without
        filters and weighers has nothing to tell.
    """

    recorder: Recorder | None

    def select_destinations(self, request_spec: dict[str, Any], filter_properties: dict[str, Any],
                            return_alternates: bool = False) -> list[Selection]:
        """A host for each server of the request (spec 7.1).

        :param return_alternates: say too which hosts are to be tried after it, ``[scheduler] max_attempts`` in all
        :raises NoValidHost: with the reason
        """


class FilterScheduler:
    """Filters, weighs, and takes the best."""

    recorder: Recorder | None = None

    def __init__(self, conf: cfg.ConfigOpts, db: Database, clock: Clock, chance: Chance):
        self._db = db
        self._pipeline = Pipeline.configured(conf, chance.stream("scheduler"))
        self._spare = conf.scheduler.max_attempts - 1
        self.hosts = self._fleet(conf, db, clock)

    def _fleet(self, conf: cfg.ConfigOpts, db: Database, clock: Clock) -> HostStates:
        return HostStates(conf, db, clock, self._pipeline.needs_residents)

    def select_destinations(self, request_spec: dict[str, Any], filter_properties: dict[str, Any],
                            return_alternates: bool = False) -> list[Selection]:
        """See :class:`Driver`.

        :raises Invalid: when the request says too little
        """
        decision = self.decide(parse(request_spec, filter_properties), self._spare if return_alternates else 0)
        LOG.debug("servers %s: chosen %s of %d, dropped %s", decision.spec.instance_uuids,
                  [chosen.host for chosen in decision.selections], decision.candidates, decision.dropped)
        if self.recorder is not None:
            self.recorder.write(decision)
        decision.raise_if_rejected()
        return decision.selections

    def decide(self, spec: Request, spare: int = 0) -> Decision:
        """The verdict and what led to it; nobody is refused before heartbeats are looked at.

        :param spare: how many alternates are wanted
        """
        self._look_up_hints(spec)
        self.hosts.refresh()
        decision = self._decide(spec, spare)
        if decision.rejected is not None:
            self.hosts.refresh(wide=True)
            decision = self._decide(spec, spare)
        return decision

    def _decide(self, spec: Request, spare: int) -> Decision:
        with self.hosts.held() as columns:
            return self._pipeline.decide(columns, spec, self.recorder.witness if self.recorder else None, spare)

    def _look_up_hints(self, spec: Request) -> None:
        uuids = [uuid for hint in HOST_HINTS for uuid in spec.hinted(hint)]
        if uuids:
            spec.instance_hosts = self._db.read(db_hosts.of_instances, uuids)


class CachingScheduler(FilterScheduler):
    """The same on a view of the hosts that is read every ``driver_task_period`` only; in between it is less the room
    that was given away. What others take meanwhile the claim finds out. It reads early before it refuses."""

    def _fleet(self, conf: cfg.ConfigOpts, db: Database, clock: Clock) -> HostStates:
        return HostStates(conf, db, clock, self._pipeline.needs_residents, conf.scheduler.driver_task_period)


class ChanceScheduler:
    """Draws any host whose service is up and that the request does not exclude; nothing limits the claims. A server
    that is not taken gets another draw instead of alternates."""

    recorder: Recorder | None = None

    def __init__(self, conf: cfg.ConfigOpts, db: Database, clock: Clock, chance: Chance):
        self.hosts = HostStates(conf, db, clock)
        self._down_after = np.timedelta64(int(down_after(conf) * 1e6), "us")
        self._draw = chance.stream("scheduler")

    def select_destinations(self, request_spec: dict[str, Any], filter_properties: dict[str, Any],
                            return_alternates: bool = False) -> list[Selection]:
        """See :class:`Driver`. Unlike the original it names the hypervisor, by which claims are made.

        :raises Invalid: when the request says too little
        """
        spec = parse(request_spec, filter_properties)
        self.hosts.refresh(wide=True)
        with self.hosts.held() as columns:
            up = columns.alive(self._down_after)
            if not up.any():
                raise exceptions.NoValidHost(reason="Is the appropriate service running?")
            rows = np.flatnonzero(up & ~columns.mask(columns.rows_called(spec.ignore_hosts))).tolist()
            if not rows:
                raise exceptions.NoValidHost(reason="Could not find another compute")
            return [Selection(host=columns.hosts[row], nodename=columns.nodes[row])
                    for row in self._draw.choices(rows, k=len(spec.instance_uuids))]


# By the last names of the original's classes, which configurations of 2014 name.
ALL = [FilterScheduler, CachingScheduler, ChanceScheduler]


def load_driver(conf: cfg.ConfigOpts, db: Database, clock: Clock, chance: Chance) -> Driver:
    """The driver that the configuration names, by import path or entry point.

    :raises ConfigurationError: when there is no such driver
    """
    [made] = find(conf.scheduler.driver, NAMESPACE, ALL, "[scheduler] driver")
    driver: Driver = made(conf, db, clock, chance)
    return driver
