"""The fault rules that all processes share, and what they did."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def _create(name: str, *items: Column | Index | UniqueConstraint) -> None:
    dialect = op.get_bind().dialect
    collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_bin"
    op.create_table(
        name, Column("id", Integer, primary_key=True, autoincrement=True), *items,
        Column("created_at", Time), Column("updated_at", Time), Column("deleted_at", Time),
        Column("deleted", Integer, nullable=False, server_default="0"),
        mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate=collation)


def upgrade() -> None:
    _create("fault_rules", Column("uuid", String(36), nullable=False), Column("name", String(255), nullable=False),
            Column("rule", LongText, nullable=False), Column("seed", BigInteger, nullable=False),
            Column("seen", Integer, nullable=False), Column("acted", Integer, nullable=False),
            Column("ends_at", Time), UniqueConstraint("uuid", name="uq_fault_rules_uuid"),
            Index("ix_fault_rules_ends_at", "ends_at"))
    _create("fault_log", Column("rule_uuid", String(36), nullable=False), Column("name", String(255), nullable=False),
            Column("subject", String(255), nullable=False), Column("did", String(16), nullable=False),
            *(Column(name, String(255)) for name in ("service", "host", "method")),
            Column("instance_uuid", String(36)), Column("request_id", String(255)),
            Index("ix_fault_log_rule_uuid_subject", "rule_uuid", "subject"))


def downgrade() -> None:
    for name in ("fault_log", "fault_rules"):
        op.drop_table(name)
