"""The leaky buckets of 2014."""

from __future__ import annotations

import types

import pytest

from novasim.api.legacy import rate_limits
from novasim.api.legacy.rate_limits import RateLimited, RateLimits
from novasim.sim.clock import ManualClock


def limits(clock, on=True):
    return RateLimits(types.SimpleNamespace(api=types.SimpleNamespace(rate_limit=on)), clock)


def test_a_bucket_takes_so_many_and_leaks():
    clock = ManualClock()
    bucket = limits(clock)
    for _ in range(120):
        bucket.check("bob", "PUT", "/servers/x")
    with pytest.raises(RateLimited) as caught:
        bucket.check("bob", "PUT", "/servers/x")
    assert (caught.value.code, caught.value.headers) == (429, {"Retry-After": "1"})
    assert caught.value.details == "Only 120 PUT request(s) can be made to * every minute."
    bucket.check("ann", "PUT", "/servers/x")
    bucket.check("bob", "DELETE", "/servers/x")
    clock.advance(0.5)
    bucket.check("bob", "PUT", "/servers/x")
    with pytest.raises(RateLimited):
        bucket.check("bob", "PUT", "/servers/x")
    clock.advance(60)
    for _ in range(120):
        bucket.check("bob", "PUT", "/servers/x")


def test_a_refused_request_is_not_counted():
    clock = ManualClock()
    bucket = limits(clock)
    for _ in range(12):
        bucket.check("bob", "GET", "/os-fping")
    for _ in range(100):
        with pytest.raises(RateLimited) as caught:
            bucket.check("bob", "GET", "/os-fping")
    assert caught.value.headers == {"Retry-After": "5"}
    clock.advance(5)
    bucket.check("bob", "GET", "/os-fping")


def test_reading_is_free_but_for_changes_since():
    bucket = limits(ManualClock())
    for _ in range(500):
        bucket.check("bob", "GET", "/servers?limit=1")
    for _ in range(120):
        bucket.check("bob", "GET", "/servers?changes-since=2014-01-01T00:00:00Z")
    with pytest.raises(RateLimited):
        bucket.check("bob", "GET", "/servers?changes-since=2014-01-01T00:00:00Z")


def test_what_is_left_is_shown():
    clock = ManualClock()
    bucket = limits(clock)
    for _ in range(30):
        bucket.check("bob", "POST", "/servers/x/action")
    shown = {(row["uri"], kind["verb"]): (kind["value"], kind["remaining"]) for row in bucket.shown("bob")
             for kind in row["limit"]}
    assert shown[("*", "POST")] == (120, 90)
    assert shown[("*", "DELETE")] == (120, 120)
    assert len(shown) == len(rate_limits.LIMITS)


def test_without_the_option_nothing_is_counted():
    bucket = limits(ManualClock(), on=False)
    for _ in range(500):
        bucket.check("bob", "POST", "/servers")
    assert bucket.shown("bob") == []


def test_empty_buckets_are_forgotten(monkeypatch):
    monkeypatch.setattr(rate_limits, "_KEPT", 10)
    clock = ManualClock()
    bucket = limits(clock)
    for number in range(11):
        bucket.check(f"user{number}", "PUT", "/")
        clock.advance(1)
    assert len(bucket._empty_at) == 1
