"""keystonemiddleware in front of the API, with the built-in identity service of another cluster as the Keystone that it
asks: the same requests and answers as a real one.
"""

import json
import urllib.error
import urllib.request

import pytest
from identity_door import password_body

from novasim.launch import embedded, wiring

ASKED = """
[api]
auth_strategy = keystone
listen_port = 0
[keystone_authtoken]
www_authenticate_uri = {keystone}
auth_url = {keystone}
auth_type = password
username = service
password = novasim
project_name = service
user_domain_name = Default
project_domain_name = Default
service_token_roles_required = true
token_cache_time = -1
"""


def call(method, url, body=None, token=None, **headers):
    """Status, headers and body."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    request = urllib.request.Request(url, method=method, headers={
        "Content-Type": "application/json", **({"X-Auth-Token": token} if token else {}), **named})
    request.data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read() or "null")


@pytest.fixture
def keystone(make_cluster):
    """URL of the identity service."""
    cluster = make_cluster(**{"api.auth_strategy": "identity", "identity.password_hash_rounds": 4})
    return cluster.endpoint.removesuffix("/v2.1") + "/identity"


@pytest.fixture
def endpoint(keystone, tmp_path):
    """URL of a compute service that knows no users."""
    path = tmp_path / "novasim.conf"
    general = f"[DEFAULT]\nstate_path = {tmp_path}/compute\ntransport_url = {wiring.bus_url()}\n"
    path.write_text(general + ASKED.format(keystone=keystone))
    with embedded.EmbeddedCluster(tmp_path / "compute", conf=wiring.build_config(files=[str(path)])) as cluster:
        yield cluster.endpoint


@pytest.fixture
def log_in(keystone):
    def log_in(user, **scope):
        status, headers, said = call("POST", f"{keystone}/v3/auth/tokens", password_body(user, **scope))
        assert status == 201, said
        return headers["X-Subject-Token"], said["token"]
    return log_in


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_keystone_says_who_asks(keystone, endpoint, log_in):
    assert call("GET", endpoint)[0] == 200, "the version document needs no token"
    token, said = log_in("member1")
    project = said["project"]["id"]
    status, _, made = call("POST", f"{endpoint}/servers", {"server": {
        "name": "s", "flavorRef": "1", "imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6"}}, token)
    assert status == 202
    server = f"{endpoint}/servers/{made['server']['id']}"
    shown = call("GET", server, token=token)[2]["server"]
    assert (shown["tenant_id"], shown["user_id"]) == (project, said["user"]["id"])
    assert call("GET", f"{endpoint}/os-services", token=token)[0] == 403
    assert call("GET", server, token=log_in("member2")[0])[0] == 404
    assert call("GET", server, token=log_in("reader1")[0])[0] == 200
    assert call("DELETE", server, token=log_in("reader1")[0])[0] == 403
    admin, _ = log_in("admin")
    assert call("GET", f"{endpoint}/os-services", token=admin)[0] == 200
    assert call("GET", server, token=log_in("member1", unscoped={})[0])[0] == 403
    call("DELETE", f"{keystone}/v3/auth/tokens", token=token, X_Subject_Token=token)
    assert call("GET", server, token=token)[0] == 401


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nobody_vouches_for_himself(keystone, endpoint):
    claimed = {"X_Identity_Status": "Confirmed", "X_Roles": "admin", "X_User_Id": "u", "X_Project_Id": "p"}
    for token in (None, "admin:admin"):
        status, headers, said = call("GET", f"{endpoint}/servers", token=token, **claimed)
        assert (status, said["error"]["code"]) == (401, 401)
        assert headers["WWW-Authenticate"] == f'Keystone uri="{keystone}"'
    assert call("GET", endpoint.replace("/v2.1", "/identity/v3"))[0] == 300, "there is none here"
