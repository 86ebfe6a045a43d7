"""Passwords and secrets: kept as bcrypt hashes only, and checked at one cost, whoever it is."""

from __future__ import annotations

import base64
import hashlib

import bcrypt


def _prepared(password: str) -> bytes:
    """bcrypt looks at 72 bytes and stops at a NUL; a digest in base64 has fewer, and none."""
    return base64.b64encode(hashlib.sha256(password.encode()).digest())


class Passwords:
    """
    :param rounds: logarithm of the work of one check
    """

    def __init__(self, rounds: int):
        self._rounds = rounds
        self._of_nobody = self.hashed("")

    def hashed(self, password: str) -> str:
        """What is stored in the place of a password."""
        return bcrypt.hashpw(_prepared(password), bcrypt.gensalt(self._rounds)).decode()

    def fits(self, password: str, stored: str | None) -> bool:
        """Whether a password is the one that was stored; None, of nobody, takes as long and never fits."""
        same = bcrypt.checkpw(_prepared(password), (stored or self._of_nobody).encode())
        return same and stored is not None
