"""Server groups, images made of servers, and how far a live migration is."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_PROGRESS = [f"{what}_{part}" for what in ("memory", "disk") for part in ("total", "processed", "remaining")]
_OF_IMAGES = {"project_id": String(255), "user_id": String(255), "instance_uuid": String(36)}


def _create(name, *items):
    op.create_table(
        name, Column("id", Integer, primary_key=True, autoincrement=True),
        *(item for item in items if isinstance(item, Column)),
        Column("created_at", Time), Column("updated_at", Time), Column("deleted_at", Time),
        Column("deleted", Integer, nullable=False, server_default="0"),
        *(item for item in items if not isinstance(item, Column)), mysql_engine="InnoDB", mysql_charset="utf8mb4")


def upgrade() -> None:
    for name in _PROGRESS:
        op.add_column("migrations", Column(name, BigInteger))
    for name, kind in _OF_IMAGES.items():
        op.add_column("images", Column(name, kind))
    op.create_index("ix_images_project_id_deleted", "images", ["project_id", "deleted"])
    op.create_index("ix_images_instance_uuid_deleted", "images", ["instance_uuid", "deleted"])
    _create("instance_groups", Column("uuid", String(36), nullable=False), Column("user_id", String(255)),
            Column("project_id", String(255)), Column("name", String(255)),
            Column("policy", String(255), nullable=False), Column("max_server_per_host", Integer),
            UniqueConstraint("uuid", "deleted"),
            Index("ix_instance_groups_project_id_deleted", "project_id", "deleted"))
    _create("instance_group_member",
            Column("group_id", Integer, ForeignKey("instance_groups.id"), nullable=False),
            Column("instance_uuid", String(36), nullable=False),
            UniqueConstraint("instance_uuid", "group_id", "deleted"),
            Index("ix_instance_group_member_group_id_deleted", "group_id", "deleted"))


def downgrade() -> None:
    op.drop_table("instance_group_member")
    op.drop_table("instance_groups")
    for index in ("ix_images_instance_uuid_deleted", "ix_images_project_id_deleted"):
        op.drop_index(index, "images")
    for name in _OF_IMAGES:
        op.drop_column("images", name)
    for name in _PROGRESS:
        op.drop_column("migrations", name)
