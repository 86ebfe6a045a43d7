"""Why a host was chosen or was not: what led to a decision, in plain values, for ``os-simulator/decisions``.

It is written as the journal is, one line a decision and one file a scheduler process, in a directory of its own; so
an API process of the same machine can read it. What is written is bounded: the counts are of all hosts, the reasons
of so many and the weights of the best few. Decisions are many and few of them are read, so a line holds columns, and
texts with the numbers beside them; whoever reads it (``api/decisions.py``) makes sentences of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from oslo_config import cfg

from novasim.objects import Selection
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.pipeline import Decision, Round
from novasim.scheduler.weighing import best
from novasim.sim.journal import Journal

DIRECTORY = "decisions"
# Of each server of a request, the weights of so many hosts are told, and the names of so many it was drawn from.
TOP = 10
SUBSET_TOLD = 100


class Recorder:
    """Shows decisions to the file.

    :param journal: a pen for the directory ``decisions``
    :param seed: what all draws of this scheduler come from
    """

    def __init__(self, conf: cfg.ConfigOpts, journal: Journal, seed: int | str):
        self._journal = journal
        self._host: str = conf.host
        self._seed = seed
        self._reasons: int = conf.scheduler.decision_reasons

    def witness(self, decision: Decision) -> None:
        """Keep what is told of a decision: while its columns stand still, and before what it took is given back."""
        decision.told = _describe(decision, self._reasons)

    def write(self, decision: Decision) -> None:
        """One line of the file: what was asked, what was seen, and what came of it."""
        spec = decision.spec
        self._journal.write("decision", spec.request_id, self._host, **decision.told, seed=self._seed,
                            chosen=[_name(selection) for selection in decision.selections],
                            alternates=_alternates(decision.selections),
                            rejected=decision.rejected, summary=decision.summary)


def _name(selection: Selection) -> dict[str, Any]:
    return {"host": selection.host, "node": selection.nodename}


def _alternates(selections: list[Selection]) -> list[dict[str, Any]]:
    """What is tried when a chosen host does not take its server: the same for all servers of a request."""
    return [_name(one) for one in selections[0].alternates or ()] if selections else []


def _describe(decision: Decision, reasons: int) -> dict[str, Any]:
    flavor, uuids = decision.spec.flavor, decision.spec.instance_uuids
    return {
        "instance_uuids": uuids,
        "flavor": {"name": flavor.name, "memory_mb": flavor.memory_mb, "vcpus": flavor.vcpus,
                   "disk_gb": flavor.disk_gb, "swap_mb": flavor.swap, "extra_specs": flavor.extra_specs},
        "candidates": decision.candidates,
        "steps": decision.steps,
        "drops": _drops(decision, reasons),
        "placed": len(decision.selections),
        "rounds": [_round(decision, one) for one in decision.rounds],
    }


def _names(hosts: HostColumns, rows: Array) -> dict[str, list[str]]:
    """Of hosts, and of their hypervisors where these have other ones."""
    numbers = rows.tolist()
    names = {"hosts": [hosts.hosts[row] for row in numbers]}
    return names if hosts.nodes_are_hosts else names | {"nodes": [hosts.nodes[row] for row in numbers]}


def _drops(decision: Decision, reasons: int) -> list[dict[str, Any]]:
    """Which hosts each step dropped, and the reason. A step that dropped few tells of all of them; what it does not
    use up is for those that dropped many."""
    shares, told = _shares(decision.steps, reasons), []
    for drop in decision.drops:
        rows = drop.rows[:shares[drop.by]]
        shares[drop.by] -= len(rows)
        text, columns = drop.reasons(decision.hosts, decision.spec, rows)
        told.append({"by": drop.by, "text": text, "values": [column.tolist() for column in columns],
                     **_names(decision.hosts, rows)})
    return told


def _shares(steps: dict[str, int], total: int) -> dict[str, int]:
    shares = {}
    for number, (by, dropped) in enumerate(sorted(steps.items(), key=lambda step: step[1])):
        shares[by] = min(dropped, total // (len(steps) - number))
        total -= shares[by]
    return shares


def _round(decision: Decision, one: Round) -> dict[str, Any]:
    """How one server's host was found: the heaviest hosts with all numbers, and the draw."""
    rows, chosen = one.rows, int(one.drawn[one.chosen])
    top = best(one.weights, min(TOP, len(rows)))
    if chosen not in top:
        top = np.append(top, chosen)
    return {
        "weighed": len(rows), **_names(decision.hosts, rows[top]), "weights": one.weights[top].tolist(),
        "weighers": [{
            "name": score.weigher, "raw": score.raw[top].tolist(), "normalized": score.normalized[top].tolist(),
            "multiplier": score.factor[top].tolist() if isinstance(score.factor, np.ndarray) else score.factor}
            for score in one.scores],
        "subset": {"size": len(one.drawn), "drawn": one.chosen,
                   **_names(decision.hosts, rows[one.drawn[:SUBSET_TOLD]])},
        "chosen": _names(decision.hosts, rows[[chosen]])}
