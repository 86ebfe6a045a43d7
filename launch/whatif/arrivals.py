"""The servers of a trace as columns: when each comes and goes, and its flavor."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from novasim import exceptions
from novasim.objects import Flavor

HEADER = ["arrival_s", "end_s", "flavor", "vcpus", "memory_mb", "disk_gb"]


@dataclass(frozen=True)
class Arrivals:
    """Servers in order of arrival; times are seconds, an end is infinite for a server that stays.

    ``kinds`` are numbers of ``flavors``, which go from the largest to the smallest: by memory, then vCPUs.
    """

    flavors: list[Flavor]
    kinds: np.ndarray[Any, Any]
    begins: np.ndarray[Any, Any]
    ends: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.kinds)

    def alive_shares(self) -> np.ndarray[Any, Any]:
        """Part of each flavor in the servers that are there at a time: arrivals count by how long they last."""
        lasts = np.minimum(self.ends, self.begins[-1]) - self.begins
        weights = np.bincount(self.kinds, np.maximum(lasts, 0), len(self.flavors))
        if not weights.any():       # all come at once
            weights = np.bincount(self.kinds, minlength=len(self.flavors)).astype(float)
        shares: np.ndarray[Any, Any] = weights / weights.sum()
        return shares


def read(lines: Iterable[str]) -> Arrivals:
    """Read CSV with the columns of HEADER in any order; an empty end_s is a server that stays.

    :raises Invalid: naming line and column
    """
    reader = csv.DictReader(lines)
    missing = [name for name in HEADER if name not in (reader.fieldnames or ())]
    if missing:
        raise exceptions.Invalid(f"trace: the first line has no column {', '.join(missing)}")
    sizes: dict[str, tuple[int, int, int]] = {}
    names: list[str] = []
    times: list[tuple[float, float]] = []
    for row in reader:
        try:
            times.append(_times(row))
            _see_size(sizes, row)
        except ValueError as error:
            raise exceptions.Invalid(f"trace, line {reader.line_num}: {error}") from error
        names.append(row["flavor"])
    if not names:
        raise exceptions.Invalid("trace: it has no servers")
    order = sorted(sizes, key=lambda name: (*(-size for size in sizes[name]), name))
    number = {name: at for at, name in enumerate(order)}
    begins, ends = np.array(times).T
    sorting = np.argsort(begins, kind="stable")
    flavors = [Flavor(id=at, flavorid=name, name=name, memory_mb=sizes[name][0], vcpus=sizes[name][1],
                      root_gb=sizes[name][2]) for at, name in enumerate(order)]
    return Arrivals(flavors, np.array([number[name] for name in names])[sorting], begins[sorting], ends[sorting])


def _times(row: dict[str, str]) -> tuple[float, float]:
    begin = _number(row, "arrival_s", float)
    end = _number(row, "end_s", float) if row["end_s"] else math.inf
    if end < begin:
        raise ValueError(f"end_s: {row['end_s']} is before arrival_s {row['arrival_s']}")
    return begin, end


def _see_size(sizes: dict[str, tuple[int, int, int]], row: dict[str, str]) -> None:
    if not row["flavor"]:
        raise ValueError("flavor: it is empty")
    size = (_number(row, "memory_mb", int, 1), _number(row, "vcpus", int, 1), _number(row, "disk_gb", int))
    if sizes.setdefault(row["flavor"], size) != size:
        raise ValueError(f"flavor: {row['flavor']} had another size before")


def _number(row: dict[str, str], name: str, kind: type[int] | type[float], least: int = 0) -> Any:
    try:
        number = kind(row[name])
    except (TypeError, ValueError):
        raise ValueError(f"{name}: {row[name]!r} is no {'whole ' if kind is int else ''}number") from None
    if not (math.isfinite(number) and least <= number <= 1e15):
        raise ValueError(f"{name}: {row[name]} is not between {least} and 1e15")
    return number
