"""The tables (spec 9.2), described once; alembic's revisions in schema/ bring a database to this state.

Every table has the common columns of spec 9.1 and is deleted softly: ``deleted`` becomes the row's id. Exceptions are
``claims``, a ledger of the present that is summed over, and the rows of ``reservations``: there a dead row would only
cost time; and ``tags``, which say nothing of a server that is gone. Those of the identity service are in
identity_models.py.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects import mysql

metadata = MetaData(naming_convention={
    "ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"})

# Microseconds everywhere: two changes of one second must stay in order.
Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
Bytes = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
Uuid = String(36)
Name = String(255)


def _table(name: str, *items: Column | Index | UniqueConstraint) -> Table:
    return Table(name, metadata,
                 Column("id", Integer, primary_key=True, autoincrement=True),
                 *(item for item in items if isinstance(item, Column)),
                 Column("created_at", Time), Column("updated_at", Time), Column("deleted_at", Time),
                 Column("deleted", Integer, nullable=False, default=0, server_default="0"),
                 *(item for item in items if not isinstance(item, Column)),
                 mysql_engine="InnoDB", mysql_charset="utf8mb4")


def _of_instance() -> Column:
    return Column("instance_uuid", Uuid, ForeignKey("instances.uuid"), nullable=False)


instances = _table(
    "instances",
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("user_id", Name), Column("project_id", Name), Column("image_ref", Name), Column("kernel_id", Name),
    Column("ramdisk_id", Name), Column("hostname", Name), Column("launch_index", Integer), Column("key_name", Name),
    Column("key_data", LongText), Column("power_state", Integer), Column("vm_state", Name),
    Column("task_state", Name), Column("task_request_id", Name), Column("memory_mb", Integer),
    Column("vcpus", Integer), Column("root_gb", Integer), Column("ephemeral_gb", Integer),
    Column("ephemeral_key_uuid", Uuid), Column("host", Name), Column("node", Name),
    Column("instance_type_id", Integer), Column("user_data", LongText), Column("reservation_id", Name),
    Column("scheduled_at", Time), Column("launched_at", Time), Column("terminated_at", Time),
    Column("availability_zone", Name), Column("display_name", Name), Column("display_description", Name),
    Column("launched_on", LongText), Column("locked", Boolean, nullable=False, default=False),
    Column("locked_by", String(16)), Column("locked_reason", Name), Column("os_type", Name),
    Column("architecture", Name), Column("vm_mode", Name), Column("root_device_name", Name),
    Column("default_ephemeral_device", Name), Column("default_swap_device", Name), Column("config_drive", Name),
    Column("access_ip_v4", String(39)), Column("access_ip_v6", String(39)), Column("auto_disk_config", Boolean),
    Column("progress", Integer), Column("shutdown_terminate", Boolean, nullable=False, default=False),
    Column("disable_terminate", Boolean, nullable=False, default=False), Column("cell_name", Name),
    Column("internal_id", Integer), Column("cleaned", Integer, nullable=False, default=0),
    Index(None, "project_id", "deleted", "created_at"), Index(None, "deleted", "created_at"),
    Index(None, "project_id", "uuid"),
    Index(None, "host", "deleted", "cleaned"), Index(None, "host", "node", "deleted"),
    Index(None, "reservation_id"), Index(None, "terminated_at", "launched_at"), Index(None, "uuid", "deleted"),
    Index(None, "task_state", "updated_at"), Index(None, "vm_state", "deleted"), Index(None, "updated_at"))

instance_info_caches = _table(
    "instance_info_caches", _of_instance(), Column("network_info", LongText),
    UniqueConstraint("instance_uuid"))

instance_metadata = _table(
    "instance_metadata", _of_instance(), Column("key", Name), Column("value", Name), Index(None, "instance_uuid"))

instance_system_metadata = _table(
    "instance_system_metadata", _of_instance(), Column("key", Name, nullable=False), Column("value", Name),
    Index(None, "instance_uuid", "deleted"))

key_pairs = _table(
    "key_pairs", Column("name", Name, nullable=False), Column("user_id", Name, nullable=False),
    Column("type", String(8), nullable=False), Column("fingerprint", Name, nullable=False),
    Column("public_key", LongText, nullable=False), UniqueConstraint("user_id", "name", "deleted"))

tags = Table(
    "tags", metadata,
    Column("resource_id", Uuid, primary_key=True), Column("tag", String(60), primary_key=True), Index(None, "tag"),
    mysql_engine="InnoDB", mysql_charset="utf8mb4")

# What only some servers have, as JSON; no row for those that have none of it.
instance_extra = _table(
    "instance_extra", _of_instance(), Column("trusted_certs", LongText), Column("scheduler_hints", LongText),
    UniqueConstraint("instance_uuid"))

instance_types = _table(
    "instance_types", Column("name", Name), Column("memory_mb", Integer, nullable=False),
    Column("vcpus", Integer, nullable=False), Column("root_gb", Integer), Column("ephemeral_gb", Integer),
    Column("flavorid", Name), Column("swap", Integer, nullable=False, default=0),
    Column("rxtx_factor", Float, default=1.0), Column("vcpu_weight", Integer),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("is_public", Boolean, nullable=False, default=True), Column("description", Text),
    UniqueConstraint("flavorid", "deleted"), UniqueConstraint("name", "deleted"))

instance_type_extra_specs = _table(
    "instance_type_extra_specs", Column("instance_type_id", Integer, ForeignKey("instance_types.id"), nullable=False),
    Column("key", Name), Column("value", Name), UniqueConstraint("instance_type_id", "key", "deleted"))

instance_type_projects = _table(
    "instance_type_projects", Column("instance_type_id", Integer, ForeignKey("instance_types.id"), nullable=False),
    Column("project_id", Name), UniqueConstraint("instance_type_id", "project_id", "deleted"))

images = _table(
    "images", Column("uuid", Uuid, nullable=False), Column("name", Name, nullable=False),
    Column("status", String(16), nullable=False), Column("min_ram", Integer, nullable=False, default=0),
    Column("min_disk", Integer, nullable=False, default=0), Column("size", BigInteger, nullable=False, default=0),
    Column("properties", LongText),
    # Whose it is and which server it was made of; null: everybody's, of none.
    Column("project_id", Name), Column("user_id", Name), Column("instance_uuid", Uuid),
    Column("visibility", String(16), nullable=False, default="private", server_default="private"),
    Column("protected", Boolean, nullable=False, default=False, server_default=false()),
    Column("os_hidden", Boolean, nullable=False, default=False, server_default=false()),
    Column("disk_format", String(32)), Column("container_format", String(32)), Column("virtual_size", BigInteger),
    # MD5 and SHA-512 of the contents, once there were some.
    Column("checksum", String(32)), Column("os_hash_value", String(128)),
    # A list, as JSON.
    Column("tags", LongText),
    UniqueConstraint("uuid", "deleted"), Index(None, "project_id", "deleted"), Index(None, "instance_uuid", "deleted"),
    Index(None, "visibility", "deleted"))

image_members = _table(
    "image_members", Column("image_id", Uuid, nullable=False), Column("member", Name, nullable=False),
    Column("status", String(16), nullable=False), UniqueConstraint("image_id", "member", "deleted"),
    Index(None, "member", "deleted"))

# The contents of images, as far as they are kept, in pieces; gone with the image.
image_chunks = Table(
    "image_chunks", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("image_id", Uuid, nullable=False), Column("number", Integer, nullable=False),
    Column("data", Bytes, nullable=False), UniqueConstraint("image_id", "number"),
    mysql_engine="InnoDB", mysql_charset="utf8mb4")

migrations = _table(
    "migrations", Column("uuid", Uuid, nullable=False, unique=True), _of_instance(), Column("status", Name),
    Column("step", String(32)), Column("migration_type", String(16), nullable=False),
    Column("source_compute", Name), Column("dest_compute", Name), Column("source_node", Name),
    Column("dest_node", Name), Column("dest_host", Name), Column("old_instance_type_id", Integer),
    Column("new_instance_type_id", Integer), Column("request_id", Name), Column("user_id", Name),
    Column("project_id", Name), Column("hidden", Boolean, nullable=False, default=False),
    # How far a live migration is, in bytes.
    Column("memory_total", BigInteger), Column("memory_processed", BigInteger),
    Column("memory_remaining", BigInteger), Column("disk_total", BigInteger), Column("disk_processed", BigInteger),
    Column("disk_remaining", BigInteger),
    Index(None, "instance_uuid", "status"), Index(None, "status", "updated_at"), Index(None, "updated_at"),
    Index(None, "source_compute", "status"), Index(None, "dest_compute", "status"), Index(None, "created_at"))

claims = Table(
    "claims", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("instance_uuid", Uuid, ForeignKey("instances.uuid"), nullable=False),
    # The move that took it, on its destination: while that is in progress it is the move's, then the server's own.
    Column("migration_id", Integer, ForeignKey("migrations.id")),
    Column("host", Name, nullable=False), Column("node", Name, nullable=False),
    Column("vcpus", Integer, nullable=False), Column("memory_mb", Integer, nullable=False),
    Column("disk_gb", Integer, nullable=False), Column("created_at", Time),
    Index(None, "instance_uuid"), Index(None, "host", "node"), Index(None, "migration_id"),
    mysql_engine="InnoDB", mysql_charset="utf8mb4")

services = _table(
    "services", Column("uuid", Uuid, nullable=False, unique=True), Column("host", Name), Column("binary", Name),
    Column("topic", Name), Column("report_count", Integer, nullable=False, default=0),
    Column("disabled", Boolean, nullable=False, default=False), Column("disabled_reason", Name),
    Column("forced_down", Boolean, nullable=False, default=False), Column("last_seen_up", Time),
    Column("version", Integer, nullable=False, default=0),
    UniqueConstraint("host", "topic", "deleted"), UniqueConstraint("host", "binary", "deleted"),
    Index(None, "binary", "updated_at"), Index(None, "binary", "last_seen_up"))

# What exists of the simulated hardware, whoever plays it and whatever runs on it.
simulated_hosts = _table(
    "simulated_hosts", Column("host", Name, nullable=False), Column("fleet", Name, nullable=False),
    Column("profile", Name, nullable=False), Column("state", String(16), nullable=False),
    UniqueConstraint("host", "deleted"), Index(None, "fleet", "deleted"))

compute_nodes = _table(
    "compute_nodes", Column("uuid", Uuid, nullable=False, unique=True),
    Column("service_id", Integer, ForeignKey("services.id"), nullable=False), Column("host", Name, nullable=False),
    Column("hypervisor_hostname", Name, nullable=False), Column("host_ip", String(39)),
    Column("vcpus", Integer, nullable=False), Column("memory_mb", Integer, nullable=False),
    Column("local_gb", Integer, nullable=False), Column("vcpus_used", Integer, nullable=False, default=0),
    Column("memory_mb_used", Integer, nullable=False, default=0),
    Column("local_gb_used", Integer, nullable=False, default=0), Column("free_ram_mb", Integer),
    Column("free_disk_gb", Integer), Column("current_workload", Integer), Column("running_vms", Integer),
    Column("disk_available_least", Integer), Column("hypervisor_type", String(64)),
    Column("hypervisor_version", Integer), Column("cpu_info", LongText), Column("supported_instances", LongText),
    Column("metrics", LongText), Column("pci_stats", LongText), Column("stats", LongText),
    UniqueConstraint("host", "hypervisor_hostname", "deleted"), Index(None, "updated_at"),
    Index(None, "hypervisor_hostname"))

quotas = _table(
    "quotas", Column("project_id", Name), Column("resource", Name, nullable=False), Column("hard_limit", Integer),
    UniqueConstraint("project_id", "resource", "deleted"))

project_user_quotas = _table(
    "project_user_quotas", Column("project_id", Name), Column("user_id", Name),
    Column("resource", Name, nullable=False), Column("hard_limit", Integer),
    UniqueConstraint("user_id", "project_id", "resource", "deleted"), Index(None, "project_id", "deleted"))

quota_classes = _table(
    "quota_classes", Column("class_name", Name), Column("resource", Name), Column("hard_limit", Integer),
    UniqueConstraint("class_name", "resource", "deleted"))

quota_usages = _table(
    "quota_usages", Column("project_id", Name), Column("user_id", Name), Column("resource", Name, nullable=False),
    Column("in_use", Integer, nullable=False), Column("reserved", Integer, nullable=False),
    Column("until_refresh", Integer), UniqueConstraint("project_id", "user_id", "resource", "deleted"))

reservations = _table(
    "reservations", Column("uuid", Uuid, nullable=False),
    Column("usage_id", Integer, ForeignKey("quota_usages.id"), nullable=False), Column("project_id", Name),
    Column("user_id", Name), Column("resource", Name), Column("delta", Integer, nullable=False),
    Column("expire", Time), Column("instance_uuid", Uuid),
    Index(None, "project_id"), Index(None, "uuid"), Index(None, "instance_uuid", "deleted"),
    Index(None, "deleted", "expire"))

instance_actions = _table(
    "instance_actions", Column("action", Name), _of_instance(), Column("request_id", Name), Column("user_id", Name),
    Column("project_id", Name), Column("start_time", Time), Column("finish_time", Time), Column("message", Name),
    Index(None, "instance_uuid", "request_id"), Index(None, "request_id"))

instance_actions_events = _table(
    "instance_actions_events", Column("event", Name),
    Column("action_id", Integer, ForeignKey("instance_actions.id"), nullable=False), Column("start_time", Time),
    Column("finish_time", Time), Column("result", Name), Column("traceback", LongText), Column("host", Name),
    Column("details", LongText), Index(None, "action_id", "event"))

instance_faults = _table(
    "instance_faults", _of_instance(), Column("code", Integer, nullable=False), Column("message", Name),
    Column("details", LongText), Column("host", Name), Index(None, "instance_uuid", "deleted", "created_at"),
    Index(None, "host"))

aggregates = _table(
    "aggregates", Column("uuid", Uuid, nullable=False), Column("name", Name),
    # Counts its changes, so that schedulers see with one look whether there was any.
    Column("generation", Integer, nullable=False, default=0, server_default="0"), UniqueConstraint("name", "deleted"))

aggregate_hosts = _table(
    "aggregate_hosts", Column("host", Name),
    Column("aggregate_id", Integer, ForeignKey("aggregates.id"), nullable=False),
    UniqueConstraint("host", "aggregate_id", "deleted"), Index(None, "aggregate_id"))

aggregate_metadata = _table(
    "aggregate_metadata", Column("aggregate_id", Integer, ForeignKey("aggregates.id"), nullable=False),
    Column("key", Name, nullable=False), Column("value", Name), UniqueConstraint("aggregate_id", "key", "deleted"),
    Index(None, "key"))

instance_groups = _table(
    "instance_groups", Column("uuid", Uuid, nullable=False), Column("user_id", Name), Column("project_id", Name),
    Column("name", Name), Column("policy", Name, nullable=False), Column("max_server_per_host", Integer),
    UniqueConstraint("uuid", "deleted"), Index(None, "project_id", "deleted"))

instance_group_member = _table(
    "instance_group_member", Column("group_id", Integer, ForeignKey("instance_groups.id"), nullable=False),
    Column("instance_uuid", Uuid, nullable=False),
    UniqueConstraint("instance_uuid", "group_id", "deleted"), Index(None, "group_id", "deleted"))

networks = _table(
    "networks", Column("uuid", Uuid, nullable=False), Column("project_id", Name), Column("name", Name),
    Column("description", Name), Column("admin_state_up", Boolean, nullable=False, default=True),
    Column("shared", Boolean, nullable=False, default=False),
    Column("external", Boolean, nullable=False, default=False),
    Column("mtu", Integer, nullable=False, default=1500),
    UniqueConstraint("uuid", "deleted"), Index(None, "project_id", "deleted"), Index(None, "deleted", "shared"))

subnets = _table(
    "subnets", Column("uuid", Uuid, nullable=False), Column("network_id", Uuid, nullable=False),
    Column("project_id", Name), Column("name", Name), Column("description", Name),
    Column("ip_version", Integer, nullable=False), Column("cidr", String(64), nullable=False),
    Column("gateway_ip", String(39)), Column("enable_dhcp", Boolean, nullable=False, default=True),
    # The one range that addresses are given from, and lists, as JSON.
    Column("first_ip", String(39), nullable=False), Column("last_ip", String(39), nullable=False),
    Column("dns_nameservers", LongText), Column("host_routes", LongText),
    UniqueConstraint("uuid", "deleted"), Index(None, "network_id", "deleted"), Index(None, "project_id", "deleted"))

ports = _table(
    "ports", Column("uuid", Uuid, nullable=False), Column("network_id", Uuid, nullable=False),
    Column("project_id", Name), Column("name", Name), Column("description", Name),
    Column("admin_state_up", Boolean, nullable=False, default=True), Column("mac_address", String(32), nullable=False),
    Column("device_id", Name, nullable=False, default=""), Column("device_owner", Name, nullable=False, default=""),
    # Where a port is that is no server's; one of a server is where that is.
    Column("binding_host", Name),
    # A list of ids, as JSON; null: the default group of the project.
    Column("security_groups", LongText), Column("tag", String(64)),
    # Whether it outlives the server it is given to: it was there before.
    Column("preserve_on_delete", Boolean, nullable=False, default=True),
    UniqueConstraint("uuid", "deleted"), Index(None, "device_id", "deleted"), Index(None, "network_id", "deleted"),
    Index(None, "project_id", "deleted"))

# Like claims, a ledger of the present: an address that is given to a port, and by that to nobody else.
ip_allocations = Table(
    "ip_allocations", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("port_id", Uuid, nullable=False), Column("subnet_id", Uuid, nullable=False),
    Column("ip_address", String(39), nullable=False),
    UniqueConstraint("subnet_id", "ip_address"), Index(None, "port_id"), Index(None, "ip_address"),
    mysql_engine="InnoDB", mysql_charset="utf8mb4")

security_groups = _table(
    "security_groups", Column("uuid", Uuid, nullable=False), Column("project_id", Name), Column("name", Name),
    Column("description", Name), Column("stateful", Boolean, nullable=False, default=True),
    UniqueConstraint("uuid", "deleted"), Index(None, "project_id", "deleted"))

security_group_rules = _table(
    "security_group_rules", Column("uuid", Uuid, nullable=False), Column("project_id", Name),
    Column("security_group_id", Uuid, nullable=False), Column("direction", String(8), nullable=False),
    Column("ethertype", String(8), nullable=False), Column("protocol", String(32)), Column("port_range_min", Integer),
    Column("port_range_max", Integer), Column("remote_ip_prefix", String(64)), Column("remote_group_id", Uuid),
    Column("description", Name),
    UniqueConstraint("uuid", "deleted"), Index(None, "security_group_id", "deleted"),
    Index(None, "project_id", "deleted"))

floating_ips = _table(
    "floating_ips", Column("uuid", Uuid, nullable=False), Column("project_id", Name), Column("description", Name),
    Column("floating_network_id", Uuid, nullable=False), Column("floating_ip_address", String(39), nullable=False),
    # The port that it leads to, and which of its addresses.
    Column("port_id", Uuid), Column("fixed_ip_address", String(39)),
    UniqueConstraint("uuid", "deleted"), Index(None, "port_id", "deleted"), Index(None, "project_id", "deleted"),
    Index(None, "floating_ip_address"))

# A digest of each token, not the token.
console_auth_tokens = Table(
    "console_auth_tokens", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("token_hash", String(64), nullable=False), Column("console_type", String(32), nullable=False),
    Column("instance_uuid", Uuid, nullable=False), Column("compute_host", Name, nullable=False),
    Column("host", Name, nullable=False), Column("port", Integer, nullable=False),
    Column("created_at", Time), Column("expires_at", Time, nullable=False),
    UniqueConstraint("token_hash"), Index(None, "expires_at"), mysql_engine="InnoDB", mysql_charset="utf8mb4")

fault_rules = _table(
    "fault_rules", Column("uuid", Uuid, nullable=False, unique=True), Column("name", Name, nullable=False),
    Column("rule", LongText, nullable=False), Column("seed", BigInteger, nullable=False),
    Column("seen", Integer, nullable=False), Column("acted", Integer, nullable=False), Column("ends_at", Time),
    Index(None, "ends_at"))

fault_log = _table(
    "fault_log", Column("rule_uuid", Uuid, nullable=False), Column("name", Name, nullable=False),
    Column("subject", Name, nullable=False), Column("did", String(16), nullable=False), Column("service", Name),
    Column("host", Name), Column("method", Name), Column("instance_uuid", Uuid), Column("request_id", Name),
    Index(None, "rule_uuid", "subject"))
