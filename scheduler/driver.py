"""How a request becomes a list of hosts. The option ``scheduler_driver`` names the one in use."""

from __future__ import annotations

from typing import Any, Protocol

from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import importutils
from stevedore import driver as entry_points

from novasim import exceptions
from novasim.db import hosts as db_hosts
from novasim.db.engine import Database
from novasim.objects import Selection
from novasim.scheduler import filters, weighers
from novasim.scheduler.hosts import HostStates
from novasim.scheduler.pipeline import Decision, Pipeline
from novasim.scheduler.request import HOST_HINTS, Request, parse
from novasim.sim.chance import Chance
from novasim.sim.clock import Clock

LOG = logging.getLogger(__name__)
NAMESPACE = "novasim.scheduler.drivers"


class Driver(Protocol):
    """What a scheduler's endpoint needs."""

    def select_destinations(self, request_spec: dict[str, Any],
                            filter_properties: dict[str, Any]) -> list[Selection]:
        """A host for each server of the request (spec 7.1).

        :raises NoValidHost: with the reason
        """


class FilterScheduler:
    """Filters, weighs, and takes the best."""

    def __init__(self, conf: cfg.ConfigOpts, db: Database, clock: Clock, chance: Chance):
        self._db = db
        self.hosts = HostStates(conf, db, clock)
        self._pipeline = Pipeline(filters.load(conf), weighers.load(conf),
                                  conf.filter_scheduler.host_subset_size, chance.stream("scheduler"))

    def select_destinations(self, request_spec: dict[str, Any],
                            filter_properties: dict[str, Any]) -> list[Selection]:
        """See :class:`Driver`.

        :raises Invalid: when the request says too little
        """
        decision = self.decide(parse(request_spec, filter_properties))
        LOG.debug("servers %s: chosen %s of %d, dropped %s", decision.spec.instance_uuids,
                  [chosen.host for chosen in decision.selections], decision.candidates, decision.dropped)
        decision.raise_if_rejected()
        return decision.selections

    def decide(self, spec: Request) -> Decision:
        """The verdict and what led to it; nobody is refused before heartbeats are looked at."""
        self._look_up_hints(spec)
        self.hosts.refresh()
        decision = self._decide(spec)
        if decision.rejected is not None and self.hosts.refresh(wide=True):
            decision = self._decide(spec)
        return decision

    def _decide(self, spec: Request) -> Decision:
        with self.hosts.held() as columns:
            return self._pipeline.decide(columns, spec)

    def _look_up_hints(self, spec: Request) -> None:
        uuids = [uuid for hint in HOST_HINTS for uuid in spec.hinted(hint)]
        if uuids:
            spec.instance_hosts = self._db.read(db_hosts.of_instances, uuids)


def load_driver(conf: cfg.ConfigOpts, db: Database, clock: Clock, chance: Chance) -> Driver:
    """The driver that the configuration names, by import path or entry point.

    :raises ConfigurationError: when there is no such driver
    """
    name = conf.scheduler_driver
    try:
        made = (importutils.import_class(name) if "." in name
                else entry_points.DriverManager(NAMESPACE, name).driver)
    except (ImportError, RuntimeError, ValueError) as error:
        raise exceptions.ConfigurationError(reason=f"scheduler_driver: {name}: {error}") from error
    driver: Driver = made(conf, db, clock, chance)
    return driver
