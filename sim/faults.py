"""Failures on purpose, as data (fault_rules.py): the rules in force in a process, and the points at which they act.

Product code has one line at each point, which costs one attribute test while there are no rules. A process has rules
of its own (:meth:`Faults.add`) and those that all processes of the cluster share, whose matches are counted together.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import yaml

from novasim import exceptions
from novasim.objects import Instance
from novasim.sim.clock import Clock
from novasim.sim.fault_rules import POINTS, Action, Rule, error_of

__all__ = ["DROP", "DUPLICATE", "HOP", "OK", "POINTS", "REORDER", "Faults", "Hop", "Rule"]
LOG = logging.getLogger(__name__)
OK, DROP, DUPLICATE, REORDER = "ok", "drop", "duplicate", "reorder"
# A hang without an end ends with its rule; its thread looks up now and then all the same.
_LOOK_UP_S = 3600.0


class Hop(NamedTuple):
    """The message that is worked on: what happens meanwhile belongs to it."""
    method: str
    service: str
    host: str | None
    request_id: str | None
    instance: str | None
    arguments: Mapping[str, Any]

    def facts(self) -> dict[str, Any]:
        """What rules can match."""
        return {"hop": self.method, "service": self.service, "host": self.host, "request_id": self.request_id,
                "instance": self.instance, "flavor": lambda: flavor_of(self.arguments)}


def flavor_of(arguments: Mapping[str, Any]) -> str | None:
    """The name of the flavor that a message asks for, else of its server's; None where it does not say."""
    flavor, server = arguments.get("flavor") or arguments.get("instance_type"), arguments.get("instance")
    if isinstance(flavor, dict):
        return flavor.get("name")
    if flavor is not None or not isinstance(server, Instance):
        return getattr(flavor, "name", None)
    # It may travel without.
    return server.system_metadata.get("instance_type_name")


HOP: contextvars.ContextVar[Hop | None] = contextvars.ContextVar("novasim_hop", default=None)
# How a rule counts a match, and what that comes to: (rule, what is known there) -> what to do.
Draw = Callable[[Rule, Mapping[str, Any]], Action | None]


