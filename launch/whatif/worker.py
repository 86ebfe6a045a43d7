"""How a process begins that plays one policy. It is imported before the concurrency is chosen: it imports no more."""

from __future__ import annotations

import multiprocessing
import os
import threading

from novasim.launch import seam


def begin() -> None:
    """Choose threads, and end when the process that waits for the result is gone, however it ended."""
    seam.choose(seam.THREADING)
    threading.Thread(target=_end_after_parent, name="end-after-parent", daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
