"""The summary of a replay: its rows, whether they add up, and the verdict."""

import dataclasses
import math
from collections.abc import Sequence

from novasim.cli.replay_player import Books

SHOWN_ERRORS = 5
# What must add up: a count, and the counts it falls into.
SUMS = {
    "asked": ("active", "boot_no_host", "boot_errors"),
    "resize_asked": ("resized", "resize_no_host", "resize_errors"),
    "resized": ("confirmed", "reverted", "confirmResize_errors", "revertResize_errors"),
}


@dataclasses.dataclass(frozen=True)
class Report:
    """What a replay came to.

    :param books: the player's
    :param wall_s: seconds from the first job to the last
    :param found_alive: number of servers that the cluster has at the end
    :param audit: what novasim-manage said of an own cluster's books, None when it was not asked
    :param audit_clean: whether it found nothing
    :param stopped: why the replay ended early, None when it did not
    """

    books: Books
    wall_s: float
    found_alive: int | None
    audit: str | None = None
    audit_clean: bool = True
    stopped: str | None = None

    def rows(self) -> list[tuple[str, object]]:
        """Return the names and values of the summary."""
        count = self.books.counts
        return [
            ("asked", count["asked"]),
            ("ACTIVE", count["active"]),
            ("no valid host (boot)", count["boot_no_host"]),
            ("errors (boot)", count["boot_errors"]),
            ("resize asked", count["resize_asked"]),
            ("resized", count["resized"]),
            ("no valid host (resize)", count["resize_no_host"]),
            ("errors (resize)", count["resize_errors"]),
            ("confirmed", count["confirmed"]),
            ("reverted", count["reverted"]),
            ("errors (confirm, revert)", self._verify_errors()),
            ("deleted", count["deleted"]),
            ("errors (delete)", count["delete_errors"]),
            ("still alive", len(self.books.alive)),
            ("wall time (s)", round(self.wall_s, 1)),
            ("boot p50 (ms)", percentile_ms(self.books.boot_s, 50)),
            ("boot p95 (ms)", percentile_ms(self.books.boot_s, 95)),
            ("resize p50 (ms)", percentile_ms(self.books.resize_s, 50)),
            ("resize p95 (ms)", percentile_ms(self.books.resize_s, 95)),
            ("audit", self.audit or "not asked: the cluster is not ours"),
        ]

    def problems(self) -> list[str]:
        """Return what is wrong, in words; an empty list is a replay that went well."""
        found = [self.stopped] if self.stopped else []
        found += self._sums()
        errors = len(self.books.errors)
        if errors:
            found.append(f"{errors} errors, such as {self.books.errors[0]}")
        if self.found_alive is not None and self.found_alive != len(self.books.alive):
            alive = len(self.books.alive)
            found.append(f"the cluster has {self.found_alive} servers where {alive} must be alive")
        if not self.audit_clean:
            found.append("the audit found something")
        return found

    def verdict(self) -> str:
        """Return the last line: `ok`, or what is wrong."""
        return "; ".join(self.problems()) or "ok"

    def _verify_errors(self) -> int:
        return self.books.counts["confirmResize_errors"] + self.books.counts["revertResize_errors"]

    def _sums(self) -> list[str]:
        """The equations of the summary that do not hold (a replay that was stopped has work under way)."""
        if self.stopped:
            return []
        count = self.books.counts
        sums = {whole: sum(count[part] for part in parts) for whole, parts in SUMS.items()}
        wrong = [f"{whole} is {count[whole]}, but {' + '.join(SUMS[whole])} are {total}"
                 for whole, total in sums.items() if count[whole] != total]
        alive = len(self.books.alive)
        if count["active"] != count["deleted"] + alive:
            wrong.append(f"active is {count['active']}, but deleted + alive are {count['deleted'] + alive}")
        return wrong


def percentile_ms(seconds: Sequence[float], percent: int) -> float | None:
    """Return the nearest-rank percentile of durations in milliseconds, None when there are none."""
    if not seconds:
        return None
    rank = math.ceil(len(seconds) * percent / 100)
    return round(sorted(seconds)[rank - 1] * 1000, 1)
