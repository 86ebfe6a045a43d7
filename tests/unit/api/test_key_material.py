"""Public keys as somebody may send them: each is known by its fingerprint, or refused."""

import base64
import re
import textwrap
import warnings
from datetime import datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from novasim import exceptions
from novasim.api import key_material

NOON = datetime(2026, 1, 1, 12)
FINGERPRINT = {"ssh": re.compile("([0-9a-f]{2}:){15}[0-9a-f]{2}"), "x509": re.compile("([0-9a-f]{2}:){19}[0-9a-f]{2}")}


def _openssh(key):
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


SSH = [key_material.generate("ssh", "user", NOON).public_key, _openssh(ed25519.Ed25519PrivateKey.generate()),
       _openssh(ec.generate_private_key(ec.SECP256R1()))]
X509 = key_material.generate("x509", "user", NOON).public_key
BYTES = {"ssh": [base64.b64decode(key.split()[1]) for key in SSH],
         "x509": [base64.b64decode("".join(X509.splitlines()[1:-1]))]}
KINDS = ("ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com",
         "ssh-rsa-cert-v01@openssh.com")


def _written(kind, raw, said):
    text = base64.b64encode(raw).decode()
    if kind == "ssh":
        return f"{said} {text} remark"
    return "\n".join(["-----BEGIN CERTIFICATE-----", *textwrap.wrap(text, 64), "-----END CERTIFICATE-----", ""])


@pytest.mark.parametrize(("kind", "key"), [*(("ssh", key) for key in SSH), ("x509", X509)],
                         ids=["rsa", "ed25519", "ecdsa", "certificate"])
def test_keys_that_are_whole(kind, key):
    assert FINGERPRINT[kind].fullmatch(key_material.fingerprint(kind, key))
    other = "ssh" if kind == "x509" else "x509"
    with pytest.raises(exceptions.Invalid, match="failed to generate fingerprint"):
        key_material.fingerprint(other, key)


@given(st.data())
def test_keys_that_are_broken(data):
    kind = data.draw(st.sampled_from(["ssh", "x509"]))
    raw = bytearray(data.draw(st.sampled_from(BYTES[kind])))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[at] = data.draw(st.integers(0, 255))
    raw = raw[:data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # of the library, about keys that are weak or odd
        try:
            told = key_material.fingerprint(kind, _written(kind, bytes(raw), data.draw(st.sampled_from(KINDS))))
        except exceptions.Invalid:
            return
    assert FINGERPRINT[kind].fullmatch(told)


@given(st.text(), st.sampled_from(["ssh", "x509"]))
def test_what_is_no_key_at_all(text, kind):
    with pytest.raises(exceptions.Invalid):
        key_material.fingerprint(kind, text)
