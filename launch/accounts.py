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
from novasim.launch import wiring

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
        found = msgspec.convert(yaml.safe_load(wiring.read_yaml("accounts", name)), list[Account])
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


def _cloud(endpoint: str, login: dict[str, Any] | None) -> dict[str, Any]:
    root = endpoint.removesuffix("/v2.1")
    if login is None:
        return {"auth_type": "none", "auth": {"endpoint": endpoint}}
    return {"auth_type": "password", "identity_api_version": "3", "region_name": login.pop("region"), "auth": {
        "auth_url": f"{root}/identity", "user_domain_name": identity.DEFAULT_DOMAIN[1],
        "project_domain_name": identity.DEFAULT_DOMAIN[1], **login}}


def write_clouds(conf: cfg.ConfigOpts, directory: Path, endpoint: str) -> None:
    """Write ``clouds.yaml``, which OpenStack clients read: ``novasim`` is the first account, and each has its own.

    With another strategy than the built-in identity service there is one cloud, without a log-in.
    """
    clouds: dict[str, Any] = {}
    if conf.api.auth_strategy == auth.IDENTITY:
        for account in read(conf):
            login = {"username": account.user, "password": account.password or conf.identity.password,
                     "project_name": account.project, "region": conf.identity.region}
            clouds.setdefault("novasim", _cloud(endpoint, dict(login)))
            clouds.setdefault(f"novasim-{account.user}", _cloud(endpoint, login))
    else:
        clouds["novasim"] = _cloud(endpoint, None)
    path = directory / CLOUDS
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        yaml.safe_dump({"clouds": clouds}, file, sort_keys=False)
