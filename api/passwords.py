"""Passwords of servers' administrators, for requests that name none. They are answered once and kept nowhere."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def generate() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))
