"""Logging in where the cluster asks an identity service: as the environment or clouds.yaml says."""

import dataclasses
import pathlib
import urllib.parse
from collections.abc import Mapping
from typing import Any

from novasim.cli.errors import CliError

CLOUDS = "clouds.yaml"
CLOUD = "novasim"
DOMAIN = "Default"


@dataclasses.dataclass(frozen=True)
class Login:
    """Who logs in where; what is secret is not shown."""

    auth_url: str
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    user_domain: str = DOMAIN
    project_name: str | None = None
    project_id: str | None = None
    project_domain: str = DOMAIN
    credential_id: str | None = None
    credential_secret: str | None = dataclasses.field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        """The URL of Identity v3."""
        url = self.auth_url.rstrip("/")
        return url if url.endswith("/v3") else f"{url}/v3"

    def body(self) -> dict[str, Any]:
        """What is sent to log in."""
        if self.credential_id:
            return {"auth": {"identity": {"methods": ["application_credential"], "application_credential": {
                "id": self.credential_id, "secret": self.credential_secret}}}}
        user = {"name": self.username, "domain": {"name": self.user_domain}, "password": self.password}
        auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
        if self.project_id:
            auth["scope"] = {"project": {"id": self.project_id}}
        elif self.project_name:
            auth["scope"] = {"project": {"name": self.project_name, "domain": {"name": self.project_domain}}}
        return {"auth": auth}


def of_environment(environ: Mapping[str, str], endpoint: str) -> Login | None:
    """The log-in that the OS_* variables describe; None when they describe none for this endpoint.

    A shell may be prepared for another cloud, whose password is not to be sent anywhere: unless OS_AUTH_TYPE says that
    it is meant, only the identity service of the endpoint's own server is asked.
    """
    auth_url, kind = environ.get("OS_AUTH_URL"), environ.get("OS_AUTH_TYPE", "")
    if not auth_url or kind not in ("", "password", "v3password", "v3applicationcredential"):
        return None
    if not kind and urllib.parse.urlsplit(auth_url).netloc != urllib.parse.urlsplit(endpoint).netloc:
        return None
    if kind == "v3applicationcredential" or environ.get("OS_APPLICATION_CREDENTIAL_ID"):
        return Login(auth_url, credential_id=environ.get("OS_APPLICATION_CREDENTIAL_ID"),
                     credential_secret=environ.get("OS_APPLICATION_CREDENTIAL_SECRET"))
    if not environ.get("OS_PASSWORD"):
        return None
    return Login(
        auth_url, environ.get("OS_USERNAME"), environ["OS_PASSWORD"],
        user_domain=environ.get("OS_USER_DOMAIN_NAME") or DOMAIN,
        project_name=environ.get("OS_PROJECT_NAME") or environ.get("OS_TENANT_NAME"),
        project_id=environ.get("OS_PROJECT_ID"), project_domain=environ.get("OS_PROJECT_DOMAIN_NAME") or DOMAIN)


def of_cluster(state_dir: str, username: str | None) -> Login:
    """The log-in that the cluster in a state directory has for one of its accounts.

    :param username: None for its first one
    :raises CliError: there is no such account, or the file cannot be read
    """
    import yaml  # only where it is needed: it takes its time

    path = pathlib.Path(state_dir) / CLOUDS
    try:
        clouds = yaml.safe_load(path.read_text())["clouds"]
        cloud = clouds[f"{CLOUD}-{username}" if username else CLOUD]
        auth = cloud["auth"]
        return Login(auth["auth_url"], auth["username"], auth["password"], auth["user_domain_name"],
                     auth["project_name"], None, auth["project_domain_name"])
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise CliError(f"{path} has no log-in of {username or 'an admin'}. Log in with OS_USERNAME, OS_PASSWORD, "
                       "OS_PROJECT_NAME and OS_AUTH_URL") from error
