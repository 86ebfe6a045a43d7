"""Reader of the Azure 2017 VM trace (layout: two files of the same shape, arrivals and lifetimes).

It streams: a line of a file is five minutes of arrivals, and only the VMs that are still to end are kept.
The data are public under Creative Commons Attribution 4.0; results made from them carry that attribution.
"""

import dataclasses
import heapq
import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

from novasim.cli.errors import CliError

ARRIVALS = "v1.test.txt"
LIFETIMES = "v1.test.c2591400.txt"
FLAVORS = "flav_map.txt"
BINS = "v1.interval_map.txt"
Parsed = TypeVar("Parsed")
# What stands between VMs: the end of a batch, and what follows the last comma.
NO_VM = ("|", "")
ATTRIBUTION = "Azure Public Dataset V1 (Cortez et al., SOSP 2017; Bergsma et al., SOSP 2021), CC BY 4.0"


class TraceError(CliError):
    """The trace cannot be read; the text names file and line."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a flavor letter stands for."""

    letter: str
    vcpus: int
    memory_gib: float


@dataclasses.dataclass(frozen=True)
class Vm:
    """One VM of the trace: its number in order of arrival, when it came, its flavor letter, and its end.

    Times are seconds since the trace began; the end is None for a VM that still ran when the trace ended.
    """

    number: int
    arrival_s: int
    letter: str
    end_s: float | None


@dataclasses.dataclass(frozen=True)
class Event:
    """A VM comes, or (ends=True) goes."""

    vm: Vm
    ends: bool = False


def read_shapes(folder: pathlib.Path) -> dict[str, Shape]:
    """Return the flavors by letter.

    :raises TraceError: the file is missing or broken
    """
    return {shape.letter: shape for shape in _records(folder / FLAVORS, _shape)}


def read_lifetimes(folder: pathlib.Path) -> dict[int, float]:
    """Return a lifetime in seconds for each bin: the mean of those that map to it.

    :raises TraceError: the file is missing or broken
    """
    by_bin: dict[int, list[int]] = {}
    for seconds, number in _records(folder / BINS, _bin):
        by_bin.setdefault(number, []).append(seconds)
    return {number: sum(lifetimes) / len(lifetimes) for number, lifetimes in by_bin.items()}


def read_vms(folder: pathlib.Path) -> Iterator[Vm]:
    """Give the VMs in order of arrival, reading no further than they are taken.

    :raises TraceError: a file is missing, a line is broken, or the two files do not go together
    """
    shapes, lifetimes = read_shapes(folder), read_lifetimes(folder)
    numbers = itertools.count()
    with _opened(folder / ARRIVALS) as arrivals, _opened(folder / LIFETIMES) as ends:
        pairs = itertools.zip_longest(arrivals, ends)
        for line, (arrived, ended) in enumerate(pairs, 1):
            yield from _line(folder, line, arrived, ended, shapes, lifetimes, numbers)


def events(vms: Iterable[Vm], limit: int | None = None) -> Iterator[Event]:
    """Give arrivals and ends as one list in order of trace time.

    At the same moment VMs end before others arrive. Those that end after the last arrival do not end here.

    :param limit: take so many VMs; None takes all
    """
    alive: list[tuple[float, int, Vm]] = []
    now = None
    for vm in itertools.islice(vms, limit):
        if vm.arrival_s != now:
            now = vm.arrival_s
            while alive and alive[0][0] <= now:
                yield Event(heapq.heappop(alive)[2], ends=True)
        yield Event(vm)
        if vm.end_s is not None:
            heapq.heappush(alive, (vm.end_s, vm.number, vm))


def _line(folder: pathlib.Path, line: int, arrived: str | None, ended: str | None, shapes: dict[str, Shape],
          lifetimes: dict[int, float], numbers: Iterator[int]) -> Iterator[Vm]:
    """The VMs of one line of the two files."""
    if arrived is None or ended is None:
        missing = ARRIVALS if arrived is None else LIFETIMES
        raise TraceError(f"{folder / missing} has only {line - 1} lines. The other file has more")
    began, letters = _parts(folder / ARRIVALS, line, arrived)
    also_began, fates = _parts(folder / LIFETIMES, line, ended)
    ends_of_batches = [[at for at, item in enumerate(row) if item in NO_VM] for row in (letters, fates)]
    if began != also_began or len(letters) != len(fates) or ends_of_batches[0] != ends_of_batches[1]:
        raise TraceError(f"{folder / LIFETIMES}, line {line}: it does not match {ARRIVALS}. "
                         "Both must have the same times and batches")
    for letter, fate in zip(letters, fates, strict=True):
        if letter in NO_VM:
            continue
        if letter not in shapes:
            raise TraceError(f"{folder / ARRIVALS}, line {line}: '{letter}' is no flavor of {FLAVORS}")
        lasts = _lifetime(folder / LIFETIMES, line, fate, lifetimes)
        yield Vm(next(numbers), began, letter, None if lasts is None else began + lasts)


def _parts(path: pathlib.Path, line: int, text: str) -> tuple[int, list[str]]:
    seconds, blank, items = text.rstrip("\n").partition(" ")
    if not blank or not seconds.isdigit():
        raise TraceError(f"{path}, line {line}: '{text[:20].strip()}' are not seconds and a blank")
    return int(seconds), items.split(",")


def _lifetime(path: pathlib.Path, line: int, fate: str, lifetimes: dict[int, float]) -> float | None:
    """Seconds from `U<bin>`, None from `C<bin>`: such a VM was still running when the trace ended."""
    kind, number = fate[:1], fate[1:]
    if kind not in ("U", "C") or not number.isdigit() or int(number) not in lifetimes:
        raise TraceError(f"{path}, line {line}: '{fate}' is no lifetime (U15, C40) with a bin of {BINS}")
    return lifetimes[int(number)] if kind == "U" else None


def _shape(text: str) -> Shape:
    size, letter = text.split()
    vcpus, memory = size.split(",")
    shape = Shape(letter, int(vcpus), float(memory))
    if shape.vcpus < 1 or shape.memory_gib <= 0:
        raise ValueError("a size below 1 vCPU or without memory")
    return shape


def _bin(text: str) -> tuple[int, int]:
    seconds, number = text.split()
    return int(seconds), int(number)


def _records(path: pathlib.Path, parse: Callable[[str], Parsed]) -> Iterator[Parsed]:
    with _opened(path) as lines:
        for line, text in enumerate(lines, 1):
            try:
                yield parse(text)
            except ValueError as error:
                shown = text.strip()[:40]
                raise TraceError(f"{path}, line {line}: '{shown}' cannot be read: {error}") from error


def _opened(path: pathlib.Path) -> TextIO:
    try:
        return path.open(encoding="ascii", errors="replace")
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {error.strerror}. Give the folder of the trace") from error
