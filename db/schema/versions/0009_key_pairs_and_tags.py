"""Key pairs of users, tags of servers, and what only some servers have."""

from alembic import op
from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
Uuid, Name = String(36), String(255)


def _create(name, *items):
    dialect = op.get_bind().dialect
    # Text is compared as it is written, as in all tables since 0003.
    collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_bin"
    op.create_table(name, *items, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate=collation)


def _common():
    return (Column("id", Integer, primary_key=True, autoincrement=True), Column("created_at", Time),
            Column("updated_at", Time), Column("deleted_at", Time),
            Column("deleted", Integer, nullable=False, server_default="0"))


def upgrade() -> None:
    _create("key_pairs", *_common(), Column("name", Name, nullable=False), Column("user_id", Name, nullable=False),
            Column("type", String(8), nullable=False), Column("fingerprint", Name, nullable=False),
            Column("public_key", LongText, nullable=False),
            UniqueConstraint("user_id", "name", "deleted", name="uq_key_pairs_user_id_name_deleted"))
    _create("tags", Column("resource_id", Uuid, nullable=False), Column("tag", String(60), nullable=False),
            PrimaryKeyConstraint("resource_id", "tag"), Index("ix_tags_tag", "tag"))
    _create("instance_extra", *_common(), Column("instance_uuid", Uuid, ForeignKey("instances.uuid"), nullable=False),
            Column("trusted_certs", LongText), Column("scheduler_hints", LongText),
            UniqueConstraint("instance_uuid", name="uq_instance_extra_instance_uuid"))


def downgrade() -> None:
    for name in ("instance_extra", "tags", "key_pairs"):
        op.drop_table(name)
