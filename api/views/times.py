"""The two forms of times in answers (clients.md 10)."""

from __future__ import annotations

from datetime import datetime


def seconds(time: datetime | None) -> str | None:
    """Of servers, faults and images: whole seconds, with a Z."""
    return None if time is None else time.strftime("%Y-%m-%dT%H:%M:%SZ")


def microseconds(time: datetime | None) -> str | None:
    """Of everything else: six digits of a second, no zone."""
    return None if time is None else time.isoformat(timespec="microseconds")
