"""Keeps a process's fault rules what the table of the cluster says (db/faults.py).

A process reads the table when it starts, and again each time that it is told that the table has changed.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from novasim import context, exceptions
from novasim.context import RequestContext
from novasim.db import faults as db_faults
from novasim.launch import wiring
from novasim.rpc.faults import FaultRules
from novasim.sim import books
from novasim.sim.fault_rules import Action, Rule
from novasim.sim.faults import Draw, read

LOG = logging.getLogger(__name__)
_NAMESPACE = uuid.UUID("9b4d6a0c-5a53-4c5e-9d5e-1a1f0a6f3f60")


def preset(name: str) -> dict[str, Any]:
    """A preset: what it is ``about``, which driver of the original it ``replaces``, and its ``rules``.

    :raises Invalid: naming those that there are
    """
    try:
        if "/" in name or "." in name:
            raise exceptions.ConfigurationError(reason=f"faults: there is no {name!r}")
        found: dict[str, Any] = yaml.safe_load(books.read("faults", name))
    except exceptions.ConfigurationError as error:
        raise exceptions.Invalid(f"fault rule: preset: {error.text}") from error
    return found


def expand(data: Any) -> list[Any]:
    """The rules that one entry is: itself, or those of a preset, with more to match.

    :raises Invalid: when there is no such preset
    """
    if not isinstance(data, dict) or "preset" not in data:
        return [data]
    more = {key: value for key, value in data.items() if key != "preset"}
    match = more.pop("match", None) or {}
    if not isinstance(match, dict):
        raise exceptions.Invalid(f"fault rule: match: {match!r} is no mapping")
    return [{"name": data["preset"]} | rule | {"match": rule.get("match", {}) | match} | more
            for rule in preset(str(data["preset"]))["rules"]]


class FaultBook:
    """The shared rules of a process.

    :param ground: of the process
    """

    def __init__(self, ground: wiring.Ground):
        self._ground = ground
        self._turn = threading.Lock()
        # A rule that kills is not for the process of a test.
        self._many = ground.service != "cluster"
        ground.faults.tell = self._tell
        if ground.conf.simulator.faults_file:
            self._add_file(ground.conf.simulator.faults_file)
        self.load()

    def _add_file(self, path: str) -> None:
        """Every process does this at its start; a rule is added by the first."""
        data = [rule for entry in read(path) for rule in expand(entry)]
        rules = [self._ground.faults.check(rule, self._many) for rule in data]
        if rules:
            self._ground.db.write(db_faults.add, rules, [
                str(uuid.uuid5(_NAMESPACE, f"{number} {json.dumps(rule, sort_keys=True, default=str)}"))
                for number, rule in enumerate(data)])

    def listen(self) -> None:
        """Hear of changes from now on."""
        name = f"{self._ground.service}-{self._ground.conf.host}-{os.getpid()}".translate(str.maketrans("[],", "---"))
        self._ground.messaging.serve(FaultRules, self, name)
        self._client = self._ground.messaging.client(FaultRules, self._ground.service)
        # What was changed in between.
        self.load()

    def load(self) -> None:
        """Put in force what the table says."""
        with self._turn:
            rows = self._ground.db.read(db_faults.live)
            rules = {row["uuid"]: Rule(row["rule"], row["created_at"], row["seed"]) for row in rows}
            if not rules and not self._ground.faults.rules:
                return
            self._ground.faults.share(rules, self._draw)

    def _draw(self, rule_uuid: str) -> Draw:
        def draw(rule: Rule, facts: Mapping[str, Any]) -> Action | None:
            action: Action | None = self._ground.db.write(
                db_faults.draw, rule_uuid, rule, facts.get("service") or self._ground.service, facts)
            return action
        return draw

    def _tell(self, action: Action, rule: Rule, point: str, facts: Mapping[str, Any]) -> None:
        journal = self._ground.as_service(facts.get("service") or self._ground.service)
        journal.write(f"fault {action.name}", facts.get("request_id"), facts.get("host") or "", kind="fault",
                      rule=rule.name, at=point, instance_uuid=facts.get("instance"),
                      method=facts.get("method") or facts.get("hop"))

    def add(self, entry: dict[str, Any]) -> list[str]:
        """Add a rule, or those of a preset; returns their ids.

        :raises Invalid: naming what is wrong
        """
        rules = [self._ground.faults.check(data, self._many) for data in expand(entry)]
        added = self._ground.db.write(db_faults.add, rules)
        self.changed()
        return added

    def changed(self) -> None:
        """The table was written to: take that over here, and tell the others."""
        self.load()
        self._client.fault_rules_changed(context.admin_context())

    def fault_rules_changed(self, ctxt: RequestContext) -> None:
        """The endpoint of the contract."""
        self.load()

    def presets(self) -> Sequence[dict[str, Any]]:
        """All of them."""
        return [{"name": name} | preset(name) for name in books.names("faults")]
