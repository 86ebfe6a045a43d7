"""What the image service knows of images, and the network service: networks, subnets, ports, their addresses, security
groups and floating IPs. What was everybody's image is public, and what was a project's is private."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
Bytes = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
Uuid, Name, Address = String(36), String(255), String(39)


def _of_images():
    return (
        Column("visibility", String(16), nullable=False, server_default="private"),
        Column("protected", Boolean, nullable=False, server_default=false()),
        Column("os_hidden", Boolean, nullable=False, server_default=false()), Column("disk_format", String(32)),
        Column("container_format", String(32)), Column("virtual_size", BigInteger), Column("checksum", String(32)),
        Column("os_hash_value", String(128)), Column("tags", LongText))


def _common():
    return (Column("created_at", Time), Column("updated_at", Time), Column("deleted_at", Time),
            Column("deleted", Integer, nullable=False, server_default="0"))


def _create(name, *items, common=True):
    dialect = op.get_bind().dialect
    # As revision 0003 made it for the tables that were there: text is compared as it is written.
    collate = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_bin"
    op.create_table(
        name, Column("id", Integer, primary_key=True, autoincrement=True),
        *(item for item in items if isinstance(item, Column)), *(_common() if common else ()),
        *(UniqueConstraint(*item.split(), name=f"uq_{name}_{'_'.join(item.split())}")
          for item in items if isinstance(item, str)),
        *(Index(f"ix_{name}_{'_'.join(item)}", *item) for item in items if isinstance(item, tuple)),
        mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate=collate)


def _flag(name):
    return Column(name, Boolean, nullable=False)


def _images():
    for column in _of_images():
        op.add_column("images", column)
    op.create_index("ix_images_visibility_deleted", "images", ["visibility", "deleted"])
    op.execute(text("UPDATE images SET visibility = 'public' WHERE project_id IS NULL"))
    op.execute(text("UPDATE images SET disk_format = 'qcow2', container_format = 'bare'"))
    _create("image_members", Column("image_id", Uuid, nullable=False), Column("member", Name, nullable=False),
            Column("status", String(16), nullable=False), "image_id member deleted", ("member", "deleted"))
    _create("image_chunks", Column("image_id", Uuid, nullable=False), Column("number", Integer, nullable=False),
            Column("data", Bytes, nullable=False), "image_id number", common=False)


def _networks():
    _create("networks", Column("uuid", Uuid, nullable=False), Column("project_id", Name), Column("name", Name),
            Column("description", Name), _flag("admin_state_up"), _flag("shared"), _flag("external"),
            Column("mtu", Integer, nullable=False), "uuid deleted", ("project_id", "deleted"), ("deleted", "shared"))
    _create("subnets", Column("uuid", Uuid, nullable=False), Column("network_id", Uuid, nullable=False),
            Column("project_id", Name), Column("name", Name), Column("description", Name),
            Column("ip_version", Integer, nullable=False), Column("cidr", String(64), nullable=False),
            Column("gateway_ip", Address), _flag("enable_dhcp"), Column("first_ip", Address, nullable=False),
            Column("last_ip", Address, nullable=False), Column("dns_nameservers", LongText),
            Column("host_routes", LongText), "uuid deleted", ("network_id", "deleted"), ("project_id", "deleted"))
    _create("ports", Column("uuid", Uuid, nullable=False), Column("network_id", Uuid, nullable=False),
            Column("project_id", Name), Column("name", Name), Column("description", Name), _flag("admin_state_up"),
            Column("mac_address", String(32), nullable=False), Column("device_id", Name, nullable=False),
            Column("device_owner", Name, nullable=False), Column("binding_host", Name),
            Column("security_groups", LongText), Column("tag", String(64)), _flag("preserve_on_delete"),
            "uuid deleted", ("device_id", "deleted"), ("network_id", "deleted"), ("project_id", "deleted"))
    _create("ip_allocations", Column("port_id", Uuid, nullable=False), Column("subnet_id", Uuid, nullable=False),
            Column("ip_address", Address, nullable=False), "subnet_id ip_address", ("port_id",), ("ip_address",),
            common=False)


def _security():
    _create("security_groups", Column("uuid", Uuid, nullable=False), Column("project_id", Name), Column("name", Name),
            Column("description", Name), _flag("stateful"), "uuid deleted", ("project_id", "deleted"))
    _create("security_group_rules", Column("uuid", Uuid, nullable=False), Column("project_id", Name),
            Column("security_group_id", Uuid, nullable=False), Column("direction", String(8), nullable=False),
            Column("ethertype", String(8), nullable=False), Column("protocol", String(32)),
            Column("port_range_min", Integer), Column("port_range_max", Integer),
            Column("remote_ip_prefix", String(64)), Column("remote_group_id", Uuid), Column("description", Name),
            "uuid deleted", ("security_group_id", "deleted"), ("project_id", "deleted"))
    _create("floating_ips", Column("uuid", Uuid, nullable=False), Column("project_id", Name),
            Column("description", Name), Column("floating_network_id", Uuid, nullable=False),
            Column("floating_ip_address", Address, nullable=False), Column("port_id", Uuid),
            Column("fixed_ip_address", Address), "uuid deleted", ("port_id", "deleted"), ("project_id", "deleted"),
            ("floating_ip_address",))


def upgrade() -> None:
    _images()
    _networks()
    _security()


def downgrade() -> None:
    for name in ("floating_ips", "security_group_rules", "security_groups", "ip_allocations", "ports", "subnets",
                 "networks", "image_chunks", "image_members"):
        op.drop_table(name)
    op.drop_index("ix_images_visibility_deleted", "images")
    for column in _of_images():
        op.drop_column("images", column.name)
