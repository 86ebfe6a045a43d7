"""The agents of one process: which hosts they are, and what they share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from oslo_config import cfg

from novasim import exceptions
from novasim.compute import options
from novasim.compute.lives import Lives
from novasim.compute.virt.driver import Driver
from novasim.context import RequestContext
from novasim.db.engine import Database
from novasim.objects import Instance, Migration
from novasim.rpc.client import Client
from novasim.sim.clock import Clock
from novasim.sim.journal import Journal

LOG = logging.getLogger(__name__)
T = TypeVar("T", Instance, Migration)
# Somebody else was faster, or the message is late or came twice: not ours to act on, and no failure.
OVERTAKEN = (exceptions.UnexpectedTaskStateError, exceptions.MigrationStatusConflict, exceptions.InstanceNotFound)


@dataclass(frozen=True)
class Agents:
    """What the agents of a process share: the database, the hypervisors and the two proxies."""

    conf: cfg.ConfigOpts
    lives: Lives
    db: Database
    clock: Clock
    journal: Journal
    driver: Driver
    conductor: Client
    compute: Client

    @property
    def hosts(self) -> Sequence[str]:
        """Of those that live and are not frozen."""
        return self.lives.hosts

    @property
    def reserved(self) -> dict[str, int]:
        """What each host keeps for itself (spec 8.8 step 2)."""
        return options.reserved(self.conf)

    def each(self, work: Callable[[Agents, T], None], things: Iterable[T]) -> None:
        """Do something by the clock to some servers or moves. One whose message cannot be sent must not keep the others
        waiting; the conductor's recovery sends it."""
        for thing in things:
            try:
                work(self, thing)
            except Exception:
                LOG.exception("%s could not be done to %s", work.__name__, thing.uuid)

    def note(self, ctxt: RequestContext, instance: Instance, what: str, vm_state: str | None = None,
             task_state: str | None = None, migration_status: str | None = None) -> None:
        """Write a step with the states after it to the journal."""
        self.journal.write(what, ctxt.request_id, ctxt.addressed_host or "", kind="step", instance_uuid=instance.uuid,
                           vm_state=vm_state, task_state=task_state or "-", migration_status=migration_status)


def overtaken(ctxt: RequestContext, instance: Instance, what: str, reason: Exception) -> None:
    LOG.info("%s of %s on %s left alone (%s): %s", what, instance.uuid, ctxt.addressed_host, ctxt.request_id, reason)
