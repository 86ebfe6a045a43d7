"""What the identity service keeps: domains, projects, users, roles, credentials and tokens that were taken back."""

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
TABLES = ("domains", "projects", "users", "roles", "role_assignments", "application_credentials", "revoked_tokens",
          "token_keys")


def _create(name, *items):
    dialect = op.get_bind().dialect
    # Text is compared as it is written, as in all tables since 0003.
    collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_bin"
    op.create_table(
        name, Column("id", Integer, primary_key=True, autoincrement=True), *items, Column("created_at", Time),
        mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate=collation)


def _of(table):
    return Column(f"{table}_id", String(36), ForeignKey(f"{table}s.uuid", ondelete="CASCADE"), nullable=False)


def _described():
    return (Column("uuid", String(36), nullable=False, unique=True), Column("name", String(255), nullable=False),
            Column("description", LongText, nullable=False))


def _enabled():
    return Column("enabled", Boolean, nullable=False)


def upgrade() -> None:
    _create("domains", *_described(), _enabled(), UniqueConstraint("name"))
    _create("projects", *_described(), _enabled(), _of("domain"), UniqueConstraint("domain_id", "name"),
            Index("ix_projects_name", "name"))
    _create("users", *_described(), _enabled(), _of("domain"), Column("email", String(255)),
            Column("default_project_id", String(36), ForeignKey("projects.uuid", ondelete="SET NULL")),
            Column("password_hash", String(128)), Column("valid_since", Time), UniqueConstraint("domain_id", "name"),
            Index("ix_users_default_project_id", "default_project_id"), Index("ix_users_name", "name"))
    _create("roles", *_described(), UniqueConstraint("name"))
    _create("role_assignments", _of("user"), _of("role"), Column("target_type", String(16), nullable=False),
            Column("target_id", String(36), nullable=False),
            UniqueConstraint("user_id", "target_type", "target_id", "role_id"),
            Index("ix_role_assignments_role_id", "role_id"),
            Index("ix_role_assignments_target_type_target_id", "target_type", "target_id"))
    _create("application_credentials", *_described(), _of("user"), _of("project"),
            Column("secret_hash", String(128), nullable=False), Column("expires_at", Time),
            Column("unrestricted", Boolean, nullable=False), Column("roles", LongText, nullable=False),
            UniqueConstraint("user_id", "name"), Index("ix_application_credentials_project_id", "project_id"))
    _create("revoked_tokens", Column("audit_id", String(32), nullable=False, unique=True),
            Column("expires_at", Time, nullable=False), Index("ix_revoked_tokens_expires_at", "expires_at"))
    _create("token_keys", Column("name", String(32), nullable=False, unique=True),
            Column("secret", String(255), nullable=False))


def downgrade() -> None:
    for name in reversed(TABLES):
        op.drop_table(name)
