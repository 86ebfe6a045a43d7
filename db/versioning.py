"""Brings a database to the present schema and says at which revision it is.

Alembic is imported only where there is something to be brought up to date: its import takes longer than the start of a
small cluster's services.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from novasim.db.engine import Database
from novasim.db.identity_models import metadata

if TYPE_CHECKING:
    from alembic.config import Config

_SCHEMA = Path(__file__).parent / "schema"
# The table of alembic.
_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCHEMA).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database, revision: str | None = None) -> None:
    """Apply what is missing; nothing when the database is up to date.

    :param revision: None: the newest
    """
    if revision is None and current(database) == head():
        return
    with database.engine.begin() as connection:
        if revision is None and connection.dialect.name == "sqlite" and not inspect(connection).get_table_names():
            # The same tables (a test compares them), without all that they once were.
            metadata.create_all(connection)
            _VERSION.create(connection)
            connection.execute(insert(_VERSION).values(version_num=head()))
            return
        from alembic import command

        command.upgrade(_config(connection), revision or "head")


def current(database: Database) -> str | None:
    """The revision the database is at; None for an empty one."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return None
        return connection.execute(select(_VERSION.c.version_num)).scalar()


def head() -> str:
    """The newest revision: the number that its file begins with."""
    return max(path.name for path in (_SCHEMA / "versions").glob("[0-9]*_*.py")).partition("_")[0]
