"""Nothing that is secret is written down: not in a log at any level, not in a journal, not in an answer that it was not
made for."""

import json
import logging
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from identity_door import HOME, password_body

from novasim.cli import main

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
FIRST, SECOND, CREDENTIAL = "first-secret-of-u", "second-secret-of-u", "secret-of-a-program"


@pytest.fixture
def everything_logged(caplog):
    """All loggers at DEBUG, those of libraries too, whatever is set for them."""
    names = [name for name in logging.root.manager.loggerDict]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


class Session:
    """A user on real sockets, who remembers all that is secret."""

    def __init__(self, endpoint):
        self.root = endpoint.removesuffix("/v2.1")
        self.secrets = {FIRST, SECOND, CREDENTIAL}

    def call(self, method, path, body=None, token=None, **headers):
        """Status, headers and body."""
        request = urllib.request.Request(self.root + path, method=method, headers={
            "Content-Type": "application/json", **({"X-Auth-Token": token} if token else {}),
            **{name.replace("_", "-"): text for name, text in headers.items()}})
        request.data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.headers, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code, error.headers, json.loads(error.read() or "null")

    def log_in(self, body):
        status, headers, _ = self.call("POST", "/identity/v3/auth/tokens", body)
        if status != 201:
            return None
        self.secrets.add(headers["X-Subject-Token"])
        return headers["X-Subject-Token"]


def use_servers(cluster, session, token):
    """What is secret of servers: their administrators' passwords, private keys, and what opens consoles."""
    status, _, pair = session.call("POST", "/v2.1/os-keypairs", {"keypair": {"name": "k"}}, token)
    assert status == 200
    session.secrets |= {line for line in pair["keypair"]["private_key"].splitlines() if len(line) > 40}
    session.secrets |= {"password-at-birth", "password-of-guest", "password-of-rescue"}
    server = cluster.boot(token=token, adminPass="password-at-birth")
    cluster.act(server, {"changePassword": {"adminPass": "password-of-guest"}}, "compute_set_admin_password", token)
    bad = {"changePassword": {"adminPass": ["password-of-guest"]}}
    assert cluster.http("POST", f"/servers/{server}/action", bad, token).status_int == 400
    console = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    opened = cluster.http("POST", f"/servers/{server}/remote-consoles", console, token, "2.6")
    assert opened.status_int == 200, opened.text
    session.secrets.add(opened.json["remote_console"]["url"].rpartition("%3D")[2])
    rebuilt = cluster.http("POST", f"/servers/{server}/action", {"rebuild": {"imageRef": IMAGE}}, token)
    session.secrets.add(rebuilt.json["server"]["adminPass"])
    cluster.watch.wait("rebuilt", instance_uuid=server)
    cluster.act(server, {"rescue": {"adminPass": "password-of-rescue"}}, "compute_rescue_instance", token, 200)


def test_no_log_holds_a_password_or_a_token(make_cluster, everything_logged, tmp_path, monkeypatch, capsys):
    cluster = make_cluster(**{"api.auth_strategy": "identity", "identity.password": "password-of-all",
                              "identity.password_hash_rounds": 4})
    session = Session(cluster.embedded.endpoint)
    session.secrets.add("password-of-all")
    admin = session.log_in(password_body("admin", "password-of-all"))
    _, _, said = session.call("GET", "/identity/v3/auth/tokens", token=admin, X_Subject_Token=admin)
    project = said["token"]["project"]["id"]
    _, _, made = session.call("POST", "/identity/v3/users", {
        "user": {"name": "u", "password": FIRST, "default_project_id": project}}, admin)
    user = made["user"]["id"]
    assert session.log_in(password_body("u", "not-" + FIRST)) is None
    for bad in ({"name": "u2", "password": [SECOND]}, {"name": "u2", "password": SECOND, "colour": 1}):
        status, _, told = session.call("POST", "/identity/v3/users", {"user": bad}, admin)
        assert (status, SECOND in str(told)) == (400, False)
    roles = session.call("GET", "/identity/v3/roles?name=member", token=admin)[2]["roles"]
    session.call("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{roles[0]['id']}", token=admin)
    token = session.log_in(password_body("u", FIRST))
    status, _, credential = session.call("POST", f"/identity/v3/users/{user}/application_credentials", {
        "application_credential": {"name": "a", "secret": CREDENTIAL}}, token)
    assert status == 201
    assert session.log_in({"auth": {"identity": {"methods": ["application_credential"], "application_credential": {
        "id": credential["application_credential"]["id"], "secret": CREDENTIAL}}}})
    status, _, _ = session.call("POST", f"/identity/v3/users/{user}/password", {
        "user": {"password": SECOND, "original_password": FIRST}})
    assert status == 204
    assert session.call("GET", "/v2.1/servers", token=token)[0] == 401
    token = session.log_in(password_body("u", SECOND, project={"name": "admin", "domain": HOME}))
    assert session.call("GET", "/v2.1/servers/detail", token=token)[0] == 200
    use_servers(cluster, session, token)
    session.call("DELETE", "/identity/v3/auth/tokens", token=admin, X_Subject_Token=token)
    # The command line, with all that it can tell.
    for name, value in {"OS_AUTH_TYPE": "password", "OS_AUTH_URL": f"{session.root}/identity", "OS_USERNAME": "u",
                        "OS_PASSWORD": SECOND, "OS_PROJECT_NAME": "admin"}.items():
        monkeypatch.setenv(name, value)
    assert main.main(["--endpoint", cluster.embedded.endpoint, "--debug", "list"]) == 0
    monkeypatch.setenv("OS_PASSWORD", FIRST)
    assert main.main(["--endpoint", cluster.embedded.endpoint, "--debug", "list"]) == 1
    told = everything_logged.text + "".join(capsys.readouterr())
    assert "/identity/v3/auth/tokens" in told, "it is the log of this session"
    cluster.stop()
    journals = [path for path in cluster.state_dir.rglob("*") if path.is_file() and "sqlite" not in path.name]
    assert any("journal" in str(path) for path in journals)
    told += "".join(path.read_text(errors="replace") for path in journals)
    assert [secret for secret in session.secrets if secret in told] == []
    cluster.start()


def test_nothing_holds_a_private_key(make_cluster, everything_logged, capsys):
    """It is told once: to who had the pair made."""
    cluster = make_cluster()
    session = Session(cluster.embedded.endpoint)
    keys = [session.call("POST", "/v2.1/os-keypairs", {"keypair": {"name": kind, "type": kind}}, "u:p",
                         OpenStack_API_Version="compute 2.2")[2]["keypair"]["private_key"] for kind in ("ssh", "x509")]
    assert main.main(["--endpoint", cluster.embedded.endpoint, "--debug", "keypair-add", "mine"]) == 0
    printed, told = capsys.readouterr()
    keys.append(printed)
    told += everything_logged.text
    assert "/v2.1/os-keypairs" in told
    database = Path(cluster.db.engine.url.database)
    cluster.stop()
    files = [path for path in (*cluster.state_dir.rglob("*"), *database.parent.glob(f"{database.name}*"))
             if path.is_file()]
    told += "".join(path.read_bytes().decode(errors="replace") for path in files)
    assert "Generated-by-Nova" in told, "what is public is kept"
    assert [key for key in keys if key.splitlines()[3] in told] == []
    cluster.start()
