"""How good the hosts are that are left: each weigher's values between 0 and 1, multiplied, and added up (spec 7.9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

# So many of the heaviest are cheaper to find one after the other than by sorting.
_FEW = 12


@dataclass(frozen=True)
class Score:
    """What one weigher said of the hosts that were left.

    :param factor: its multiplier, of each host or of all
    :param bounds: the raw values that became 0 and 1
    """

    weigher: str
    raw: Array
    normalized: Array
    factor: Array | float
    bounds: tuple[float, float]


def normalize(raw: Array, minval: float | None, maxval: float | None, widen: bool) -> tuple[Array, tuple[float, float]]:
    """Raw values as 0..1, and those that became 0 and 1; where both are the same, all are 0.

    :param minval: declared by the weigher; None: the smallest
    :param widen: values outside of declared bounds move them (2014) instead of being taken for the bound
    """
    least, most = float(np.minimum.reduce(raw)), float(np.maximum.reduce(raw))
    low = least if minval is None or (widen and least < minval) else minval
    high = most if maxval is None or (widen and most > maxval) else maxval
    if minval is None:      # what is not declared is taken from values that were moved into the bounds already
        low = min(low, high)
    elif maxval is None:
        high = max(low, high)
    if low == high:
        return np.zeros(len(raw)), (low, high)
    between: Array = (raw - low if low else raw) / (high - low)
    if least < low or most > high:
        np.clip(between, 0.0, 1.0, out=between)     # the bounds themselves are exactly 0 and 1
    return between, (low, high)


class Scales:
    """The weighers of a configuration.

    :param widen: see :func:`normalize`
    """

    def __init__(self, weighers: Sequence[Any], widen: bool = False):
        self._weighers = weighers
        self._widen = widen

    def weigh(self, hosts: HostColumns, spec: Request, rows: Array) -> tuple[Array, list[Score]]:
        """Weights of these hosts, and what they are made of: weighers that tell no difference are left out."""
        weights: Array | None = None
        scores: list[Score] = []
        for one in self._weighers:
            multiplier = self._multiplier(hosts, one, rows)
            raw = None if isinstance(multiplier, float) and multiplier == 0 else one.raw(hosts, spec, rows)
            if raw is None:
                continue
            normalized, bounds = normalize(raw, one.minval, one.maxval, self._widen)
            if bounds[0] != bounds[1]:
                if weights is None:
                    weights = multiplier * normalized
                elif not isinstance(multiplier, float) or abs(multiplier) != 1:
                    weights += multiplier * normalized
                elif multiplier == 1:
                    weights += normalized
                else:
                    weights -= normalized
            scores.append(Score(one.name, raw, normalized, multiplier, bounds))
        return np.zeros(len(rows)) if weights is None else weights, scores

    @staticmethod
    def _multiplier(hosts: HostColumns, one: Any, rows: Array) -> Array | float:
        """The weigher's own, or for each host what its aggregates say (spec 7.7)."""
        if one.option is None:
            own: Array = one.multipliers(hosts, rows)
            return own
        if not hosts.aggregates.said(one.option):
            return float(one.multiplier)
        sign = getattr(one, "sign", 1)
        return sign * hosts.aggregates.least(one.option, sign * one.multiplier)[rows]


def best(weights: Array, size: int) -> Array:
    """Positions of the heaviest, in descending order, equals in theirs. Only the heaviest are sorted."""
    if size <= _FEW:
        left = weights.copy()
        picked = []
        for _ in range(size):
            picked.append(int(left.argmax()))       # the first of equals
            left[picked[-1]] = -np.inf
        return np.array(picked, dtype="int64")
    least = np.partition(weights, len(weights) - size)[len(weights) - size]
    among = np.flatnonzero(weights >= least)
    order: Array = among[np.argsort(-weights[among], kind="stable")[:size]]
    return order
