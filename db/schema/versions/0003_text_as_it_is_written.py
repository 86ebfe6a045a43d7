"""On MariaDB and MySQL, text is compared as it is written: ``a``, ``A`` and ``a `` are three names, as they are in the
other databases. With the default collation a project could read the servers of another of nearly its name."""

from alembic import op
from sqlalchemy import inspect, text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _collate(collation: str) -> None:
    connection = op.get_bind()
    tables = inspect(connection)
    names = tables.get_table_names()
    # A column that a key needs cannot be converted, so the keys go meanwhile.
    keys = [(table, key) for table in names for key in tables.get_foreign_keys(table)]
    for table, key in keys:
        op.drop_constraint(str(key["name"]), table, type_="foreignkey")
    for table in names:
        connection.execute(text(f"ALTER TABLE `{table}` CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}"))
    for table, key in keys:
        op.create_foreign_key(key["name"], table, key["referred_table"], key["constrained_columns"],
                              key["referred_columns"])


def upgrade() -> None:
    dialect = op.get_bind().dialect
    if dialect.name in ("mysql", "mariadb"):
        # "nopad" minds blanks at the end too; MySQL has no such collation of this name.
        _collate("utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_bin")


def downgrade() -> None:
    if op.get_bind().dialect.name in ("mysql", "mariadb"):
        _collate("utf8mb4_general_ci")
