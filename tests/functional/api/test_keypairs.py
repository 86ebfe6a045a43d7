"""Key pairs: each user's own, imported or made, for SSH or X.509, at every version."""

import hashlib
import json

import published_samples
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from published_samples import SAMPLES, differences, sample_versions

BOB, EVE, ADMIN = "bob:p1", "eve:p1", "admin:admin"
KEY = ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDx8nkQv/zgGgB4rMYmIf+6A4l6Rr+o/6lHBQdW5aYd44bd8JttDCE/F/pNRr0lRE+PiqSPO8"
       "nDPHw0010JeMH9gYgnnFlyY3/OcJ02RhIPyyxYpv9FhY+2YiUkpwFOcLImyrxEsYXpD/0d3ac30bNH6Sw9JD9UZHYcpSxsIbECHw== mine")
FINGERPRINT = "1e:2c:9b:56:79:4b:45:77:f9:ca:7a:98:2c:b0:d5:3c"


def add(cloud, name="key", user=BOB, version="2.2", **fields):
    return cloud.call("POST", "/os-keypairs", {"keypair": {"name": name} | fields}, version, user)


def names(cloud, query="", user=BOB, version="2.35"):
    answer = cloud.get(f"/os-keypairs{query}", user=user, version=version)
    assert answer.status == 200, answer.text
    return [one["keypair"]["name"] for one in answer.body["keypairs"]]


@pytest.mark.parametrize(("version", "made", "gone", "has_type"), [
    ("2.1", 200, 202, False), ("2.2", 201, 204, True), ("2.91", 201, 204, True), ("2.92", 201, 204, True)])
def test_a_key_is_imported_shown_listed_and_deleted(cloud, version, made, gone, has_type):
    answer = add(cloud, "my key", version=version, public_key=KEY)
    fields = {"name": "my key", "fingerprint": FINGERPRINT, "public_key": KEY} | ({"type": "ssh"} if has_type else {})
    assert (answer.status, answer.body) == (made, {"keypair": fields | {"user_id": "bob"}})
    shown = cloud.get("/os-keypairs/my%20key", user=BOB, version=version).body["keypair"]
    assert shown == fields | {"user_id": "bob", "id": shown["id"], "created_at": "2026-01-01T12:00:00.000000",
                              "updated_at": None, "deleted_at": None, "deleted": False}
    assert cloud.get("/os-keypairs", user=BOB, version=version).body == {"keypairs": [{"keypair": fields}]}
    answer = cloud.call("DELETE", "/os-keypairs/my%20key", None, version, BOB)
    assert (answer.status, answer.body) == (gone, None)
    assert cloud.call("DELETE", "/os-keypairs/my%20key", None, version, BOB).status == 404
    answer = cloud.get("/os-keypairs/my%20key", user=BOB, version=version)
    assert (answer.status, answer.message) == (404, "Keypair my key not found for user bob")
    assert add(cloud, "my key", version=version, public_key=KEY).status == made, "the name is free again"


def test_a_pair_is_made_and_its_private_key_told_once(cloud):
    made = add(cloud).body["keypair"]
    private = serialization.load_pem_private_key(made["private_key"].encode(), None)
    assert made["private_key"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert serialization.load_ssh_public_key(made["public_key"].encode()) == private.public_key()
    assert made["public_key"].endswith(" Generated-by-Nova\n")
    assert "private_key" not in cloud.get("/os-keypairs/key", user=BOB).body["keypair"]
    secret = made["private_key"].splitlines()[5]
    assert secret not in json.dumps(cloud.hops, default=str)
    with cloud.db.engine.connect() as connection:
        assert secret not in str(connection.exec_driver_sql("SELECT * FROM key_pairs").all())


@pytest.mark.parametrize("user", ["bob", "a" * 255, "ü" * 255])
def test_a_certificate_is_made_for_a_user(cloud, user):
    made = add(cloud, user=ADMIN, version="2.10", type="x509", user_id=user).body["keypair"]
    certificate = x509.load_pem_x509_certificate(made["public_key"].encode())
    private = serialization.load_pem_private_key(made["private_key"].encode(), None)
    assert certificate.public_key() == private.public_key()
    certificate.verify_directly_issued_by(certificate)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    [name] = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name.value[2:].decode().endswith("@localhost")
    assert name.value[2:].decode()[0] == user[0]
    assert made["fingerprint"].replace(":", "") == certificate.fingerprint(hashes.SHA1()).hex()
    again = add(cloud, "again", type="x509", public_key=made["public_key"]).body["keypair"]
    assert (again["fingerprint"], again["type"]) == (made["fingerprint"], "x509")


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())])
def test_other_kinds_of_ssh_keys_are_taken(cloud, key):
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    answer = add(cloud, public_key=public)
    assert answer.status == 201, answer.text
    assert answer.body["keypair"]["fingerprint"].count(":") == hashlib.md5(usedforsecurity=False).digest_size - 1


