"""The summary of a replay: percentiles, sums, verdict."""

import collections

import pytest

from novasim.cli.replay_player import Books
from novasim.cli.replay_report import Report, percentile_ms

GOOD = {"asked": 10, "active": 8, "boot_no_host": 2, "resize_asked": 5, "resized": 4, "resize_no_host": 1,
        "confirmed": 2, "reverted": 2, "deleted": 3}


def report(counts=None, found=5, errors=(), **more):
    books = Books(collections.Counter(GOOD | (counts or {})), [0.01, 0.02], [0.1], list(errors),
                  set("abcde"))
    return Report(books, 1.26, found, "audit clean", **more)


def test_ok():
    assert report().verdict() == "ok"
    rows = dict(report().rows())
    assert (rows["asked"], rows["ACTIVE"], rows["still alive"], rows["wall time (s)"]) == (10, 8, 5, 1.3)
    assert (rows["boot p50 (ms)"], rows["boot p95 (ms)"], rows["audit"]) == (10.0, 20.0, "audit clean")


@pytest.mark.parametrize(("given", "said"), [
    ({"counts": {"active": 7, "deleted": 2}}, "asked is 10, but active + boot_no_host + boot_errors are 9"),
    ({"counts": {"resize_no_host": 0}}, "resize_asked is 5, but"),
    ({"counts": {"confirmed": 1}}, "resized is 4, but"),
    ({"counts": {"deleted": 4}}, "active is 8, but deleted + alive are 9"),
    ({"found": 6}, "the cluster has 6 servers where 5 must be alive"),
    ({"counts": {"delete_errors": 1}, "errors": ["vm-1: delete: no"]}, "1 errors, such as vm-1: delete: no"),
    ({"audit_clean": False}, "the audit found something"),
    ({"stopped": "no cluster answers", "counts": {"active": 1}, "found": None}, "no cluster answers"),
])
def test_what_is_wrong_is_said(given, said):
    assert report(**given).verdict().startswith(said)


def test_errors_are_part_of_the_sums():
    counts = {"active": 7, "boot_errors": 1, "deleted": 2, "resized": 3, "resize_errors": 1, "confirmed": 1,
              "reverted": 1, "confirmResize_errors": 1}
    assert report(counts, errors=["x"] * 3).problems() == ["3 errors, such as x"]


@pytest.mark.parametrize(("seconds", "percent", "expected"), [
    ([], 50, None), ([0.5], 95, 500.0), ([0.1, 0.2, 0.3, 0.4], 50, 200.0), ([0.1, 0.2, 0.3, 0.4], 95, 400.0),
])
def test_percentile(seconds, percent, expected):
    assert percentile_ms(seconds, percent) == expected
