"""How many requests a user may send in a minute (spec 3.1): a leaky bucket for each user and limit, off by default.

The buckets are in the memory of one API process, as they were in 2014: with several, a user has as many of each.
"""

from __future__ import annotations

import math
import re
import threading
from datetime import timedelta
from typing import Any, NamedTuple

from oslo_config import cfg

from novasim.api import wsgi
from novasim.api.views import times
from novasim.sim.clock import Clock


class Limit(NamedTuple):
    """At most ``value`` requests with a method a minute, to the paths that a regular expression finds."""
    verb: str
    uri: str
    regex: str
    value: int


LIMITS = (
    Limit("POST", "*", ".*", 120),
    Limit("POST", "*/servers", "^/servers", 120),
    Limit("PUT", "*", ".*", 120),
    Limit("GET", "*changes-since*", ".*changes-since.*", 120),
    Limit("DELETE", "*", ".*", 120),
    Limit("GET", "*/os-fping", "^/os-fping", 12),
)
_MINUTE_S = 60
# Buckets that are kept; beyond that, those that have run empty are dropped.
_KEPT = 10_000


class RateLimited(wsgi.HttpError):
    """A request too many."""

    def __init__(self, limit: Limit, wait_s: float):
        super().__init__(429, "This request was rate-limited.", {"Retry-After": str(math.ceil(wait_s))})
        self.details = f"Only {limit.value} {limit.verb} request(s) can be made to {limit.uri} every minute."


class RateLimits:
    """The buckets of one process.

    :param conf: with ``[api] rate_limit``
    """

    def __init__(self, conf: cfg.ConfigOpts, clock: Clock):
        self._on: bool = conf.api.rate_limit
        self._clock = clock
        self._lock = threading.Lock()
        # (user, limit) -> when the bucket will have run empty, in seconds of the clock.
        self._empty_at: dict[tuple[str | None, Limit], float] = {}

    def check(self, user_id: str | None, verb: str, path: str) -> None:
        """Count a request.

        :param path: below the project, with its query
        :raises RateLimited: when it is one too many; it is not counted then
        """
        if not self._on:
            return
        limits = [limit for limit in LIMITS if limit.verb == verb and re.search(limit.regex, path)]
        with self._lock:
            now = self._clock.monotonic()
            after = {limit: max(self._empty_at.get((user_id, limit), now), now) + _MINUTE_S / limit.value
                     for limit in limits}
            for limit, empty_at in after.items():
                if empty_at - now > _MINUTE_S:
                    raise RateLimited(limit, empty_at - now - _MINUTE_S)
            self._empty_at |= {(user_id, limit): empty_at for limit, empty_at in after.items()}
            if len(self._empty_at) > _KEPT:
                self._empty_at = {key: empty_at for key, empty_at in self._empty_at.items() if empty_at > now}

    def shown(self, user_id: str | None) -> list[dict[str, Any]]:
        """The limits as ``GET /limits`` tells them, with what a user has left."""
        if not self._on:
            return []
        now = self._clock.monotonic()
        shown: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for limit in LIMITS:
            full_s = max(self._empty_at.get((user_id, limit), now) - now, 0)
            wait = timedelta(seconds=max(full_s + _MINUTE_S / limit.value - _MINUTE_S, 0))
            shown.setdefault((limit.uri, limit.regex), []).append({
                "verb": limit.verb, "value": limit.value, "unit": "MINUTE",
                "remaining": int(limit.value * (1 - full_s / _MINUTE_S)),
                "next-available": times.seconds(self._clock.now() + wait)})
        return [{"uri": uri, "regex": regex, "limit": kinds} for (uri, regex), kinds in shown.items()]
