"""A whole SQLite database as a value, put back within a millisecond: so many clusters can begin alike."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection

from novasim.db.engine import Database


def _sqlite(connection: Connection) -> sqlite3.Connection:
    bare = connection.connection.driver_connection
    assert isinstance(bare, sqlite3.Connection)
    return bare


class RestorePoint:
    """What a SQLite database holds now.

    :param database: at rest, and a file of its own
    """

    def __init__(self, database: Database):
        self._pages = sqlite3.connect(":memory:", check_same_thread=False)
        with database.engine.connect() as connection:
            _sqlite(connection).backup(self._pages)

    def restore(self, database: Database) -> None:
        """Make a database hold just this again, its tables and their counters too."""
        with database.alone() as connection:
            self._pages.backup(_sqlite(connection))

    def close(self) -> None:
        self._pages.close()
