"""The machines of the simulator: those of a scaled fleet are there again after a restart."""

from alembic import op
from sqlalchemy import Column, DateTime, Index, Integer, String, UniqueConstraint
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    dialect = op.get_bind().dialect
    collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_bin"
    op.create_table(
        "simulated_hosts", Column("id", Integer, primary_key=True, autoincrement=True),
        Column("host", String(255), nullable=False), Column("fleet", String(255), nullable=False),
        Column("profile", String(255), nullable=False), Column("state", String(16), nullable=False),
        Column("created_at", Time), Column("updated_at", Time), Column("deleted_at", Time),
        Column("deleted", Integer, nullable=False, server_default="0"), UniqueConstraint("host", "deleted"),
        Index("ix_simulated_hosts_fleet_deleted", "fleet", "deleted"),
        mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate=collation)


def downgrade() -> None:
    op.drop_table("simulated_hosts")
