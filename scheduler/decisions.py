"""Why a host was chosen or was not: what led to a decision, in plain values, for ``os-simulator/decisions``.

It is written as the journal is, one line a decision and one file a scheduler process, in a directory of its own; so
an API process of the same machine can read it. What is written is bounded: the counts are of all hosts, the reasons
of so many and the weights of the best few; the record says how many it leaves out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from oslo_config import cfg

from novasim.objects import Selection
from novasim.scheduler.pipeline import Decision, Round
from novasim.scheduler.weighing import best
from novasim.sim.journal import Journal

DIRECTORY = "decisions"
# Of each server of a request, the weights of so many hosts are told, and the names of so many it was drawn from.
TOP = 10
SUBSET_TOLD = 100
# Of each weigher, for each of these hosts.
VALUES = ("raw", "normalized", "multiplier", "weighted")


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
        "filters": _filters(decision, reasons),
        "servers": [_server(decision, uuid, one) for uuid, one in zip(uuids, decision.rounds, strict=False)],
        "servers_left_out": max(len(uuids) - len(decision.rounds), 0),
    }


def _filters(decision: Decision, reasons: int) -> list[dict[str, Any]]:
    """Each step in its order: how many hosts it dropped and left, and which, with the reason. A step that dropped few
    tells of all of them; what it does not use up is for those that dropped many."""
    shares = _shares(decision.steps, reasons)
    hosts: dict[str, list[dict[str, str]]] = {by: [] for by in decision.steps}
    for drop in decision.drops:
        rows = drop.rows[:shares[drop.by] - len(hosts[drop.by])]
        hosts[drop.by] += [
            {"host": decision.hosts.hosts[row], "node": decision.hosts.nodes[row], "reason": reason}
            for row, reason in zip(rows.tolist(), drop.reasons(decision.hosts, decision.spec, rows), strict=True)]
    told, left = [], decision.candidates
    for by, dropped in decision.steps.items():
        left -= dropped
        told.append({"name": by, "dropped": dropped, "left": left, "hosts": hosts[by],
                     "hosts_left_out": dropped - len(hosts[by])})
    return told


def _shares(steps: dict[str, int], total: int) -> dict[str, int]:
    shares = {}
    for number, (by, dropped) in enumerate(sorted(steps.items(), key=lambda step: step[1])):
        shares[by] = min(dropped, total // (len(steps) - number))
        total -= shares[by]
    return shares


def _server(decision: Decision, uuid: str, one: Round) -> dict[str, Any]:
    """How one server's host was found: the heaviest hosts with all numbers, and the draw."""
    hosts, nodes, rows = decision.hosts.hosts, decision.hosts.nodes, one.rows

    def name(position: int) -> dict[str, Any]:
        return {"host": hosts[rows[position]], "node": nodes[rows[position]]}

    chosen = int(one.drawn[one.chosen])
    top = best(one.weights, min(TOP, len(rows)))
    if chosen not in top:
        top = np.append(top, chosen)
    told: list[dict[str, Any]] = [name(position) | {"weight": weight, "weighers": []} for position, weight in
                                  zip(top.tolist(), one.weights[top].tolist(), strict=True)]
    for score in one.scores:
        raw, normalized, multiplier = score.raw[top], score.normalized[top], score.multiplier[top]
        columns = raw, normalized, multiplier, multiplier * normalized
        for host, *numbers in zip(told, *(column.tolist() for column in columns), strict=True):
            host["weighers"].append({"name": score.weigher, **dict(zip(VALUES, numbers, strict=True))})
    return {"instance_uuid": uuid, "weighed": len(rows), "hosts": told, "hosts_left_out": len(rows) - len(top),
            "subset": {"size": len(one.drawn), "drawn": one.chosen,
                       "hosts": [name(position) for position in one.drawn[:SUBSET_TOLD].tolist()]},
            "chosen": name(chosen)}
