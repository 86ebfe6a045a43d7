"""What a fault rule says: where it acts, what it does, when. doc/faults.md is about writing them.

A rule is a dict::

    {"at": "virt.finish_migration", "match": {"host": "cmp-3"}, "do": {"raise": "disk is full"}, "times": 1}

``at`` names a point or a pattern of points; ``match`` compares what is known there with patterns (``fnmatch``).
``do`` is one action, or several that are taken in turn. ``nth`` is the first match that it acts on, ``times`` counts
the matches that it acts on, ``per`` counts them apart for each value of something, ``p`` is a probability, ``seed``
makes its draws the same each time, ``ttl_s`` and ``until`` end it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from novasim import exceptions
from novasim.sim.stages import OPERATIONS

_MESSAGE = ("service", "topic", "host", "method", "instance", "flavor", "request_id")
# Where a rule may act, and what it can match there.
POINTS: dict[str, tuple[str, ...]] = {
    "rpc.send": (*_MESSAGE, "server", "hop"),
    "rpc.receive": _MESSAGE,
    "rpc.reply": _MESSAGE,
    **{f"virt.{verb}": ("host", "instance", "flavor", "request_id", "hop") for verb in OPERATIONS},
}
# Actions, and at which points they make sense; () is anywhere.
_ACTIONS: dict[str, tuple[str, ...]] = {
    "ok": (), "raise": (), "refuse": (), "delay": (), "hang": (), "kill": (),
    "drop": ("rpc.send", "rpc.receive", "rpc.reply"), "duplicate": ("rpc.send",), "reorder": ("rpc.send",)}
_KEYS = {"name", "at", "match", "do", "nth", "times", "per", "p", "seed", "ttl_s", "until"}


class Action(NamedTuple):
    """What a rule does: one of the actions, and what it takes."""
    name: str
    value: Any


def _invalid(text: str) -> exceptions.Invalid:
    return exceptions.Invalid(f"fault rule: {text}")


def _number(data: Mapping[str, Any], key: str, default: Any, kinds: Any = (int, float)) -> Any:
    value = data.get(key, default)
    if value is not None and (isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value < 1e12):
        what = "whole number" if kinds is int else "number"
        raise _invalid(f"{key}: {value!r} is no {what} of 0 or more")
    return value


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key) or ""
    if not isinstance(value, str) or len(value) > 255:
        raise _invalid(f"{key}: {value!r} is no text of at most 255 characters")
    return value


class Rule:
    """One rule, checked when it is made.

    :param now: from when on ``ttl_s`` counts
    :param seed: of its draws, where it has none of its own
    :raises Invalid: naming the key that is wrong
    """

    def __init__(self, data: Any, now: datetime = datetime.min, seed: int = 0):
        if not isinstance(data, dict):
            raise _invalid(f"{data!r} is no mapping")
        unknown = set(map(str, data)) - _KEYS
        if unknown:
            raise _invalid(f"unknown key {sorted(unknown)[0]!r}")
        self.data = data
        self.at = _text(data, "at")
        self.points = frozenset(fnmatch.filter(POINTS, self.at))
        if not self.points:
            raise _invalid(f"at: there is no point {self.at!r}; there are " + ", ".join(sorted(POINTS)))
        self.name = _text(data, "name") or self.at
        self.match = self._matching(data.get("match") or {})
        actions = data.get("do", "ok")
        self.actions = [self._action(item) for item in (actions if isinstance(actions, list) else [actions])]
        if not self.actions:
            raise _invalid("do: nothing")
        self.nth = _number(data, "nth", 1, int)
        self.times = _number(data, "times", None, int)
        self.probability = _number(data, "p", 1.0)
        self.seed = _number(data, "seed", seed, int)
        self.per = _text(data, "per")
        if self.per:
            self._see_that_all_know(self.per, "per")
        self.ends = self._end(data, now)

    def _see_that_all_know(self, key: str, where: str) -> None:
        for point in sorted(self.points):
            if key not in POINTS[point]:
                raise _invalid(f"{where}: {point} has no {key!r}")

    def _matching(self, match: Any) -> dict[str, str]:
        if not isinstance(match, dict):
            raise _invalid(f"match: {match!r} is no mapping")
        for key in match:
            self._see_that_all_know(str(key), "match")
        return {key: str(value) for key, value in match.items()}

    def _action(self, item: Any) -> Action:
        name, value = next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (item, None)
        if not isinstance(name, str) or name not in _ACTIONS:
            raise _invalid(f"do: unknown action {item!r}; there are {', '.join(_ACTIONS)}")
        allowed = _ACTIONS[name]
        if allowed and not self.points <= set(allowed):
            raise _invalid(f"do: {name} is for {', '.join(allowed)}, not for {self.at}")
        if name == "delay":
            if value is None:
                raise _invalid("do: delay: how many seconds?")
            _number({"delay": value}, "delay", None)
        if name == "raise" and isinstance(value, dict):
            error_of(value)
        return Action(name, value)

    @staticmethod
    def _end(data: Mapping[str, Any], now: datetime) -> datetime | None:
        ttl_s, until = _number(data, "ttl_s", None), data.get("until")
        ends = []
        if ttl_s is not None:
            ends.append(now + timedelta(seconds=min(ttl_s, 1e9)))
        if until is not None:
            try:
                end = until if isinstance(until, datetime) else datetime.fromisoformat(str(until))
            except ValueError as error:
                raise _invalid(f"until: {until!r} is no time") from error
            ends.append(end.astimezone(UTC).replace(tzinfo=None) if end.tzinfo else end)
        return min(ends, default=None)

    @property
    def kills(self) -> bool:
        return any(action.name == "kill" for action in self.actions)

    def fits(self, facts: Mapping[str, Any]) -> bool:
        return all(fnmatch.fnmatchcase(_told(facts.get(key)), pattern) for key, pattern in self.match.items())

    def subject(self, facts: Mapping[str, Any]) -> str:
        """What its matches are counted for."""
        return _told(facts.get(self.per)) if self.per else ""

    def decide(self, number: int, acted: int) -> Action | None:
        """What to do at a match.

        :param number: of the match, from 1 on
        :param acted: at how many of those before it acted
        """
        if number < self.nth or (self.times is not None and acted >= self.times):
            return None
        if self.probability < 1.0 and Random(f"{self.seed}/{number}").random() >= self.probability:
            return None
        return self.actions[acted % len(self.actions)]


def _told(value: Any) -> str:
    """What is known at a point, as a rule would write it; some of it is worked out only when a rule asks."""
    value = value() if callable(value) else value
    return "" if value is None else str(value)


def error_of(value: Any) -> Exception:
    """The error of ``{"raise": {"error": CLASS, "text": TEXT}}``: one of those that services know.

    :raises Invalid: when there is no such class
    """
    kind = getattr(exceptions, str(value.get("error", "FaultInjected")), None)
    if set(value) - {"error", "text"} or not isinstance(kind, type) or not issubclass(
            kind, exceptions.NovasimException):
        raise _invalid(f"do: raise: {value!r}; it takes error, a class of novasim.exceptions, and text")
    error: Exception = kind(None if value.get("text") is None else str(value["text"]))
    return error
