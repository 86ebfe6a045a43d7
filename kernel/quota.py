"""Quota arithmetic: which amounts an operation adds or gives back, and whether they still fit. No SQL here.

Rule of thumb (spec 11.2): while a server is RESIZED its project pays, per resource, for the larger of the two
flavors: increases are paid early, decreases are refunded late.
"""

from __future__ import annotations

from collections.abc import Mapping

from novasim.objects import Flavor

# Resources that are counted, in the order in which their rows are locked.
COUNTED = ("cores", "instances", "ram")
UNLIMITED = -1


def _sizes(flavor: Flavor) -> dict[str, int]:
    return {"cores": flavor.vcpus, "ram": flavor.memory_mb}


def boot_deltas(flavor: Flavor, count: int = 1) -> dict[str, int]:
    """What ``count`` new servers of a flavor take; negative ``count`` gives it back."""
    return {"cores": flavor.vcpus * count, "instances": count, "ram": flavor.memory_mb * count}


def upsize_deltas(old: Flavor, new: Flavor) -> dict[str, int]:
    """What a resize must reserve: the increasing resources only (spec 5.4)."""
    before, after = _sizes(old), _sizes(new)
    return {name: after[name] - before[name] for name in before if after[name] > before[name]}


def downsize_deltas(old: Flavor, new: Flavor) -> dict[str, int]:
    """What confirming a resize gives back (negative), the decreasing resources only (spec 5.9)."""
    before, after = _sizes(old), _sizes(new)
    return {name: after[name] - before[name] for name in before if after[name] < before[name]}


def revert_deltas(old: Flavor, new: Flavor) -> dict[str, int]:
    """What reverting a resize gives back: the increase that finishing it had committed."""
    return {name: -amount for name, amount in upsize_deltas(old, new).items()}


def exceeded(deltas: Mapping[str, int], limits: Mapping[str, int], used: Mapping[str, int]) -> list[str]:
    """The resources, sorted, that an increase would bring over a limit. -1 is unlimited, judged first (spec #54).

    :param used: in use plus reserved
    """
    return sorted(name for name, delta in deltas.items()
                  if delta > 0 and limits[name] != UNLIMITED and used.get(name, 0) + delta > limits[name])


def held(current: Flavor, old: Flavor | None = None, finished: bool = False) -> dict[str, int]:
    """What a server counts for, in the middle of a move too.

    :param old: the flavor before the move, None outside of one
    :param finished: the move reached RESIZED, so its increase is committed and its decrease is not yet refunded
    """
    if old is None:
        return boot_deltas(current)
    if not finished:
        return boot_deltas(old)
    before, after = boot_deltas(old), boot_deltas(current)
    return {name: max(before[name], after[name]) for name in after}