@pytest.mark.parametrize(("version", "fields", "told"), [
    ("2.1", {"name": ""}, "name"), ("2.1", {"name": "x" * 256}, "name"), ("2.1", {"name": "key/x"}, "name"),
    ("2.1", {"name": " x"}, "name"), ("2.91", {"name": "a@b.c"}, "name"), ("2.1", {"name": None}, "name"),
    ("2.1", {"type": "ssh"}, "type"), ("2.2", {"type": "dsa"}, "type"), ("2.9", {"user_id": "x"}, "user_id"),
    ("2.92", {}, "public_key"), ("2.1", {"public_key": 5}, "public_key"), ("2.1", {"mine": 1}, "mine"),
    ("2.1", {"public_key": ""}, "failed to generate fingerprint"),
    ("2.1", {"public_key": "ssh-rsa AAAA"}, "failed to generate fingerprint"),
    ("2.1", {"public_key": "ssh-rsa \u00fc\u00fc"}, "failed to generate fingerprint"),
    ("2.2", {"public_key": KEY, "type": "x509"}, "failed to generate fingerprint")])
def test_bad_requests_are_refused(cloud, version, fields, told):
    answer = cloud.call("POST", "/os-keypairs", {"keypair": {"name": "key"} | fields}, version, BOB)
    assert answer.status == 400
    assert told in answer.message
    assert names(cloud) == []


def test_more_names_from_2_92_on(cloud):
    assert add(cloud, "me.and@there mooh.", version="2.92", public_key=KEY).status == 201
    assert cloud.get("/os-keypairs/me.and@there%20mooh.", user=BOB).status == 200


def test_a_name_is_taken_once_by_each_user(cloud):
    assert add(cloud, public_key=KEY).status == add(cloud, user=EVE, public_key=KEY).status == 201
    answer = add(cloud, public_key=KEY)
    assert (answer.status, answer.message) == (409, "Key pair 'key' already exists.")


def test_a_user_has_his_own_only_and_an_admin_all(cloud):
    add(cloud, public_key=KEY)
    assert names(cloud, user=EVE) == names(cloud, user=ADMIN) == []
    assert cloud.get("/os-keypairs/key", user=EVE).status == 404
    for method, path in (("GET", "/os-keypairs?user_id=bob"), ("GET", "/os-keypairs/key?user_id=bob"),
                         ("DELETE", "/os-keypairs/key?user_id=bob")):
        assert cloud.call(method, path, None, "2.10", EVE).status == 403
    assert add(cloud, "x", EVE, "2.10", public_key=KEY, user_id="bob").status == 403
    assert names(cloud, "?user_id=bob", ADMIN, "2.10") == ["key"]
    assert names(cloud, "?user_id=bob", ADMIN, "2.9") == [], "below 2.10 nobody looks at it"
    assert add(cloud, "x", ADMIN, "2.10", public_key=KEY, user_id="bob").body["keypair"]["user_id"] == "bob"
    assert cloud.call("DELETE", "/os-keypairs/key?user_id=bob", None, "2.10", ADMIN).status == 204
    assert names(cloud) == ["x"]


def test_pages(cloud):
    for name in "cab":
        add(cloud, name, public_key=KEY)
    assert names(cloud) == names(cloud, "?limit=2", version="2.34") == ["a", "b", "c"]
    first = cloud.get("/os-keypairs?limit=2", user=BOB, version="2.35").body
    assert [one["keypair"]["name"] for one in first["keypairs"]] == ["a", "b"]
    [link] = first["keypairs_links"]
    assert (link["rel"], link["href"].partition("?")[2]) == ("next", "limit=2&marker=b")
    assert names(cloud, "?limit=2&marker=b") == ["c"]
    answer = cloud.get("/os-keypairs?marker=nope", user=BOB, version="2.35")
    assert (answer.status, answer.message) == (400, "marker [nope] not found")
    assert cloud.get("/os-keypairs?limit=-1", user=BOB, version="2.35").status == 400
    assert cloud.get("/os-keypairs?x=1", user=BOB, version="2.75").status == 400


