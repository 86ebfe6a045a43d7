"""What a simulated hypervisor's work costs and how it may end, as data: etc/novasim/stages/*.yaml.

A book says whether copying disks and memory takes time, how fast guests dirty their memory meanwhile, and lists
stages: for which operation one stands, how long it takes and what comes of it::

    copy_disks: true
    dirty_mb_per_s: 50
    stages:
      - {name: finish, when: {op: finish_migration}, delay_s: 8, jitter_s: 4}
      - {name: disk-full, when: {op: finish_migration, host: "cmp-1*"}, weight: 0.02, result: {raise: disk is full}}

Of the entries that fit one is drawn by weight. Chaos is the same mechanism with a heavier weight, not a second one.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from random import Random
from typing import Any

import yaml

from novasim import exceptions
from novasim.sim.clock import Clock

OPERATIONS = ("spawn", "destroy", "power_on", "power_off", "reboot", "pause", "unpause", "suspend", "resume", "rescue",
              "unrescue", "set_admin_password", "inject_nmi", "snapshot", "migrate_disk_and_power_off",
              "finish_migration", "confirm_migration", "finish_revert_migration", "check_can_live_migrate_source",
              "pre_live_migration", "live_migration", "post_live_migration", "post_live_migration_at_destination",
              "rollback_live_migration_at_destination")


class Stage:
    """One entry of a book."""

    def __init__(self, data: dict[str, Any]):
        if not isinstance(data, dict):
            raise exceptions.Invalid(f"stage {data!r}: no mapping")
        self.name = str(data.get("name", "?"))
        unknown = set(data) - {"name", "when", "delay_s", "jitter_s", "weight", "result"}
        if unknown:
            raise exceptions.Invalid(f"stage {self.name}: unknown key {sorted(map(str, unknown))[0]!r}")
        when, result = self._mapping(data, "when"), self._mapping(data, "result")
        self.operation = str(when.get("op"))
        if self.operation not in OPERATIONS:
            raise exceptions.Invalid(f"stage {self.name}: when.op: {self.operation!r} is none of "
                                     + ", ".join(OPERATIONS))
        self.host = str(when.get("host", "*"))
        self.delay_s = self._number(data, "delay_s", 0.0)
        self.jitter_s = self._number(data, "jitter_s", 0.0)
        self.weight = self._number(data, "weight", 1.0)
        self.error = result.get("raise")

    def _mapping(self, data: dict[str, Any], key: str) -> dict[str, Any]:
        value = data.get(key) or {}
        if not isinstance(value, dict):
            raise exceptions.Invalid(f"stage {self.name}: {key}: {value!r} is no mapping")
        return value

    def _number(self, data: dict[str, Any], key: str, default: float) -> float:
        value = data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise exceptions.Invalid(f"stage {self.name}: {key}: {value!r} is no number of 0 or more")
        return float(value)


class StageBook:
    """The stages in force on the hypervisors of a process.

    :param entries: the stages of a YAML file
    :param copy_disks: whether copies between hosts take the time that the hosts' bandwidth gives
    :param dirty_mb_per_s: MiB of its memory that a guest writes to in a second, while it is live-migrated
    :raises Invalid: naming the entry and the key that is wrong
    """

    def __init__(self, entries: Iterable[dict[str, Any]], clock: Clock, random: Random, copy_disks: bool = False,
                 dirty_mb_per_s: float = 0.0):
        self.copy_disks = copy_disks
        self.dirty_mb_per_s = dirty_mb_per_s
        self._clock = clock
        self._random = random
        self._by_operation: dict[str, list[Stage]] = {}
        for entry in entries:
            stage = Stage(entry)
            self._by_operation.setdefault(stage.operation, []).append(stage)

    @classmethod
    def parse(cls, text: str, clock: Clock, random: Random) -> StageBook:
        try:
            book = yaml.safe_load(text) or {}
        except yaml.YAMLError as error:
            raise exceptions.Invalid(f"book of stages: {error}") from error
        if not isinstance(book, dict) or set(book) - {"copy_disks", "dirty_mb_per_s", "stages"}:
            raise exceptions.Invalid("a book of stages has the keys copy_disks, dirty_mb_per_s and stages")
        dirty = book.get("dirty_mb_per_s", 0.0)
        if isinstance(dirty, bool) or not isinstance(dirty, int | float) or dirty < 0:
            raise exceptions.Invalid(f"book of stages: dirty_mb_per_s: {dirty!r} is no number of 0 or more")
        stages = book.get("stages") or []
        if not isinstance(stages, list):
            raise exceptions.Invalid("book of stages: stages: not a list")
        return cls(stages, clock, random, bool(book.get("copy_disks", False)), float(dirty))

    def play(self, operation: str, host: str) -> None:
        """Spend the time of one operation on a host.

        :raises FaultInjected: when the stage drawn ends badly
        """
        fitting = [stage for stage in self._by_operation.get(operation, ()) if fnmatch.fnmatchcase(host, stage.host)]
        if not fitting:
            return
        stage = fitting[0] if len(fitting) == 1 else self._random.choices(
            fitting, [stage.weight for stage in fitting])[0]
        self._clock.sleep(stage.delay_s + (self._random.random() * stage.jitter_s if stage.jitter_s else 0.0))
        if stage.error is not None:
            raise exceptions.FaultInjected(str(stage.error), point=f"virt.{operation}")
