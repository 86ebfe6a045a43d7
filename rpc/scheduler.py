"""What the scheduler is asked: which hosts (spec 7.1)."""

from __future__ import annotations

from typing import Any

from novasim import exceptions
from novasim.rpc.contract import Contract, call


class Scheduler(Contract):
    """Any free scheduler answers."""

    topic = "scheduler"
    version = "3.1"
    aliases = {"grizzly": "2.6", "havana": "2.9", "icehouse": "3.0"}

    @call("3.0", raises=(exceptions.NoValidHost,), added={"return_alternates": "3.1"})
    def select_destinations(self, request_spec: dict[str, Any], filter_properties: dict[str, Any],
                            return_alternates: bool = False) -> list[dict[str, Any]]:
        """A host for each of the servers asked for: dicts with host, nodename and limits, best first. Where it is asked
        for, each with ``alternates`` of the same form, to be tried after it."""
        raise AssertionError("a declaration, not to be run")
