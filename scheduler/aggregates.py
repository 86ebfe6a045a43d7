"""What the aggregates of each host say, for all hosts at once: the metadata as rows of the fleet by key."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import numpy as np

from novasim.db.aggregates import ZONE_KEY
from novasim.objects import Aggregate
from novasim.scheduler.arrays import Array

LOG = logging.getLogger(__name__)


class Memberships:
    """The aggregates of a fleet. It does not change: another state of the aggregates is another one of these.

    :param rows_of: the rows of hosts in the fleet
    :param count: how many rows there are
    """

    def __init__(self, aggregates: Sequence[Aggregate], rows_of: Callable[[Iterable[str]], list[int]], count: int):
        self._count = count
        self._said: dict[str, list[tuple[str, Array]]] = {}
        self._least: dict[tuple[str, float], Array] = {}
        self._of: dict[str, list[Aggregate]] = {}
        for aggregate in aggregates:
            rows = np.array(rows_of(aggregate.hosts), dtype="int64")
            for host in aggregate.hosts:
                self._of.setdefault(host, []).append(aggregate)
            for key, value in aggregate.metadata.items():
                self._said.setdefault(key, []).append((value, rows))

    def of(self, host: str) -> list[Aggregate]:
        """The aggregates of one host."""
        return self._of.get(host, [])

    def keys(self) -> Collection[str]:
        """What is said of any host."""
        return self._said.keys()

    def said(self, key: str) -> list[tuple[str, Array]]:
        """The values of a key, each with the rows whose aggregate has it."""
        return self._said.get(key, [])

    def said_under(self, prefix: str) -> Iterator[tuple[str, Array]]:
        """The same for all keys that begin so."""
        return (pair for key, pairs in self._said.items() if key.startswith(prefix) for pair in pairs)

    def zones(self) -> list[tuple[str, Array]]:
        """The availability zones."""
        return self.said(ZONE_KEY)

    def least(self, key: str, default: float, whole: bool = False) -> Array:
        """The smallest number that a host's aggregates give for a key (spec 7.7): compared as numbers (12.1 #12).

        :param default: for hosts without one, and for those with one that is no number
        :param whole: only whole numbers are numbers
        """
        if (key, default) not in self._least:
            self._least[key, default] = self._work_out(key, default, int if whole else float)
        return self._least[key, default]

    def _work_out(self, key: str, default: float, kind: Callable[[str], float]) -> Array:
        least = np.full(self._count, np.inf)
        wrong = np.zeros(self._count, dtype=bool)
        for text, rows in self.said(key):
            number = _number(text, kind)
            if number is None:
                LOG.warning("An aggregate's %s is %r, no number; %s is used for its hosts", key, text, default)
                wrong[rows] = True
            else:
                least[rows] = np.minimum(least[rows], number)
        least[wrong | np.isinf(least)] = default
        return least


def _number(text: str, kind: Callable[[str], float]) -> float | None:
    try:
        number = kind(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