class _Counts:
    """The matches of a rule in this process: (matches, those acted on) by what they are counted for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, int]] = {}

    def draw(self, rule: Rule, facts: Mapping[str, Any]) -> Action | None:
        subject = rule.subject(facts)
        with self._lock:
            number, acted = self._counts.get(subject, (0, 0))
            action = rule.decide(number + 1, acted)
            self._counts[subject] = number + 1, acted + (action is not None)
            return action


class _InForce:
    """A rule, how it counts, and who hangs because of it."""

    __slots__ = ("draw", "hanging", "is_over", "rule")

    def __init__(self, rule: Rule, draw: Draw):
        self.rule, self.draw = rule, draw
        self.hanging: set[threading.Event] = set()
        self.is_over = False


class Faults:
    """The rules in force.

    :ivar rules: all of them; a point that finds none has nothing to do
    :ivar kill: ends this process at once, as a rule may want; None: no rule may
    :ivar tell: is called with (what was done, the rule, where, what is known there) each time that a rule acts
    """

    def __init__(self, clock: Clock | None = None, random: Random | None = None,
                 kill: Callable[[], object] | None = None):
        self._clock = clock or Clock()
        self._random = random or Random(0)
        self._lock = threading.Lock()
        self.rules: tuple[_InForce, ...] = ()
        self._shared: dict[str, _InForce] = {}
        self.kill = kill
        self.tell: Callable[[Action, Rule, str, Mapping[str, Any]], object] = lambda *_: None

    def check(self, data: Any, anywhere: bool = False) -> Rule:
        """Read a rule that may be added.

        :param anywhere: one of all processes, not of this one only
        :raises Invalid: naming what is wrong
        """
        rule = Rule(data, self._clock.now(), self._random.getrandbits(32))
        if rule.kills and self.kill is None and not anywhere:
            raise exceptions.Invalid("fault rule: do: kill: this process is not a service's own")
        return rule

    def add(self, data: dict[str, Any]) -> Rule:
        """Put a rule in force in this process only."""
        rule = self.check(data)
        with self._lock:
            self.rules += (_InForce(rule, _Counts().draw),)
        return rule

    def share(self, shared: Mapping[str, Rule], draw: Callable[[str], Draw]) -> None:
        """Put the rules that all processes share in force, by id, and end those that are no more.

        :param draw: how the rule of an id counts
        """
        with self._lock:
            gone = [force for key, force in self._shared.items() if key not in shared]
            new = {key: _InForce(rule, draw(key)) for key, rule in shared.items() if key not in self._shared}
            self._shared = {key: force for key, force in self._shared.items() if key in shared} | new
            self.rules = (*(force for force in self.rules if force not in gone), *new.values())
            self._end(gone)

    def clear(self) -> None:
        """End all rules of this process; who hangs goes on."""
        with self._lock:
            gone, self.rules, self._shared = self.rules, (), {}
            self._end(gone)

    def _end(self, gone: Iterable[_InForce]) -> None:
        for force in gone:
            force.is_over = True
            for event in force.hanging:
                event.set()

    def at(self, point: str, wake: threading.Event | None = None, **facts: Any) -> str:
        """Let the rules act here: sleeps, hangs, raises or ends the process; the rest is for the caller.

        :param wake: ends a hang
        :param facts: what is known here, as :data:`POINTS` says; the rest is the hop's
        :returns: OK, DROP, DUPLICATE or REORDER
        :raises FaultInjected: where a rule says raise; or the error that it names
        :raises InstanceFaultRollback: where a rule says refuse
        """
        fate = OK
        if not self.rules:
            return fate
        hop = HOP.get()
        facts = (hop.facts() if hop else {}) | {key: value for key, value in facts.items() if value is not None}
        for force in self.rules:
            if point in force.rule.points and force.rule.fits(facts):
                action = self._draw(force, facts)
                if action is not None:
                    fate = self._act(force, action, point, facts, wake)
                    if fate != OK:
                        return fate
        return fate

    def _draw(self, force: _InForce, facts: Mapping[str, Any]) -> Action | None:
        ends = force.rule.ends
        if force.is_over or (ends is not None and self._clock.now() >= ends):
            return None
        try:
            return force.draw(force.rule, facts)
        except Exception:
            LOG.exception("A match of fault rule %s could not be counted; nothing is done", force.rule.name)
            return None

    def _act(self, force: _InForce, action: Action, point: str, facts: Mapping[str, Any],
             wake: threading.Event | None) -> str:
        name, value = action
        if name == "ok":
            return OK
        self.tell(action, force.rule, point, facts)
        if name == "raise":
            if isinstance(value, dict):
                raise error_of(value)
            raise exceptions.FaultInjected(None if value is None else str(value), point=point)
        if name == "refuse":
            raise exceptions.InstanceFaultRollback(str(value or f"Refused at {point}"))
        if name == "kill":
            assert self.kill is not None, "checked when the rule was added"
            self.kill()
        elif name == "delay":
            self._clock.sleep(float(value))
        elif name == "hang":
            self._hang(force, wake or threading.Event())
        else:
            return name
        return OK

    def _hang(self, force: _InForce, event: threading.Event) -> None:
        with self._lock:
            if not force.is_over:
                force.hanging.add(event)
        try:
            while not force.is_over and not event.is_set():
                left = self._seconds_left(force.rule.ends)
                if left <= 0:
                    return
                self._clock.wait(event, left)
        finally:
            with self._lock:
                force.hanging.discard(event)

    def _seconds_left(self, ends: datetime | None) -> float:
        return _LOOK_UP_S if ends is None else (ends - self._clock.now()).total_seconds()


def read(path: str) -> list[Any]:
    """The list of rules that a YAML file is.

    :raises Invalid: when it is none
    """
    try:
        rules = yaml.safe_load(Path(path).read_text()) or []
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise exceptions.Invalid(f"fault rules {path}: {error}") from error
    if not isinstance(rules, list):
        raise exceptions.Invalid(f"fault rules {path}: not a list of rules")
    return rules
