"""How hosts are chosen, top to bottom: candidates -> ignored and forced -> filters -> weights -> the best few
-> one of them by chance -> its room is given away -> the next server of the request.

The verdict is a value: a :class:`Decision` says what was chosen, which step dropped how many hosts, and why.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from oslo_config import cfg

from novasim import exceptions, states
from novasim.objects import Resident, Selection
from novasim.scheduler import filters, weighers
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.per_host import First, PerHostFilter
from novasim.scheduler.request import Request
from novasim.scheduler.weighing import Scales, Score, best

Reason = Callable[[HostColumns, Request, int], str]
# A text with places, and the columns of what stands in them: to format every reason would cost more than the decision.
Reasons = Callable[[HostColumns, Request, Array], tuple[str, list[Array]]]
NOT_ENOUGH = "There are not enough hosts available."
# A request for hundreds of servers weighs as often; of so many servers the weights are kept to be told.
ROUNDS_KEPT = 8
# With this hint a host that was forced has to pass the filters all the same (spec 7.4).
CHECK_TYPE = "_nova_check_type"


@dataclass(frozen=True)
class Drop:
    """Hosts that one step left out, as a mask."""

    by: str
    lost: Array
    reasons: Reasons

    @functools.cached_property
    def rows(self) -> Array:
        """The same as numbers."""
        return np.flatnonzero(self.lost)

    def told(self, hosts: HostColumns, spec: Request, rows: Array) -> Iterator[str]:
        """Why some of them were left out."""
        text, columns = self.reasons(hosts, spec, rows)
        return (text % values for values in zip(*columns, strict=True))


@dataclass(frozen=True)
class Round:
    """How the host of one server was chosen among those left.

    :param rows: the hosts; ``weights`` and ``scores`` are theirs, in this order
    :param drawn: the best of them, as positions in ``rows``; the host was drawn from these
    :param chosen: which of ``drawn``
    """

    rows: Array
    weights: Array
    scores: list[Score]
    drawn: Array
    chosen: int


@dataclass
class Decision:
    """What was chosen for a request, and what happened to the other hosts.

    ``rejected`` is the reason why not all servers found a host, None when they did; then nothing is selected.
    ``summary`` tells it with names and numbers of hosts, which are not for everybody.
    """

    hosts: HostColumns
    spec: Request
    left: Array                                             # the hosts that no step dropped so far
    drops: list[Drop] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)     # how many hosts each dropped, in the order asked
    rounds: list[Round] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    rejected: str | None = None
    summary: str | None = None
    told: dict[str, Any] = field(default_factory=dict)      # what a witness made of it

    def __post_init__(self) -> None:
        self.candidates = self.count = int(np.count_nonzero(self.left))

    def keep(self, by: str, passes: Array, reasons: Reasons) -> None:
        """Only these hosts are left after a step."""
        left = self.left & passes
        count = int(np.count_nonzero(left))
        self.steps[by] = self.steps.get(by, 0) + self.count - count
        if count < self.count:
            self.drops.append(Drop(by, self.left ^ left, reasons))
            self.left, self.count = left, count

    @property
    def dropped(self) -> dict[str, int]:
        """How many hosts each step dropped, the most severe first."""
        return {by: count for by, count in sorted(self.steps.items(), key=lambda step: -step[1]) if count}

    def reasons(self) -> Iterator[tuple[str, str, str, str]]:
        """(host, node, step, why) of each dropped host; made when asked for, with the numbers of then."""
        for drop in self.drops:
            for row, reason in zip(drop.rows.tolist(), drop.told(self.hosts, self.spec, drop.rows), strict=True):
                yield self.hosts.hosts[row], self.hosts.nodes[row], drop.by, reason

    def raise_if_rejected(self) -> None:
        """:raises NoValidHost: with the reason, and the summary for admins"""
        if self.rejected is not None:
            raise exceptions.NoValidHost(reason=self.rejected, summary=self.summary)

    def reject(self) -> None:
        """Note why, while the numbers are those that were looked at."""
        self.rejected = NOT_ENOUGH
        asked = len(self.spec.instance_uuids)
        found = f"{len(self.selections)} of {asked} servers found one. " if asked > 1 else ""
        if not self.candidates:
            self.summary = f"{found}0 of 0: no compute service has registered."
            return
        dropped = self.dropped
        counts = ", ".join(f"{count} {by}" for by, count in dropped.items())
        worst = next(drop for drop in self.drops if drop.by == next(iter(dropped)))
        [reason] = worst.told(self.hosts, self.spec, worst.rows[:1])
        self.summary = (f"{found}0 of {self.candidates}: {counts}; "
                        f"e.g. {self.hosts.hosts[worst.rows[0]]}: {reason}")


def _each(reason: Reason) -> Reasons:
    """Reasons of several hosts, one after the other."""
    return lambda hosts, spec, rows: ("%s", [
        np.array([reason(hosts, spec, row) for row in rows.tolist()], dtype=object)])


def reasons_of(one: Any) -> Reasons:
    """How a filter tells why it dropped hosts: of many at once, of one, or not at all."""
    many: Reasons | None = getattr(one, "reasons", None)
    return many or _each(getattr(one, "reason", _unsaid))


def _unsaid(hosts: HostColumns, spec: Request, row: int) -> str:
    return "does not pass"


def _ignored(hosts: HostColumns, spec: Request, row: int) -> str:
    return "the request excludes it"


def _not_forced(hosts: HostColumns, spec: Request, row: int) -> str:
    return "the request names " + ", ".join(sorted(spec.force_hosts | spec.force_nodes))


def _not_requested(hosts: HostColumns, spec: Request, row: int) -> str:
    return f"the request asks for {spec.requested_node or spec.requested_host}"


class Pipeline:
    """Filters, weighers and the draw, as configured.

    :param subset_size: the host is drawn from so many of the best
    :param draw: where chance comes from
    :param widen: raw weights outside of a weigher's bounds move them (spec 7.9, 2014)
    :param shuffle: hosts that are as good as the best come in an order of chance
    :ivar needs_residents: whether it must be known which servers are on the hosts
    """

    def __init__(self, filters: Sequence[Any], weighers: Sequence[Any], subset_size: int, draw: Random,
                 widen: bool = False, shuffle: bool = False):
        self._per_host = [one for one in filters if isinstance(one, PerHostFilter)]
        self._filters = [(one, reasons_of(one), getattr(one, "run_filter_once_per_request", False))
                         for one in filters if one not in self._per_host]
        self.needs_residents = any(getattr(one, "needs_residents", False) for one in [*filters, *weighers])
        self._ceilings = [one.limits for one in filters if hasattr(one, "limits")]
        self._scales = Scales(weighers, widen)
        self._subset_size = subset_size
        self._shuffle = shuffle
        self._draw = draw

    @classmethod
    def configured(cls, conf: cfg.ConfigOpts, draw: Random) -> Pipeline:
        """The one that a configuration describes.

        :raises ConfigurationError: when a path leads nowhere
        :raises SchedulerHostFilterNotFound: when a filter is unknown
        """
        options = conf.filter_scheduler
        return cls(filters.load(conf), weighers.load(conf), options.host_subset_size, draw,
                   options.weight_bounds == "widen", options.shuffle_best_same_weighed_hosts)

    def decide(self, hosts: HostColumns, spec: Request, witness: Callable[[Decision], None] | None = None,
               spare: int = 0) -> Decision:
        """Choose a host for each server of a request and give its room away; all of them or none.

        :param hosts: columns that nobody else touches meanwhile
        :param witness: is shown the decision while the numbers are those that led to it
        :param spare: how many alternates are wanted: hosts to be tried after the one that was chosen
        """
        decision = Decision(hosts, spec, hosts.has_service)
        filtered = self._narrow(decision)
        consumed, others, asked = [], spec.group_hosts, False
        for number, uuid in enumerate(spec.instance_uuids):
            asking: list[PerHostFilter] = []
            if filtered:
                asking = [one for one in self._per_host if not (number and one.once) and one.applies(spec)]
                self._filter(decision, number)
                asked = asked or bool(asking)
            ranked = self._choose(decision, asking, spare)
            if not len(ranked):
                decision.reject()
                break
            row = int(ranked[0])
            limits = self._limits(hosts, spec, row, asked) if filtered else {}
            decision.selections.append(
                Selection(host=hosts.hosts[row], nodename=hosts.nodes[row], limits=limits))
            consumed.append(hosts.consume(row, spec.flavor, _given(spec, uuid, hosts, row)))
            # The servers of one request are in one group: the next one sees this one (spec 7.2, step 7e).
            spec.group_hosts = spec.group_hosts | {
                hosts.hosts[row]: spec.group_hosts.get(hosts.hosts[row], 0) + 1}
        if spare and filtered and decision.rejected is None:
            self._name_alternates(decision, ranked, asking, asked, spare)
        if witness is not None:
            witness(decision)
        spec.group_hosts = others
        if decision.rejected is not None:
            decision.selections.clear()
            for before in reversed(consumed):
                hosts.undo(before)
        return decision

    def _narrow(self, decision: Decision) -> bool:
        """Keep the hosts that the request allows (spec 7.4); False when they are taken without being filtered."""
        hosts, spec = decision.hosts, decision.spec
        decision.steps["ignore_hosts"] = 0
        if spec.ignore_hosts:
            decision.keep("ignore_hosts", ~hosts.mask(hosts.rows_called(spec.ignore_hosts)), _each(_ignored))
        if spec.requested_host is not None:
            rows = hosts.rows_of({spec.requested_host})
            if spec.requested_node is not None:
                rows = [row for row in rows if hosts.nodes[row] == spec.requested_node]
            decision.keep("requested_destination", hosts.mask(rows), _each(_not_requested))
        if not (spec.force_hosts or spec.force_nodes):
            return True
        decision.keep("force_hosts", self._forced(hosts, spec), _each(_not_forced))
        return bool(spec.hinted(CHECK_TYPE))

    @staticmethod
    def _forced(hosts: HostColumns, spec: Request) -> Array:
        allowed = np.ones(len(hosts), dtype=bool)
        if spec.force_hosts:
            allowed &= hosts.mask(hosts.rows_called(spec.force_hosts))
        if spec.force_nodes:
            allowed &= np.array([node in spec.force_nodes for node in hosts.nodes], dtype=bool)
        return allowed

    def _filter(self, decision: Decision, number: int) -> None:
        """The filters in their order; what one drops stays dropped for the rest of the request (spec 7.2).

        Those that look at one host at a time come after all others.

        :param number: of the server in the request; some filters are asked for the first one only (spec 7.4)
        """
        for one, reasons, once in self._filters:
            if not decision.count:
                break
            if number and once:
                continue
            passes = one.passes(decision.hosts, decision.spec)
            if passes is None:      # it has nothing to say of this request
                decision.steps.setdefault(one.name, 0)
            else:
                decision.keep(one.name, passes, reasons)

    def _choose(self, decision: Decision, asking: Sequence[PerHostFilter], spare: int) -> Array:
        """The host of one server and so many after it, best first, none when none is left; those that are seen not to
        pass are dropped."""
        hosts, spec, [rows] = decision.hosts, decision.spec, decision.left.nonzero()
        if not decision.count:
            return rows
        size = self._subset_size + spare
        if asking:
            first = First(asking, self._scales, hosts, spec)
            if len(spec.instance_uuids) > 1:
                # What is dropped for one server stays dropped for the next: who would be must be known.
                rows = rows[[first.passes(row) for row in rows.tolist()]]
            rows, weights, scores, order = first.choose(rows, size, self._shuffle)
            for one, dropped in first.dropped():
                decision.keep(one.name, ~hosts.mask(dropped), _each(one.reason))
            if not len(order):
                return order
        else:
            weights, scores = self._scales.weigh(hosts, spec, rows)
            order = self._order(weights, size)
        order = self._shuffled(weights, order)
        drawn = order[:self._subset_size]
        chosen = self._draw.randrange(len(drawn)) if len(drawn) > 1 else 0
        if len(decision.rounds) < ROUNDS_KEPT:
            decision.rounds.append(Round(rows, weights, scores, drawn, chosen))
        if chosen:
            order = np.concatenate([order[chosen:chosen + 1], np.delete(order, chosen)])
        ranked: Array = rows[order]
        return ranked

    def _name_alternates(self, decision: Decision, ranked: Array, asking: Sequence[PerHostFilter], asked: bool,
                         spare: int) -> None:
        """The hosts that come after the chosen one in its list. Several servers share theirs, of a list made anew when
        all have their hosts: those that were given away have less room by then, and are not on it (spec 7.2, M).

        :param ranked: of the last server; ``asking`` and ``asked`` too
        """
        hosts, spec, servers = decision.hosts, decision.spec, len(decision.selections)
        rows = ranked[1:]
        if servers > 1:
            taken = [hosts.by_node[one.host, one.nodename] for one in decision.selections]
            again = Decision(hosts, spec, decision.left & ~hosts.mask(taken))
            self._filter(again, servers)
            rows = self._choose(again, asking, spare)
        found = [Selection(host=hosts.hosts[row], nodename=hosts.nodes[row],
                           limits=self._limits(hosts, spec, row, asked)) for row in rows[:spare].tolist()]
        for selection in decision.selections:
            selection.alternates = found

    def _order(self, weights: Array, size: int) -> Array:
        """The positions of so many of the best, and of all that are as good as the best where they are shuffled."""
        size = min(size, len(weights))
        if self._shuffle:
            size = max(size, int(np.count_nonzero(weights == weights.max())))
        return best(weights, size) if size > 1 else np.array([np.argmax(weights)])

    def _shuffled(self, weights: Array, order: Array) -> Array:
        """Those that are as good as the best in an order of chance, where that is asked for."""
        if not self._shuffle:
            return order
        equal = order[weights[order] == weights[order[0]]].tolist()
        self._draw.shuffle(equal)
        return np.concatenate([np.array(equal, dtype="int64"), order[len(equal):]])

    def _limits(self, hosts: HostColumns, spec: Request, row: int, asked: bool) -> dict[str, float]:
        """What the filters limit the claim to; one that looks at hosts as objects leaves it there."""
        found: dict[str, float] = {}
        for limits in self._ceilings:
            found |= limits(hosts, spec, row)
        return found | hosts.state(row).limits if asked else found


def _given(spec: Request, uuid: str, hosts: HostColumns, row: int) -> Resident | None:
    """A server as it is counted on the host that it was given, until the database has it there."""
    return Resident(uuid, hosts.hosts[row], hosts.nodes[row], spec.project_id, spec.flavor.id, spec.image.get("id"),
                    states.BUILDING, None, spec.os_type) if hosts.residents.tracked else None
