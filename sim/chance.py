"""Chance, handed in: one seed gives every part its own stream, so that parts do not shift each other's draws."""

from __future__ import annotations

import random


class Chance:
    """Named random streams below one seed; without a seed each run differs.

    :param seed: any integer or text; None draws one, which :attr:`seed` then tells
    """

    def __init__(self, seed: int | str | None = None):
        self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        self._streams: dict[str, random.Random] = {}

    def stream(self, name: str) -> random.Random:
        """A generator of its own for one user of chance ('scheduler', 'stages', ...)."""
        self._streams[name] = random.Random(f"{self.seed}/{name}")
        return self._streams[name]

    def rewind(self) -> None:
        """Let every part draw again what it drew from the start."""
        for name, stream in self._streams.items():
            stream.seed(f"{self.seed}/{name}")
