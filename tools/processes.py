"""What runs on this machine, as the kernel tells it.

Why this exists: the throw-away servers and the tests must be able to say that no process was left behind, and
a process that changed its parent, its session or its title must not slip through.
"""

import contextlib
import glob
import os
import pathlib
import select
import time


def marked(setting):
    """Return the pids of the living processes whose environment holds ``setting`` ("NAME=value")."""
    found = set()
    for environ in glob.glob("/proc/[0-9]*/environ"):
        # Processes end while we look, and those of other people are not ours to read.
        with contextlib.suppress(OSError):
            if setting.encode() in pathlib.Path(environ).read_bytes().split(b"\0"):
                found.add(int(environ.split("/")[2]))
    return found


def descendants(pids):
    """Return the pids of the processes that descend from ``pids``, these excluded."""
    children = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The second field is a free text in brackets; the parent is the second field after it.
            parent = pathlib.Path(stat).read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), set()).add(int(stat.split("/")[2]))
    found, todo = set(), list(pids)
    while todo:
        offspring = children.get(todo.pop(), set())
        found |= offspring
        todo += offspring
    return found


@contextlib.contextmanager
def pidfd(pid):
    """Open a descriptor that gets readable when process ``pid`` ends; ProcessLookupError when it is gone."""
    fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        os.close(fd)


def await_end(pids, timeout_s):
    """Wait until all of ``pids`` have ended; return False when one of them has not within ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    for pid in pids:
        with contextlib.suppress(ProcessLookupError), pidfd(pid) as fd:
            if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
                return False
    return True
