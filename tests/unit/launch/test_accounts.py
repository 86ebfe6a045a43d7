"""Who may log in to a fresh cluster, and what their clients are told."""

import pytest
import yaml

from novasim import exceptions
from novasim.api.identity.passwords import Passwords
from novasim.db import identity
from novasim.db import identity_models as models
from novasim.launch import accounts, wiring

HERE = "http://h:1/v2.1"


@pytest.fixture
def configured(tmp_path):
    """A configuration with accounts of one's own."""
    def configured(text=None, **overrides):
        if text is not None:
            (tmp_path / "accounts.yaml").write_text(text)
            overrides["identity.accounts"] = str(tmp_path / "accounts.yaml")
        return wiring.build_config(overrides={"api.auth_strategy": "identity", "identity.password_hash_rounds": 4,
                                              **overrides})
    return configured


@pytest.fixture
def database(novasim_shelf):
    lent = novasim_shelf.database()
    yield lent
    novasim_shelf.give_back(lent)


def test_the_accounts_that_clients_expect(configured, database):
    accounts.seed(configured(), database)
    given = {(row["user_name"], row["project_name"], row["role_name"]) for row in database.read(
        identity.assignments, target_type=identity.PROJECT)}
    assert given == {
        ("admin", "admin", "admin"), ("admin2", "admin2", "admin"), ("service", "service", "admin"),
        ("service", "service", "service"), ("member3", "project3", "member"), ("member4", "project4", "member"),
        *((f"{role}{number}", f"project{number}", role) for role in ("member", "reader", "manager")
          for number in (1, 2))}
    assert all(len(row["uuid"]) == 32 for row in database.read(identity.search, models.users))


def test_ones_own(configured, database):
    conf = configured("- {user: ann, project: a, roles: [admin], password: her-own}\n"
                      "- {user: ben, project: a, roles: [reader]}\n"
                      "- {user: ben, project: b, roles: [manager, service]}",
                      **{"identity.password": "of-all"})
    for _ in range(2):
        accounts.seed(conf, database)
    users = {row["name"]: row for row in database.read(identity.search, models.users)}
    fits = Passwords(4).fits
    assert (len(users), fits("her-own", users["ann"]["password_hash"]), fits("of-all", users["ben"]["password_hash"]),
            fits("of-all", users["ann"]["password_hash"])) == (2, True, True, False)
    assert [row["name"] for row in database.read(identity.projects_of, users["ben"]["uuid"])] == ["a", "b"]


@pytest.mark.parametrize(("text", "told"), [
    ("", "accounts"), ("[]", "lists nobody"), ("- {user: a}", "project"), ("user: a", "array"), ("[", "accounts.yaml"),
    ("- {user: a, project: p, roles: [king]}", "no such role: king"),
    ("- {user: a, project: p, roles: [admin], colour: red}", "colour"), ("- {user: 1, project: p, roles: []}", "str")])
def test_what_is_wrong_is_named(configured, text, told):
    with pytest.raises(exceptions.ConfigurationError, match=told):
        accounts.read(configured(text))


def test_a_file_that_is_missing_is_named(configured):
    with pytest.raises(exceptions.ConfigurationError, match="accounts: there is no 'none'; there are default"):
        accounts.read(configured(**{"identity.accounts": "none"}))


def test_the_clouds_of_clients(configured, tmp_path):
    conf = configured("- {user: ann, project: a, roles: [admin], password: her-own}\n"
                      "- {user: ben, project: b, roles: [reader]}\n- {user: ben, project: c, roles: [reader]}")
    accounts.write_clouds(conf, tmp_path, HERE)
    path = tmp_path / "clouds.yaml"
    clouds = yaml.safe_load(path.read_text())["clouds"]
    assert list(clouds) == ["novasim", "novasim-ann", "novasim-ben"]
    assert clouds["novasim"] == clouds["novasim-ann"] == {
        "auth_type": "password", "identity_api_version": "3", "region_name": "RegionOne", "auth": {
            "auth_url": "http://h:1/identity", "username": "ann", "password": "her-own", "user_domain_name": "Default",
            "project_name": "a", "project_domain_name": "Default"}}
    ben = clouds["novasim-ben"]["auth"]
    assert (ben["password"], ben["project_name"]) == ("novasim", "b")
    assert path.stat().st_mode & 0o777 == 0o600
    accounts.write_clouds(wiring.build_config(), tmp_path, HERE)
    assert yaml.safe_load(path.read_text())["clouds"] == {"novasim": {"auth_type": "none", "auth": {"endpoint": HERE}}}
    accounts.write_clouds(configured(**{"api.auth_strategy": "keystone"}), tmp_path, HERE)
    assert not path.exists()
