"""Who may log in to a fresh cluster, as the configuration says, and the settings that clients log in with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import yaml
from oslo_config import cfg

from novasim import exceptions
from novasim.api import auth
from novasim.db import identity
from novasim.db.engine import Database
from novasim.sim import books

CLOUDS = "clouds.yaml"


class Account(msgspec.Struct, forbid_unknown_fields=True):
    """A user with its roles in a project."""

    user: str
    project: str
    roles: list[str]
    password: str | None = None


def read(conf: cfg.ConfigOpts) -> list[Account]:
    """The accounts of the configuration.

    :raises ConfigurationError: when they cannot be read, or name a role that does not exist
    """
    from novasim.api.identity import tokens

    name = conf.identity.accounts
    try:
        found = msgspec.convert(yaml.safe_load(books.read("accounts", name)), list[Account])
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise exceptions.ConfigurationError(reason=f"[identity] accounts: {name}: {error}") from error
    unknown = {role for account in found for role in account.roles} - set(tokens.ROLES)
    if not found or unknown:
        told = f"no such role: {', '.join(sorted(unknown))}" if unknown else "it lists nobody"
        raise exceptions.ConfigurationError(reason=f"[identity] accounts: {name}: {told}")
    return found


def seed(conf: cfg.ConfigOpts, database: Database) -> None:
    """Put the accounts into an identity service that has none."""
    from novasim.api.identity import tokens
    from novasim.api.identity.passwords import Passwords

    found = read(conf)
    passwords = Passwords(conf.identity.password_hash_rounds)
    # Those of one password have one hash: who knows it for one knows it for all.
    hashes = {password: passwords.hashed(password or conf.identity.password)
              for password in {account.password for account in found}}
    database.write(identity.seed, tokens.ROLES, [
        msgspec.structs.asdict(account) | {"password_hash": hashes[account.password]} for account in found])


def _cloud(conf: cfg.ConfigOpts, endpoint: str, account: Account) -> dict[str, Any]:
    """How clients log in to an account."""
    return {"auth_type": "password", "identity_api_version": "3", "region_name": conf.identity.region, "auth": {
        "auth_url": f"{endpoint.removesuffix('/v2.1')}/identity", "username": account.user,
        "password": account.password or conf.identity.password, "user_domain_name": identity.DEFAULT_DOMAIN[1],
        "project_name": account.project, "project_domain_name": identity.DEFAULT_DOMAIN[1]}}


def write_clouds(conf: cfg.ConfigOpts, directory: Path, endpoint: str) -> None:
    """Write ``clouds.yaml``, which OpenStack clients read: ``novasim`` is the first account, and each has its own.

    Where nobody logs in there is one cloud, and none where a Keystone is asked.
    """
    path = directory / CLOUDS
    path.unlink(missing_ok=True)
    if conf.api.auth_strategy == auth.KEYSTONE:
        return
    clouds: dict[str, Any] = {"novasim": {"auth_type": "none", "auth": {"endpoint": endpoint}}}
    if conf.api.auth_strategy == auth.IDENTITY:
        found = read(conf)
        clouds = {"novasim": _cloud(conf, endpoint, found[0])}
        for account in found:
            # Of a user with several projects, the first.
            clouds.setdefault(f"novasim-{account.user}", _cloud(conf, endpoint, account))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        yaml.safe_dump({"clouds": clouds}, file, sort_keys=False)
