"""Logging in: from which variables or file, where to, when again, and when not at all."""

import argparse
import json

import pytest
import yaml

from novasim.cli import login, settings
from novasim.cli.client import ApiError, Client
from novasim.cli.errors import CliError
from novasim.cli.login import Login
from novasim.cli.settings import Settings

HERE = "http://h:1/v2.1"
PASSWORD = {"OS_AUTH_URL": "http://h:1/identity", "OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_PROJECT_NAME": "blue"}


def options(**given):
    return argparse.Namespace(**{"endpoint": None, "os_username": None, "os_project_name": None,
                                 "api_version": None} | given)


@pytest.fixture
def cluster(tmp_path):
    """The state directory of a cluster with an identity service."""
    (tmp_path / "cluster.json").write_text(json.dumps({"endpoint": HERE, "pid": 1, "auth_strategy": "identity"}))
    auth = {"auth_url": "http://h:1/identity", "username": "admin", "password": "p1", "project_name": "admin",
            "user_domain_name": "Default", "project_domain_name": "Default"}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {
        "novasim": {"auth": auth}, "novasim-bob": {"auth": auth | {"username": "bob", "project_name": "red"}}}}))
    return str(tmp_path)


@pytest.mark.parametrize(("environ", "expected"), [
    (PASSWORD, Login("http://h:1/identity", "ann", "pw", project_name="blue")),
    (PASSWORD | {"OS_AUTH_TYPE": "v3password", "OS_AUTH_URL": "http://elsewhere/v3"},
     Login("http://elsewhere/v3", "ann", "pw", project_name="blue")),
    (PASSWORD | {"OS_PROJECT_ID": "7", "OS_USER_DOMAIN_NAME": "u", "OS_PROJECT_DOMAIN_NAME": "p"},
     Login("http://h:1/identity", "ann", "pw", "u", "blue", "7", "p")),
    (PASSWORD | {"OS_AUTH_TYPE": "v3applicationcredential", "OS_APPLICATION_CREDENTIAL_ID": "c",
                 "OS_APPLICATION_CREDENTIAL_SECRET": "s"},
     Login("http://h:1/identity", credential_id="c", credential_secret="s")),
    # The password of another cloud goes nowhere.
    (PASSWORD | {"OS_AUTH_URL": "http://elsewhere/v3"}, None), (PASSWORD | {"OS_AUTH_TYPE": "none"}, None),
    (PASSWORD | {"OS_PASSWORD": ""}, None), ({}, None)])
def test_what_the_environment_means(environ, expected):
    assert login.of_environment(environ, HERE) == expected


def test_no_secret_is_shown():
    assert "hidden" not in repr(Login("u", "ann", "hidden", credential_secret="hidden"))


@pytest.mark.parametrize(("said", "scope"), [
    ({"project_name": "blue"}, {"project": {"name": "blue", "domain": {"name": "Default"}}}),
    ({"project_name": "blue", "project_id": "7"}, {"project": {"id": "7"}}), ({}, None)])
def test_the_body(said, scope):
    auth = Login("u", "ann", "pw", **said).body()["auth"]
    assert auth["identity"] == {"methods": ["password"], "password": {
        "user": {"name": "ann", "domain": {"name": "Default"}, "password": "pw"}}}
    assert auth.get("scope") == scope


@pytest.mark.parametrize("url", ["http://h/identity", "http://h/identity/", "http://h/identity/v3"])
def test_the_url_is_completed(url):
    assert Login(url).endpoint == "http://h/identity/v3"


@pytest.mark.parametrize(("given", "environ", "user", "project"), [
    (options(), {}, "admin", "admin"), (options(os_username="bob"), {}, "bob", "red"),
    (options(), {"OS_USERNAME": "bob"}, "bob", "red"), (options(os_project_name="x"), {}, "admin", "x"),
    (options(os_username="eve"), PASSWORD, "eve", "blue")])
def test_the_cluster_of_the_folder_has_accounts(cluster, given, environ, user, project):
    found = settings.resolve(given, environ, cluster)
    if environ is PASSWORD:
        assert found.endpoint == HERE
    assert (found.login.username, found.login.project_name) == (user, project)


@pytest.mark.parametrize(("given", "environ"), [
    (options(), {"OS_TOKEN": "t"}), (options(endpoint="http://other/v2.1"), {})])
def test_nobody_logs_in_where_it_is_not_wanted(cluster, given, environ):
    assert settings.resolve(given, environ, cluster).login is None


def test_an_unknown_account_is_named(cluster):
    with pytest.raises(CliError, match="has no log-in of eve"):
        settings.resolve(options(os_username="eve"), {}, cluster)


@pytest.fixture
def client(api):
    api.on("POST", "/v3/auth/tokens", *[(201, {"token": {"project": {"id": "p7"}}}, {"X-Subject-Token": token})
                                        for token in ("one", "two")])
    with Client(Settings(api.endpoint, "", login=Login(api.endpoint, "ann", "pw"))) as made:
        yield made


def test_one_log_in_serves_all_requests(api, client):
    api.on("GET", "/servers", {"servers": []})
    for _ in range(3):
        client.get("/servers")
    assert client.project() == "p7"
    assert len(api.sent("POST", "/v3/auth/tokens")) == 1
    assert [request["headers"]["X-Auth-Token"] for request in api.requests] == ["", "one", "one", "one"]


def test_it_logs_in_again_when_the_token_is_worth_nothing(api, client):
    api.on("GET", "/servers", (401, {"error": {"code": 401, "message": "no"}}), {"servers": []})
    client.get("/servers")
    assert [request["headers"]["X-Auth-Token"] for request in api.requests if request["method"] == "GET"] == [
        "one", "two"]


def test_it_gives_up_then(api, client):
    api.on("GET", "/servers", (401, {"error": {"code": 401, "message": "nobody knows you"}}))
    with pytest.raises(ApiError, match="nobody knows you"):
        client.get("/servers")
    assert len(api.sent("GET", "/servers")) == 2


def test_a_refused_log_in_is_told(api):
    api.on("POST", "/v3/auth/tokens", (401, {"error": {"code": 401, "message": "wrong password"}}))
    with (Client(Settings(api.endpoint, "", login=Login(api.endpoint, "ann", "pw"))) as client,
          pytest.raises(ApiError, match="wrong password")):
        client.get("/servers")
