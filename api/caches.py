"""What the API remembers between requests: only what cannot change, or may be a few seconds old."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from oslo_config import cfg

from novasim.db import aggregates
from novasim.db import flavors as db_flavors
from novasim.db.engine import Database, Transaction
from novasim.objects import Flavor
from novasim.sim.clock import Clock


class Flavors:
    """Flavors by their internal id. Name and sizes of one never change; its extra specs do, and are not kept."""

    def __init__(self, db: Database):
        self._db = db
        self._known: dict[int, Flavor] = {}

    def get(self, ids: Iterable[int], tx: Transaction | None = None) -> dict[int, Flavor]:
        """The flavors of these ids, deleted ones too; one read for all that are new."""
        missing = [number for number in set(ids) if number not in self._known]
        if missing:
            self._known |= (db_flavors.by_ids(tx, missing) if tx else self._db.read(db_flavors.by_ids, missing))
        return self._known


class Zones:
    """The availability zone of each host: read again after ``[api] zone_refresh`` seconds."""

    def __init__(self, conf: cfg.ConfigOpts, db: Database, clock: Clock):
        self._conf = conf
        self._db = db
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._by_host: dict[str, str] = {}

    def _fresh(self) -> dict[str, str]:
        with self._lock:
            now = self._clock.monotonic()
            if self._read_at is None or now - self._read_at >= self._conf.api.zone_refresh:
                self._by_host = self._db.read(aggregates.zones)
                self._read_at = now
            return self._by_host

    def of(self, host: str) -> str:
        """The zone of a compute host."""
        return self._fresh().get(host, self._conf.default_availability_zone)

    def of_service(self, host: str, binary: str) -> str:
        """The zone a service is shown in."""
        return self.of(host) if binary == "nova-compute" else self._conf.internal_service_availability_zone

    def exists(self, zone: str) -> bool:
        """Whether a server may ask for this zone."""
        return zone == self._conf.default_availability_zone or zone in self._fresh().values()
