"""Filters and weighers that look at one host at a time, as those that operators write do.

Such a filter is a class with ``host_passes(host_state, spec)``, such a weigher one with ``_weigh_object(host_state,
spec)``, whose ``weight_multiplier`` is a method of the host or a number. They are made with the configuration if their
constructor takes it. Both see a :class:`HostState` and the :class:`Request`. A filter that says
``run_filter_once_per_request`` is asked for the first server of a request only. For one of ten thousand hosts a call
of Python costs more than all columns together, so a filter is asked about the best candidates first (``First``), which
gives the same answer as asking about all.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request
from novasim.scheduler.weighing import Scales, Score, best

# So many times candidates that turned out not to pass may change the others' weights; then all are asked.
_ROUNDS = 8
_FIRST = 12


def _make(made: Any, conf: cfg.ConfigOpts) -> Any:
    """An object of a class that may or may not want the configuration."""
    try:
        inspect.signature(made).bind(conf)
    except TypeError:
        return made()
    return made(conf)


class PerHostFilter:
    """A filter of one host at a time among those of columns."""

    needs_residents = True

    def __init__(self, made: Any, conf: cfg.ConfigOpts):
        self.name = getattr(made, "name", made.__name__)
        self._one = _make(made, conf)
        self.host_passes = self._one.host_passes
        self.once = getattr(self._one, "run_filter_once_per_request", False)
        # Some have nothing to say of most requests, and tell.
        self.applies = getattr(self._one, "applies", lambda spec: True)
        self._reason = getattr(self._one, "reason", None)

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return self._reason(hosts.state(row), spec) if self._reason else "does not pass"


class PerHostWeigher:
    """A weigher of one host at a time among those of columns."""

    needs_residents = True
    option = None

    def __init__(self, made: Any, conf: cfg.ConfigOpts):
        self.name = getattr(made, "name", made.__name__)
        self._one = _make(made, conf)
        self.minval: float | None = getattr(self._one, "minval", None)
        self.maxval: float | None = getattr(self._one, "maxval", None)

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array:
        """The value of each host."""
        return np.array([self._one._weigh_object(hosts.state(row), spec) for row in rows.tolist()], dtype="float64")

    def multipliers(self, hosts: HostColumns, rows: Array) -> Array:
        """The weigher's multiplier for each of these hosts."""
        multiplier = getattr(self._one, "weight_multiplier", 1.0)
        if callable(multiplier):
            return np.array([multiplier(hosts.state(row)) for row in rows.tolist()], dtype="float64")
        return np.full(len(rows), float(multiplier))


class First:
    """Asks filters of one host at a time about as few hosts as will do, in one decision.

    :param filters: those of the configuration that look at one host at a time, in its order
    """

    def __init__(self, filters: Sequence[PerHostFilter], scales: Scales, hosts: HostColumns, spec: Request):
        self._filters = filters
        self._tests = [one.host_passes for one in filters]
        self._scales = scales
        self._hosts = hosts
        self._spec = spec
        # row -> the place of the filter that dropped it, None when it passes.
        self._dropped: dict[int, int | None] = {}

    def passes(self, row: int) -> bool:
        """Whether a host passes all of them."""
        if row not in self._dropped:
            state = self._hosts.state(row)
            state.limits.clear()
            self._dropped[row] = None
            for place, test in enumerate(self._tests):
                if not test(state, self._spec):
                    self._dropped[row] = place
                    break
        return self._dropped[row] is None

    def dropped(self) -> list[tuple[PerHostFilter, Array]]:
        """The hosts that each filter was seen to drop."""
        rows: list[list[int]] = [[] for _ in self._filters]
        for row, place in sorted(self._dropped.items()):
            if place is not None:
                rows[place].append(row)
        return [(one, np.array(mine, dtype="int64")) for one, mine in zip(self._filters, rows, strict=True)]

    def choose(self, rows: Array, size: int, ties: bool) -> tuple[Array, Array, list[Score], Array]:
        """The best of the hosts that pass, without asking about all of them.

        A host's weight depends on the others through the bounds of each weigher only. So as soon as one host passes
        at each bound, the weights are those that all hosts that pass would give, and the best first can be asked until
        enough of them pass. Where no host at a bound passes, those that do not are left out and all is weighed again.

        :param size: so many of the best are wanted
        :param ties: and all that are as good as the best
        :returns: the hosts that were weighed, their weights and what these are made of, and the best as positions in
            them, in descending order; none when no host passes
        """
        for turn in range(_ROUNDS + 1):
            if turn == _ROUNDS:
                rows = rows[[self.passes(row) for row in rows.tolist()]]
            if not len(rows):
                return rows, np.zeros(0), [], rows
            weights, scores = self._scales.weigh(self._hosts, self._spec, rows)
            if all(self._is_kept(rows, score.raw, bound) for score in scores for bound in score.bounds):
                break
            failed = self._hosts.mask([row for row, place in self._dropped.items() if place is not None])
            rows = rows[~failed[rows]]
        return rows, weights, scores, self._heaviest(rows, weights, size, ties)

    def _is_kept(self, rows: Array, raw: Array, bound: float) -> bool:
        """Whether a weigher's bound stays without the hosts that do not pass: no host or one that passes is at it."""
        at = raw == bound
        first = int(at.argmax())
        return (not at[first] or self.passes(int(rows[first])) or bool(at.all())
                or any(self.passes(int(row)) for row in rows[at]))

    def _heaviest(self, rows: Array, weights: Array, size: int, ties: bool) -> Array:
        found: list[int] = []
        asked, portion = 0, max(_FIRST, size)
        while asked < len(rows):
            portion = min(portion, len(rows))
            for position in best(weights, portion)[asked:].tolist():
                if len(found) >= size and not (ties and weights[position] == weights[found[0]]):
                    return np.array(found)
                if self.passes(int(rows[position])):
                    found.append(position)
            asked, portion = portion, portion * 4
        return np.array(found, dtype="int64")
