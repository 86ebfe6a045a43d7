"""A column of texts of which few differ, such as the CPUs of a fleet: each different one is looked at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from novasim.scheduler.arrays import Array


class Texts:
    """One text a host.

    :param texts: in the order of the rows
    """

    def __init__(self, texts: Sequence[str]):
        self._codes: dict[str, int] = {}
        self._values: list[str] = []
        self._code: Array = np.array([self._code_of(text) for text in texts], dtype="int64")

    def _code_of(self, text: str) -> int:
        code = self._codes.setdefault(text, len(self._values))
        if code == len(self._values):
            self._values.append(text)
        return code

    def __getitem__(self, row: int) -> str:
        return self._values[self._code[row]]

    def __len__(self) -> int:
        return len(self._code)

    def write(self, rows: Array, texts: Sequence[str]) -> None:
        """Other texts for some rows."""
        self._code[rows] = [self._code_of(text) for text in texts]

    def where(self, test: Callable[[str], bool]) -> Array:
        """The rows whose text passes a test; it is asked once for each different text."""
        return np.array([test(text) for text in self._values], dtype=bool)[self._code]

    def numbers(self, number: Callable[[str], float]) -> Array:
        """A number for the text of each row."""
        return np.array([number(text) for text in self._values], dtype="float64")[self._code]
