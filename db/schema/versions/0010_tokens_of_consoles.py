"""Tokens that open consoles, and where usage is summed up by project."""

from alembic import op
from sqlalchemy import Column, DateTime, Index, Integer, String, UniqueConstraint
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    collate = "utf8mb4_nopad_bin" if getattr(op.get_bind().dialect, "is_mariadb", False) else "utf8mb4_bin"
    op.create_table(
        "console_auth_tokens", Column("id", Integer, primary_key=True, autoincrement=True),
        Column("token_hash", String(64), nullable=False), Column("console_type", String(32), nullable=False),
        Column("instance_uuid", String(36), nullable=False), Column("compute_host", String(255), nullable=False),
        Column("host", String(255), nullable=False), Column("port", Integer, nullable=False),
        Column("created_at", Time), Column("expires_at", Time, nullable=False),
        UniqueConstraint("token_hash", name="uq_console_auth_tokens_token_hash"),
        Index("ix_console_auth_tokens_expires_at", "expires_at"),
        mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate=collate)
    op.create_index("ix_instances_project_id_uuid", "instances", ["project_id", "uuid"])


def downgrade() -> None:
    op.drop_index("ix_instances_project_id_uuid", "instances")
    op.drop_table("console_auth_tokens")
