"""The tables of the identity service. A row that goes is gone: nobody wants to keep the passwords of those who left."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from novasim.db.models import LongText, Name, Time, Uuid, metadata


def _identity_table(name: str, *items: Column | Index | UniqueConstraint) -> Table:
    return Table(name, metadata, Column("id", Integer, primary_key=True, autoincrement=True), *items,
                 Column("created_at", Time), mysql_engine="InnoDB", mysql_charset="utf8mb4")


def _of(table: str, index: bool = False) -> Column:
    return Column(f"{table}_id", Uuid, ForeignKey(f"{table}s.uuid", ondelete="CASCADE"), nullable=False,
                  index=index or None)


def _described() -> tuple[Column, ...]:
    return (Column("uuid", Uuid, nullable=False, unique=True), Column("name", Name, nullable=False),
            Column("description", LongText, nullable=False, default=""))


def _enabled() -> Column:
    return Column("enabled", Boolean, nullable=False, default=True)


domains = _identity_table("domains", *_described(), _enabled(), UniqueConstraint("name"))

projects = _identity_table("projects", *_described(), _enabled(), _of("domain"), UniqueConstraint("domain_id", "name"),
                           Index(None, "name"))

users = _identity_table(
    "users", *_described(), _enabled(), _of("domain"), Column("email", Name),
    Column("default_project_id", Uuid, ForeignKey("projects.uuid", ondelete="SET NULL"), index=True),
    # Null: nobody logs in with a password. Tokens issued before valid_since are void.
    Column("password_hash", String(128)), Column("valid_since", Time), UniqueConstraint("domain_id", "name"),
    Index(None, "name"))

roles = _identity_table("roles", *_described(), UniqueConstraint("name"))

role_assignments = _identity_table(
    "role_assignments", _of("user"), _of("role", index=True),
    # "project" and its id, "domain" and its id, or "system" and "all".
    Column("target_type", String(16), nullable=False), Column("target_id", Uuid, nullable=False),
    UniqueConstraint("user_id", "target_type", "target_id", "role_id"), Index(None, "target_type", "target_id"))

application_credentials = _identity_table(
    "application_credentials", *_described(), _of("user"), _of("project", index=True),
    Column("secret_hash", String(128), nullable=False), Column("expires_at", Time),
    Column("unrestricted", Boolean, nullable=False, default=False),
    # Ids of roles, as JSON.
    Column("roles", LongText, nullable=False), UniqueConstraint("user_id", "name"))

revoked_tokens = _identity_table(
    "revoked_tokens", Column("audit_id", String(32), nullable=False, unique=True),
    Column("expires_at", Time, nullable=False, index=True))

# What tokens are signed with, where the configuration does not say.
token_keys = _identity_table(
    "token_keys", Column("name", String(32), nullable=False, unique=True), Column("secret", Name, nullable=False))
