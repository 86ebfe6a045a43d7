"""Key pairs: what is printed once, and whose they are."""

import json

import pytest

KEY = {"name": "a key", "type": "ssh", "fingerprint": "00:11", "public_key": "ssh-rsa AAAA me", "user_id": "u"}


@pytest.fixture
def keypairs(api):
    api.on("GET", "/os-keypairs", {"keypairs": [{"keypair": KEY}]})
    api.on("GET", "/os-keypairs/a%20key", {"keypair": KEY | {"id": 1}})
    api.on("DELETE", "/os-keypairs/a%20key", (204, None))
    return api


@pytest.mark.parametrize(("answer", "printed"), [(KEY | {"private_key": "-----BEGIN\nx\n"}, "-----BEGIN\nx\n"),
                                                 (KEY, "")])
def test_add_prints_a_private_key_and_nothing_else(novasim, api, answer, printed):
    api.on("POST", "/os-keypairs", {"keypair": answer})
    assert novasim("keypair-add", "a key", "--key-type", "ssh")[:2] == (0, printed)
    assert api.sent("POST", "/os-keypairs") == [{"keypair": {"name": "a key", "type": "ssh"}}]


def test_add_takes_a_public_key_for_another_user(novasim, api, tmp_path):
    (tmp_path / "key.pub").write_text("ssh-rsa AAAA me\n")
    api.on("POST", "/os-keypairs", {"keypair": KEY})
    assert novasim("keypair-add", "k", "--pub-key", str(tmp_path / "key.pub"), "--user", "bob")[0] == 0
    assert api.sent("POST", "/os-keypairs") == [
        {"keypair": {"name": "k", "type": "ssh", "user_id": "bob", "public_key": "ssh-rsa AAAA me\n"}}]
    code, _out, err = novasim("keypair-add", "k", "--pub-key", str(tmp_path / "none"))
    assert (code, "none cannot be read as a public key" in err) == (2, True)


def test_list_show_delete(novasim, keypairs):
    assert json.loads(novasim("keypair-list", "--limit", "5", "--user", "bob", "-f", "json")[1]) == [
        {"Name": "a key", "Type": "ssh", "Fingerprint": "00:11"}]
    assert keypairs.requests[0]["query"] == {"user_id": ["bob"], "limit": ["5"]}
    assert json.loads(novasim("keypair-show", "a key", "-f", "json")[1]) == KEY | {"id": 1}
    assert novasim("keypair-delete", "a key") == (0, "key pair a key is deleted\n", "")
    assert {request["headers"]["OpenStack-API-Version"] for request in keypairs.requests} == {
        "compute 2.35", "compute 2.10"}
