"""A whole SQLite database as a value, put back within a millisecond: so many clusters can begin alike."""

from __future__ import annotations

import sqlite3

from novasim.db.engine import Database


class Image:
    """What a SQLite database holds now.

    :param database: at rest, and a file of its own
    """

    def __init__(self, database: Database):
        self._pages = sqlite3.connect(":memory:", check_same_thread=False)
        with database.engine.connect() as connection:
            connection.connection.driver_connection.backup(self._pages)

    def restore(self, database: Database) -> None:
        """Make a database hold just this again, its tables and their counters too."""
        with database.alone() as connection:
            self._pages.backup(connection.connection.driver_connection)

    def close(self) -> None:
        self._pages.close()