def test_the_quota_of_a_user(cloud):
    cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"key_pairs": 2}})
    for name, user in (("a", BOB), ("b", BOB), ("a", EVE)):
        assert add(cloud, name, user, public_key=KEY).status == 201
    answer = add(cloud, "c", public_key=KEY)
    assert (answer.status, answer.message) == (403, "Quota exceeded, too many key pairs.")
    cloud.call("PUT", "/os-quota-sets/p1?user_id=eve", {"quota_set": {"key_pairs": 1}})
    assert add(cloud, "b", EVE, public_key=KEY).status == 403
    cloud.call("DELETE", "/os-keypairs/a", user=BOB)
    assert add(cloud, "c", public_key=KEY).status == 201
    cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"key_pairs": -1}})
    assert add(cloud, "d", public_key=KEY).status == 201


def test_a_server_has_a_key_of_its_user(cloud):
    add(cloud, public_key=KEY)
    server = cloud.boot(key_name="key")
    assert cloud.get(f"/servers/{server}", user=BOB).body["server"]["key_name"] == "key"
    body = {"server": {"name": "x", "flavorRef": "1", "imageRef": cloud.image, "key_name": "key"}}
    answer = cloud.call("POST", "/servers", body, user=EVE)
    assert (answer.status, answer.message) == (400, "Invalid key_name provided.")
    cloud.call("DELETE", "/os-keypairs/key", user=BOB)
    assert cloud.get(f"/servers/{server}", user=BOB).body["server"]["key_name"] == "key"


def test_a_rebuild_changes_the_key(cloud):
    add(cloud, "old", public_key=KEY)
    add(cloud, "new", EVE, public_key=KEY)
    server = cloud.boot(key_name="old")

    def rebuild(user, **fields):
        answer = cloud.act(server, "rebuild", {"imageRef": cloud.image} | fields, version="2.54", user=user)
        cloud.set(server, task_state=None)
        return answer

    assert rebuild(BOB).body["server"]["key_name"] == "old"
    assert rebuild(BOB, key_name="new").message == "Invalid key_name provided."
    assert rebuild(EVE, key_name="new").body["server"]["key_name"] == "new"
    assert rebuild(EVE, key_name=None).body["server"]["key_name"] is None


def test_in_2014(cloud, v2):
    answer = v2.call("POST", "/os-keypairs", {"keypair": {"name": "k", "public_key": KEY, "more": 1}})
    assert (answer.status, set(answer.body["keypair"])) == (200, {"name", "public_key", "fingerprint", "user_id"})
    assert [one["keypair"]["name"] for one in v2.get("/os-keypairs").body["keypairs"]] == ["k"]
    assert v2.get("/os-keypairs/k").status == 200
    assert v2.call("DELETE", "/os-keypairs/k").status == 202


@published_samples.needed
@pytest.mark.parametrize(("request_name", "answer_name"), [
    ("keypairs-post-req", "keypairs-post-resp"), ("keypairs-import-post-req", "keypairs-import-post-resp")])
def test_samples_are_taken_and_answered(cloud, request_name, answer_name):
    taken = 0
    for version, path in sample_versions("os-keypairs", f"{request_name}.json"):
        request = json.loads(path.read_text())
        answer = cloud.call("POST", "/os-keypairs", request, f"2.{version}")
        sample = path.parent / f"{answer_name}.json"
        if not sample.exists():
            # That of 2.92 shows what is refused from then on.
            assert (answer.status, "public_key" in answer.message) == (400, True)
            continue
        assert answer.status == (201 if version >= 2 else 200), answer.text
        assert not differences(answer.body, json.loads(sample.read_text())), path
        user = request["keypair"].get("user_id", "admin")
        cloud.call("DELETE", f"/os-keypairs/{request['keypair']['name']}?user_id={user}", version="2.10")
        taken += 1
    assert taken >= 3


@published_samples.needed
@pytest.mark.parametrize(("name", "query"), [
    ("keypairs-list-resp", ""), ("keypairs-list-user1-resp", "?user_id=bob"),
    ("keypairs-list-user2-resp", "?user_id=eve&limit=1"), ("keypairs-get-resp", "/key")])
def test_answers_are_shaped_like_the_samples(cloud, name, query):
    for user in (BOB, EVE, ADMIN):
        add(cloud, user=user, public_key=KEY)
    for version, path in sample_versions("os-keypairs", f"{name}.json"):
        if version == 35 and name == "keypairs-list-resp":
            query = "?limit=1"
        answer = cloud.get(f"/os-keypairs{query}", version=f"2.{version}")
        assert not differences(answer.body, json.loads(path.read_text())), path


@published_samples.needed
def test_no_sample_is_forgotten():
    known = {"keypairs-post-req", "keypairs-post-resp", "keypairs-import-post-req", "keypairs-import-post-resp",
             "keypairs-list-resp", "keypairs-list-user1-resp", "keypairs-list-user2-resp", "keypairs-get-resp"}
    assert {path.stem for path in (SAMPLES / "os-keypairs").rglob("*.json")} == known
