"""A started service, and the heartbeat that says so.

How each service is put together is in the module of its name; a process imports that of its own service only, since
what the others need would double the time of its start and half as much again of its memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from novasim.db import hosts
from novasim.launch import wiring


class Running:
    """A started service: what ends it, in order.

    :param forget: what makes it as it was when it had just started; for clusters that are reset
    """

    def __init__(self, *stops: Callable[[], object], forget: Callable[[], object] = lambda: None, **facts: Any):
        self._stops = stops
        self.forget = forget
        self.facts = facts

    def stop(self) -> None:
        for stop in self._stops:
            stop()


def heartbeat(ground: wiring.Ground, binary: str, topic: str) -> tuple[Callable[[], object], float]:
    """Register the service that this process is; returns what says that it is alive, and how often to, in seconds."""
    host = [ground.conf.host]
    ground.db.write(hosts.register, host, binary, topic)
    return (lambda: ground.db.write(hosts.register, host, binary, topic)), ground.conf.report_interval
