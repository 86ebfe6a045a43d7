"""What the scheduler is asked: which hosts (spec 7.1)."""

from __future__ import annotations

from typing import Any

from novasim import exceptions
from novasim.rpc.contract import Contract, call


class Scheduler(Contract):
    """Any free scheduler answers."""

    topic = "scheduler"
    version = "3.0"
    aliases = {"grizzly": "2.6", "havana": "2.9", "icehouse": "3.0"}

    @call("3.0", raises=(exceptions.NoValidHost,))
    def select_destinations(self, request_spec: dict[str, Any],
                            filter_properties: dict[str, Any]) -> list[dict[str, Any]]:
        """A host for each of the servers asked for: dicts with host, nodename and limits, best first."""
        raise AssertionError("a declaration, not to be run")
