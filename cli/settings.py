"""Where the cluster is and who is asking: options, then environment, then the cluster started in this folder.

The usual OS_* variables are honoured, so that a shell prepared for other clients works here unchanged.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

from novasim.cli import login
from novasim.cli.errors import CliError
from novasim.cli.login import Login

DEFAULT_ENDPOINT = "http://127.0.0.1:8774/v2.1"
DEFAULT_NAME = "admin"
STATE_DIR = "./.novasim"
STATE_FILE = "cluster.json"
# What a cluster says of itself that has an identity service of its own, and one that asks a Keystone.
IDENTITY, KEYSTONE = "identity", "keystone"

ENDPOINT_VARIABLES = ("NOVASIM_ENDPOINT", "OS_ENDPOINT", "OS_ENDPOINT_OVERRIDE")
TOKEN_VARIABLES = ("NOVASIM_TOKEN", "OS_TOKEN")
PROJECT_VARIABLES = ("OS_PROJECT_NAME", "OS_TENANT_NAME", "OS_PROJECT_ID")


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to reach the compute API: its URL, the token to send, and the microversion (None: not sent).

    Where `login` is set, the token is what that gives.
    """

    endpoint: str
    token: str
    api_version: str | None = None
    login: Login | None = None


def resolve(options: argparse.Namespace, environ: Mapping[str, str] = os.environ,
            state_dir: str = STATE_DIR) -> Settings:
    """Return the Settings of this call.

    :param options: parsed global options (endpoint, os_username, os_project_name, api_version)
    :param environ: the environment variables
    :param state_dir: folder whose cluster.json names the endpoint when nothing else does
    :raises CliError: the endpoint is not a URL, or cluster.json cannot be read
    """
    endpoint = checked_url(_endpoint(options, environ, state_dir))
    return Settings(
        endpoint=endpoint,
        token=_token(options, environ),
        api_version=options.api_version or environ.get("OS_COMPUTE_API_VERSION") or None,
        login=_login(options, environ, state_dir, endpoint),
    )


def cluster_record(state_dir: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return what the cluster in `state_dir` wrote about itself when it was ready, None when there is none.

    :raises CliError: the file is there but cannot be read
    """
    path = pathlib.Path(state_dir) / STATE_FILE
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CliError(f"{path} cannot be read: {error}. Remove it if no cluster runs there") from error
    if not isinstance(record, dict) or "endpoint" not in record or not isinstance(record.get("pid"), int):
        raise CliError(f"{path} names no endpoint and pid. Remove it if no cluster runs there")
    return record


def checked_url(endpoint: str) -> str:
    """Return `endpoint` without a slash at its end, with /v2.1 added when it has no path.

    :raises CliError: it is not an http URL
    """
    remedy = f"Give one such as {DEFAULT_ENDPOINT}"
    try:
        parts = urllib.parse.urlsplit(endpoint)
        _ = parts.port  # reading it is its check
    except ValueError as error:
        raise CliError(f"the endpoint '{endpoint}' is no http URL: {error}. {remedy}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CliError(f"the endpoint '{endpoint}' is no http URL. {remedy}")
    path = parts.path.rstrip("/") or "/v2.1"
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _endpoint(options: argparse.Namespace, environ: Mapping[str, str], state_dir: str) -> str:
    found = options.endpoint or _first(environ, ENDPOINT_VARIABLES)
    if found:
        return found
    record = cluster_record(state_dir)
    return record["endpoint"] if record else DEFAULT_ENDPOINT


def _login(options: argparse.Namespace, environ: Mapping[str, str], state_dir: str, endpoint: str) -> Login | None:
    """How to log in; None for a cluster that wants no password, and with a ready-made token."""
    user, project = options.os_username, options.os_project_name
    if _first(environ, TOKEN_VARIABLES) and not (user or project):
        return None
    found = login.of_environment(environ, endpoint)
    if found is None:
        record = cluster_record(state_dir)
        if record is None or record["endpoint"] != endpoint or record.get("auth_strategy") != IDENTITY:
            return None
        found = login.of_cluster(state_dir, user or environ.get("OS_USERNAME"))
    if user:
        found = dataclasses.replace(found, username=user)
    return dataclasses.replace(found, project_name=project, project_id=None) if project else found


def _token(options: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """The noauth mode's token is `user:project`; an option that names either wins over a ready-made token."""
    ready_made = _first(environ, TOKEN_VARIABLES)
    if ready_made and not (options.os_username or options.os_project_name):
        return ready_made
    user = options.os_username or environ.get("OS_USERNAME") or DEFAULT_NAME
    project = options.os_project_name or _first(environ, PROJECT_VARIABLES) or DEFAULT_NAME
    return f"{user}:{project}"


def _first(environ: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)
