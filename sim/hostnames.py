"""Names of many hosts in short: ``cmp-[0001-0050]`` and ``a-[1-3],b``."""

from __future__ import annotations

import re

from novasim import exceptions

_RANGE = re.compile(r"^(?P<head>[^\[\]]*)\[(?P<first>\d+)-(?P<last>\d+)\](?P<tail>[^\[\]]*)$")
MOST = 100_000
_NAME = re.compile(r"^[A-Za-z0-9._-]{1,200}$")


def expand(text: str) -> list[str]:
    """All names that a text stands for, in order; at most 100,000.

    :raises Invalid: naming the part that cannot be read
    """
    names: list[str] = []
    for part in (part.strip() for part in text.split(",")):
        found = _RANGE.match(part)
        if found is None:
            names.append(part)
            continue
        first, last = found["first"], found["last"]
        if int(first) > int(last):
            raise exceptions.Invalid(f"hosts: {part}: {first} is more than {last}")
        if len(last) > 10 or int(last) - int(first) + len(names) >= MOST:
            raise exceptions.Invalid(f"hosts: {part}: more than {MOST} names")
        names += [f"{found['head']}{number:0{len(first)}d}{found['tail']}"
                  for number in range(int(first), int(last) + 1)]
    for name in names:
        if not _NAME.match(name):
            raise exceptions.Invalid(f"hosts: {name!r} is no host name")
    if len(set(names)) != len(names):
        raise exceptions.Invalid("hosts: a name is given twice")
    return names


def of_cluster(count: int) -> str:
    """The hosts of a cluster that ``novasim up --hosts COUNT`` starts."""
    return f"cmp-[0001-{count:04d}]"


def numbered(number: int) -> str:
    """The name of a cluster's host of that number."""
    return f"cmp-{number:04d}"
