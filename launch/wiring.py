"""Puts the parts of a service together: the same way for a process of its own and inside the embedded cluster."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_log import log as logging
from oslo_messaging.notify import notifier
from oslo_messaging.rpc import client as rpc_client

from novasim import config
from novasim.api import options as api_options
from novasim.compute import options as compute_options
from novasim.conductor import options as conductor_options
from novasim.db import engine
from novasim.db import hosts as db_hosts
from novasim.db import options as db_options
from novasim.launch import options as launch_options
from novasim.launch.notifications import Notifications
from novasim.launch.timers import Timers
from novasim.rpc import options as rpc_options
from novasim.rpc.transport import Messaging
from novasim.scheduler import options as scheduler_options
from novasim.sim.chance import Chance
from novasim.sim.clock import Clock
from novasim.sim.faults import Faults
from novasim.sim.journal import Journal

_ROOMS = (db_options, rpc_options, api_options, conductor_options, scheduler_options, compute_options, launch_options)
EXCHANGE = "nova"
_NUMBERS = itertools.count(1)


def bus_url() -> str:
    """A bus that no other cluster of this process has."""
    return f"sim://cluster-{os.getpid()}-{next(_NUMBERS)}/"


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    """All options of ours, for the sample and for every process."""
    return [group for room in (config, *_ROOMS) for group in room.list_opts()]


def _register_messaging(conf: cfg.ConfigOpts) -> None:
    """transport_url and its kin, so that they can be set like any other option."""
    oslo_messaging.set_transport_defaults(EXCHANGE)
    oslo_messaging.TransportURL.parse(conf, "sim://")
    # These are registered only when a client or a notifier is made, too late for an override.
    conf.register_opts(rpc_client._client_opts)
    conf.register_opts(notifier._notifier_opts, group="oslo_messaging_notifications")


def build_config(args: Sequence[str] = (), files: Sequence[str] | None = None,
                 overrides: Mapping[str, Any] | None = None, prog: str = "novasim",
                 cli_opts: Sequence[cfg.Opt] = ()) -> cfg.ConfigOpts:
    """A configuration with the options of all rooms and of the libraries they use.

    :raises ConfigurationError: on a file or value that cannot be read; the text names it
    """
    return config.build(list_opts(), args, files, overrides, prog, cli_opts, (_register_messaging,
                                                                               logging.register_options))


@dataclass
class Ground:
    """What every service of a process stands on.

    :param database: one that somebody else closes; None: the one that the configuration names
    """

    conf: cfg.ConfigOpts
    service: str
    clock: Clock = field(default_factory=Clock)
    database: InitVar[engine.Database | None] = None
    chance: Chance = field(init=False)
    faults: Faults = field(init=False)
    journal: Journal = field(init=False)
    db: engine.Database = field(init=False)
    messaging: Messaging = field(init=False)
    notifications: Notifications = field(init=False)
    timers: Timers = field(init=False)

    def __post_init__(self, database: engine.Database | None) -> None:
        self.chance = Chance(self.conf.simulator.seed)
        self.faults = Faults(self.clock, self.chance.stream("faults"))
        self.journal = self.pen(self.service, "journal")
        self._owns_db = database is None
        self.db = database or engine.connect(self.conf, self.clock)
        oldest_agents = functools.partial(self.db.read, db_hosts.least_version)
        self.messaging = Messaging(self.conf, self.journal, self.faults, oldest_agents)
        self.notifications = Notifications(self.conf, self.db, self.clock, self.journal)
        self.timers = Timers(self.clock)

    def pen(self, service: str, folder: str) -> Journal:
        """A journal of its own; whoever takes it closes it."""
        directory = Path(self.conf.state_path) / folder if self.conf.simulator.journal else None
        return Journal(directory, service, self.clock)

    def as_service(self, service: str) -> Journal:
        """A journal that signs as another service of this process."""
        return self.journal.signed(service)

    def close(self) -> None:
        self.timers.close()
        self.messaging.stop(self.conf.graceful_shutdown_timeout)
        self.notifications.close()
        if self._owns_db:
            self.db.close()
        self.journal.close()
