"""What key pairs are made of: keys for SSH, certificates for logging in with X.509, and what they are known by."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from novasim import exceptions

SSH, X509 = "ssh", "x509"
BITS = 2048
LIFE = timedelta(days=3650)
# The name by which Windows knows who logs in with a certificate.
_USER_PRINCIPAL_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_LONGEST_COMMON_NAME = 64
_UTF8_STRING = b"\x0c"
# Up to 127, the length of a text is one byte.
_MOST_BYTES = 100


class Material(NamedTuple):
    """A pair that was made: its public part, and what nobody keeps."""
    public_key: str
    private_key: str


def generate(kind: str, user_id: str, now: datetime) -> Material:
    """Make a pair.

    :param kind: SSH or X509
    :param now: when the life of a certificate begins
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                serialization.NoEncryption()).decode()
    if kind == SSH:
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return Material(f"{public.decode()} Generated-by-Nova\n", private)
    return Material(_certificate(key, user_id, now).public_bytes(serialization.Encoding.PEM).decode(), private)


def _at_most(count: int, text: str) -> str:
    """The beginning of a text that has so many bytes."""
    return text.encode()[:count].decode(errors="ignore")


def _certificate(key: rsa.RSAPrivateKey, user_id: str, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _at_most(_LONGEST_COMMON_NAME, user_id))])
    principal = f"{_at_most(_MOST_BYTES, user_id)}@localhost".encode()
    return (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + LIFE)
            .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.OtherName(
                _USER_PRINCIPAL_NAME, _UTF8_STRING + bytes([len(principal)]) + principal)]), critical=False)
            .sign(key, hashes.SHA256()))


def _of_ssh(public_key: str) -> str:
    serialization.load_ssh_public_key(public_key.encode())
    return hashlib.md5(base64.b64decode(public_key.split()[1]), usedforsecurity=False).hexdigest()


def _of_x509(public_key: str) -> str:
    return x509.load_pem_x509_certificate(public_key.encode()).fingerprint(hashes.SHA1()).hex()


_DIGESTS: dict[str, Callable[[str], str]] = {SSH: _of_ssh, X509: _of_x509}


def fingerprint(kind: str, public_key: str) -> str:
    """What a public key is known by: pairs of digits with colons.

    :raises Invalid: when it is none of its kind
    """
    try:
        digest = _DIGESTS[kind](public_key)
    except Exception as error:
        # Whatever the parsers have to say of what somebody sent: they have errors of many kinds for it.
        raise exceptions.Invalid("Keypair data is invalid: failed to generate fingerprint") from error
    return ":".join(digest[at:at + 2] for at in range(0, len(digest), 2))
