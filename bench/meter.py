"""What processes use, as the kernel counts it, and how it is told."""

import json
import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_ms(pids):
    """Milliseconds of CPU, user and system, that these processes and their ended children have used."""
    return sum(_cpu_ms(pid) for pid in pids)


def _cpu_ms(pid):
    try:
        # The second field is a free text in brackets; times are the 14th to 17th.
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) * 1000 / TICKS


def rss_kb(pids):
    """Resident memory of these processes in KB; pages that they share are counted for each."""
    return sum(_rss_kb(pid) for pid in pids)


def _rss_kb(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE // 1024
    except OSError:
        return 0


class Meter:
    """CPU by process group between two moments.

    :param groups: ``{name: function that returns the pids}``
    """

    def __init__(self, groups):
        self._groups = groups
        self._began = self._now()

    def _now(self):
        return {name: cpu_ms(pids()) for name, pids in self._groups.items()}

    def spent(self, operations):
        """Milliseconds of CPU per operation since the beginning, by group, and their sum as "all"."""
        spent = {name: (now - self._began[name]) / operations for name, now in self._now().items()}
        return spent | {"all": sum(spent.values())}


def tell(results, missed, table, file):
    """Print what was measured and what missed its aim; the exit code, 1 for that.

    :param file: where all results are written to, too; or None
    """
    if file:
        file.write_text(json.dumps(results | {"missed": missed}, indent=1) + "\n")
    print(table)
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0
