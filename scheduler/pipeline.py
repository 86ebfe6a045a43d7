"""How hosts are chosen, top to bottom: candidates -> ignored and forced -> filters -> weights -> the best few
-> one of them by chance -> its room is given away -> the next server of the request.

The verdict is a value: a :class:`Decision` says what was chosen, which step dropped how many hosts, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from novasim import exceptions
from novasim.objects import Selection
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request
from novasim.scheduler.weighers import normalize

Reason = Callable[[HostColumns, Request, int], str]


@dataclass(frozen=True)
class Drop:
    """Hosts that one step left out."""

    by: str
    rows: Array
    reason: Reason


@dataclass
class Decision:
    """What was chosen for a request, and what happened to the other hosts.

    ``rejected`` is the reason why not all servers found a host, None when they did; then nothing is selected.
    """

    hosts: HostColumns
    spec: Request
    candidates: int
    drops: list[Drop] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    rejected: str | None = None

    @property
    def dropped(self) -> dict[str, int]:
        """How many hosts each step dropped, the most severe first."""
        counts: Counter[str] = Counter()
        for drop in self.drops:
            counts[drop.by] += len(drop.rows)
        return dict(counts.most_common())

    def reasons(self) -> Iterator[tuple[str, str, str, str]]:
        """(host, node, step, why) of each dropped host; made when asked for, with the numbers of then."""
        for drop in self.drops:
            for row in drop.rows.tolist():
                yield (self.hosts.hosts[row], self.hosts.nodes[row], drop.by,
                       drop.reason(self.hosts, self.spec, row))

    def raise_if_rejected(self) -> None:
        """:raises NoValidHost: with the reason"""
        if self.rejected is not None:
            raise exceptions.NoValidHost(reason=self.rejected)

    def reject(self) -> None:
        """Note why, while the numbers are those that were looked at."""
        text = "There are not enough hosts available."
        asked = len(self.spec.instance_uuids)
        if asked > 1:
            text += f" {len(self.selections)} of {asked} servers found one."
        if not self.candidates:
            self.rejected = f"{text} 0 of 0: no compute service has registered."
            return
        dropped = self.dropped
        text += f" 0 of {self.candidates}: " + ", ".join(f"{count} {by}" for by, count in dropped.items())
        worst = next(drop for drop in self.drops if drop.by == next(iter(dropped)))
        row = int(worst.rows[0])
        self.rejected = f"{text}; e.g. {self.hosts.hosts[row]}: {worst.reason(self.hosts, self.spec, row)}"


def _unsaid(hosts: HostColumns, spec: Request, row: int) -> str:
    return "does not pass"


def _ignored(hosts: HostColumns, spec: Request, row: int) -> str:
    return "the request excludes it"


def _not_forced(hosts: HostColumns, spec: Request, row: int) -> str:
    return "the request names " + ", ".join(sorted(spec.force_hosts | spec.force_nodes))


def _not_requested(hosts: HostColumns, spec: Request, row: int) -> str:
    return f"the request asks for {spec.requested_host}"


class Pipeline:
    """Filters, weighers and the draw, as configured.

    :param subset_size: the host is drawn from so many of the best
    :param draw: where chance comes from
    """

    def __init__(self, filters: Sequence[Any], weighers: Sequence[Any], subset_size: int, draw: Random):
        self._filters = [(one, getattr(one, "reason", _unsaid)) for one in filters]
        self._ceilings = [one.limits for one in filters if hasattr(one, "limits")]
        self._weighers = weighers
        self._subset_size = subset_size
        self._draw = draw

    def decide(self, hosts: HostColumns, spec: Request) -> Decision:
        """Choose a host for each server of a request and give its room away; all of them or none.

        :param hosts: columns that nobody else touches meanwhile
        """
        left = hosts.has_service.copy()
        decision = Decision(hosts, spec, int(np.count_nonzero(left)))
        ignored = hosts.mask(hosts.rows_of(spec.ignore_hosts))
        left = self._keep(decision, left, "ignore_hosts", ~ignored, _ignored)
        if spec.requested_host is not None:
            asked = hosts.mask(hosts.rows_of({spec.requested_host}))
            left = self._keep(decision, left, "requested_destination", asked, _not_requested)
        forced = bool(spec.force_hosts or spec.force_nodes)
        if forced:
            left = self._keep(decision, left, "force_hosts", self._forced(hosts, spec), _not_forced)
        consumed, others = [], spec.group_hosts
        for _ in spec.instance_uuids:
            if not forced:      # hosts that were forced are taken as they are (spec 7.4)
                left = self._filter(decision, left)
            if not left.any():
                decision.reject()
                break
            row = self._choose(hosts, spec, left)
            limits = {} if forced else self._limits(hosts, spec, row)
            decision.selections.append(
                Selection(host=hosts.hosts[row], nodename=hosts.nodes[row], limits=limits))
            consumed.append(hosts.consume(row, spec.flavor))
            # The servers of one request are in one group: the next one sees this one (spec 7.2, step 7e).
            spec.group_hosts = spec.group_hosts | {
                hosts.hosts[row]: spec.group_hosts.get(hosts.hosts[row], 0) + 1}
        spec.group_hosts = others
        if decision.rejected is not None:
            decision.selections.clear()
            for before in reversed(consumed):
                hosts.undo(before)
        return decision

    @staticmethod
    def _keep(decision: Decision, left: Array, by: str, passes: Array, reason: Reason) -> Array:
        kept = left & passes
        rows = np.flatnonzero(left & ~passes)
        if len(rows):
            decision.drops.append(Drop(by, rows, reason))
        return kept

    @staticmethod
    def _forced(hosts: HostColumns, spec: Request) -> Array:
        allowed = np.ones(len(hosts), dtype=bool)
        if spec.force_hosts:
            allowed &= hosts.mask(hosts.rows_of(spec.force_hosts))
        if spec.force_nodes:
            allowed &= np.array([node in spec.force_nodes for node in hosts.nodes], dtype=bool)
        return allowed

    def _filter(self, decision: Decision, left: Array) -> Array:
        """The filters in their order; what one drops stays dropped for the rest of the request (spec 7.2)."""
        for one, reason in self._filters:
            if not left.any():
                break
            left = self._keep(decision, left, one.name, one.passes(decision.hosts, decision.spec), reason)
        return left

    def _choose(self, hosts: HostColumns, spec: Request, left: Array) -> int:
        rows = np.flatnonzero(left)
        weights = np.zeros(len(rows))
        for weigher in self._weighers:
            raw = weigher.raw(hosts, spec)[rows]
            multiplier = hosts.aggregates.least(weigher.option, weigher.multiplier)[rows]
            weights += multiplier * normalize(raw, weigher.minval, weigher.maxval)
        size = min(self._subset_size, len(rows))
        if size == 1:
            return int(rows[np.argmax(weights)])
        best = _best(weights, size)
        return int(rows[best[self._draw.randrange(size)]])

    def _limits(self, hosts: HostColumns, spec: Request, row: int) -> dict[str, float]:
        return {key: value for limits in self._ceilings for key, value in limits(hosts, spec, row).items()}


def _best(weights: Array, size: int) -> Array:
    """Positions of the heaviest, in descending order, equals in theirs. Only the heaviest are sorted."""
    least = np.partition(weights, len(weights) - size)[len(weights) - size]
    among = np.flatnonzero(weights >= least)
    order: Array = among[np.argsort(-weights[among], kind="stable")[:size]]
    return order
