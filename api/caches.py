"""What the API remembers between requests: only what cannot change."""

from __future__ import annotations

from collections.abc import Iterable

from novasim.db import flavors as db_flavors
from novasim.db.engine import Database, Transaction
from novasim.objects import Flavor


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
