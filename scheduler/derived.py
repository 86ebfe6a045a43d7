"""Columns that follow from others: kept, and worked out again only for the hosts that changed since."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Any

import numpy as np

from novasim.scheduler.arrays import Array

# So many changed rows are worked out one by one; numpy needs microseconds to begin with several.
_ONE_BY_ONE = 16


class Derived:
    """The columns that filters and weighers made of a fleet's."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[Array, set[int]]] = {}

    def __call__(self, key: Hashable, work_out: Callable[[Any], Any]) -> Array:
        """A column, as it is now.

        :param key: under which it is kept; with whatever else ``work_out`` depends on
        :param work_out: gives its values at a row, at an array of rows, or at ``slice(None)``
        :returns: a column that the caller must not change
        """
        if key not in self._kept:
            self._kept[key] = np.asarray(work_out(slice(None))), set()
        column, changed = self._kept[key]
        if len(changed) > _ONE_BY_ONE:
            rows = np.fromiter(changed, dtype="int64")
            column[rows] = work_out(rows)
        else:
            for row in changed:
                column[row] = work_out(row)
        changed.clear()
        return column

    def changed(self, rows: Collection[int]) -> None:
        """These rows of the fleet are not what they were."""
        for _, changed in self._kept.values():
            changed.update(rows)
