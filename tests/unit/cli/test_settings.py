"""Where the endpoint and the identity come from, and which source wins."""

import argparse
import json

import pytest

from novasim.cli import settings
from novasim.cli.errors import CliError


def options(**given):
    return argparse.Namespace(**{"endpoint": None, "os_username": None, "os_project_name": None,
                                 "api_version": None} | given)


def test_default_endpoint_and_identity():
    found = settings.resolve(options(), {})
    assert found == settings.Settings("http://127.0.0.1:8774/v2.1", "admin:admin", None)


ENVIRONMENT = {"NOVASIM_ENDPOINT": "http://a/v2.1", "OS_ENDPOINT": "http://b/v2.1",
               "OS_ENDPOINT_OVERRIDE": "http://c/v2.1"}


@pytest.mark.parametrize(("given", "environ", "expected"), [
    (options(endpoint="http://o/v2.1"), ENVIRONMENT, "http://o/v2.1"),
    (options(), ENVIRONMENT, "http://a/v2.1"),
    (options(), {k: v for k, v in ENVIRONMENT.items() if k != "NOVASIM_ENDPOINT"}, "http://b/v2.1"),
    (options(), {"OS_ENDPOINT_OVERRIDE": "http://c/v2.1"}, "http://c/v2.1"),
    (options(), {"NOVASIM_ENDPOINT": ""}, "http://state/v2.1"),
])
def test_endpoint_precedence(tmp_path, given, environ, expected):
    (tmp_path / "cluster.json").write_text(json.dumps({"endpoint": "http://state/v2.1", "pid": 1}))
    assert settings.resolve(given, environ, str(tmp_path)).endpoint == expected


@pytest.mark.parametrize(("given", "environ", "expected"), [
    (options(), {"NOVASIM_TOKEN": "n", "OS_TOKEN": "o"}, "n"),
    (options(), {"OS_TOKEN": "o", "OS_USERNAME": "u"}, "o"),
    (options(os_username="ann"), {"OS_TOKEN": "o"}, "ann:admin"),
    (options(), {"OS_USERNAME": "u", "OS_PROJECT_NAME": "p", "OS_TENANT_NAME": "t"}, "u:p"),
    (options(), {"OS_USERNAME": "u", "OS_TENANT_NAME": "t", "OS_PROJECT_ID": "i"}, "u:t"),
    (options(), {"OS_USERNAME": "u", "OS_PROJECT_ID": "i"}, "u:i"),
    (options(os_project_name="x"), {"OS_USERNAME": "u", "OS_PROJECT_NAME": "p"}, "u:x"),
])
def test_identity_precedence(given, environ, expected):
    assert settings.resolve(given, environ, "nowhere").token == expected


def test_api_version_of_option_wins():
    environ = {"OS_COMPUTE_API_VERSION": "2.53"}
    assert settings.resolve(options(api_version="2.60"), environ, "nowhere").api_version == "2.60"
    assert settings.resolve(options(), environ, "nowhere").api_version == "2.53"


@pytest.mark.parametrize(("given", "expected"), [
    ("http://h:1", "http://h:1/v2.1"),
    ("http://h:1/", "http://h:1/v2.1"),
    ("https://h/compute/v2.1/", "https://h/compute/v2.1"),
])
def test_url_is_completed(given, expected):
    assert settings.checked_url(given) == expected


@pytest.mark.parametrize("given", ["127.0.0.1:8774", "ftp://h/", "http://", "http://h:port/v2.1", "http://[::1"])
def test_bad_url_is_named(given):
    with pytest.raises(CliError, match="is no http URL") as caught:
        settings.checked_url(given)
    assert given in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"endpoint": "http://h/", "pid": "7"}', "{"])
def test_broken_cluster_file_is_named(tmp_path, text):
    (tmp_path / "cluster.json").write_text(text)
    with pytest.raises(CliError, match="cluster.json") as caught:
        settings.cluster_record(tmp_path)
    assert "Remove it" in str(caught.value)
