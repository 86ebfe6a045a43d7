"""Failures on purpose, as data: where, what, how often. Product code has one line at each point.

A rule is a dict::

    {"at": "virt.finish_migration", "match": {"host": "cmp-3"}, "do": {"raise": "DiskFull"}, "times": 1}

``match`` compares the keyword arguments of the point (text, ``fnmatch`` patterns allowed); ``do`` is one action or a
list that is taken in turn: ``"ok"``, ``{"raise": text}``, ``{"refuse": text}`` (it fails before it touched anything),
``{"delay": seconds}``, ``"drop"``, ``"duplicate"``;
``times`` counts the hits that act (default: no end), ``p`` is a probability.
"""

from __future__ import annotations

import fnmatch
import threading
from pathlib import Path
from random import Random
from typing import Any

import yaml

from novasim import exceptions
from novasim.sim.clock import Clock
from novasim.sim.stages import OPERATIONS

# Where a rule may act, and which keyword arguments it can match there.
POINTS = {
    "rpc.send": ("topic", "server", "method"),
    "rpc.receive": ("topic", "host", "method"),
    **{f"virt.{verb}": ("host", "instance") for verb in OPERATIONS},
}
_ACTIONS = {"ok", "drop", "duplicate", "raise", "refuse", "delay"}
_OF_MESSAGES = {"drop", "duplicate"}


class Rule:
    """One rule, checked when it is made."""

    def __init__(self, data: dict[str, Any]):
        if not isinstance(data, dict):
            raise exceptions.Invalid(f"fault rule: {data!r} is no mapping")
        unknown = set(data) - {"at", "match", "do", "times", "p"}
        if unknown:
            raise exceptions.Invalid(f"fault rule: unknown key {sorted(unknown)[0]!r}")
        self.at = data.get("at", "")
        if self.at not in POINTS:
            raise exceptions.Invalid(f"fault rule: at: there is no point {self.at!r}; there are "
                                     + ", ".join(sorted(POINTS)))
        match = data.get("match") or {}
        if not isinstance(match, dict):
            raise exceptions.Invalid(f"fault rule: match: {match!r} is no mapping")
        self.match = {key: str(value) for key, value in match.items()}
        for key in set(self.match) - set(POINTS[self.at]):
            raise exceptions.Invalid(f"fault rule: match: {self.at} has no {key!r}")
        actions = data.get("do", "ok")
        self.actions = [self._action(item) for item in (actions if isinstance(actions, list) else [actions])]
        self.times = self._number(data, "times", None)
        self.probability = self._number(data, "p", 1.0)
        self.hits = 0

    @staticmethod
    def _number(data: dict[str, Any], key: str, default: Any) -> Any:
        value = data.get(key, default)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            raise exceptions.Invalid(f"fault rule: {key}: {value!r} is no number of 0 or more")
        return value

    def _action(self, item: Any) -> tuple[str, Any]:
        name, value = next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (item, None)
        if not isinstance(name, str) or name not in _ACTIONS:
            raise exceptions.Invalid(f"fault rule: do: unknown action {item!r}")
        if name in _OF_MESSAGES and self.at != "rpc.send":
            raise exceptions.Invalid(f"fault rule: do: {name} is for rpc.send, not for {self.at}")
        if name == "delay":
            self._number(item if isinstance(item, dict) else {"delay": item}, "delay", None)
        return name, value

    def fits(self, arguments: dict[str, Any]) -> bool:
        return all(fnmatch.fnmatchcase(str(arguments.get(key)), pattern) for key, pattern in self.match.items())


class Faults:
    """The rules in force. With none, :meth:`at` costs one attribute test."""

    def __init__(self, clock: Clock | None = None, random: Random | None = None):
        self._clock = clock or Clock()
        self._random = random or Random(0)
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def load(self, path: str) -> None:
        """Add the rules of a YAML file (a list of rules).

        :raises Invalid: naming what is wrong
        """
        try:
            rules = yaml.safe_load(Path(path).read_text()) or []
        except (OSError, yaml.YAMLError) as error:
            raise exceptions.Invalid(f"fault rules {path}: {error}") from error
        if not isinstance(rules, list):
            raise exceptions.Invalid(f"fault rules {path}: not a list of rules")
        for data in rules:
            self.add(data)

    def add(self, data: dict[str, Any]) -> Rule:
        rule = Rule(data)
        with self._lock:
            self._rules = [*self._rules, rule]
        return rule

    def clear(self) -> None:
        self._rules = []

    def at(self, point: str, **arguments: Any) -> str:
        """Let the rules act here: sleeps, or raises; 'drop' and 'duplicate' are for the caller.

        :returns: "ok", "drop" or "duplicate"
        :raises FaultInjected: where a rule says raise
        :raises InstanceFaultRollback: where a rule says refuse
        """
        if not self._rules:
            return "ok"
        for rule in self._rules:
            action = self._draw(rule, point, arguments)
            if action is None:
                continue
            name, value = action
            if name == "raise":
                raise exceptions.FaultInjected(None if value is None else str(value), point=point)
            if name == "refuse":
                raise exceptions.InstanceFaultRollback(str(value or f"Refused at {point}"))
            if name == "delay":
                self._clock.sleep(float(value))
            elif name != "ok":
                return name
        return "ok"

    def _draw(self, rule: Rule, point: str, arguments: dict[str, Any]) -> tuple[str, Any] | None:
        if rule.at != point or not rule.fits(arguments):
            return None
        with self._lock:
            if rule.times is not None and rule.hits >= rule.times:
                return None
            if rule.probability < 1.0 and self._random.random() >= rule.probability:
                return None
            rule.hits += 1
            return rule.actions[(rule.hits - 1) % len(rule.actions)]
